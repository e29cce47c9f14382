/**
 * Retention of superseded loads: the last version of a billing period per UTC day is kept for 90 days, every other superseded
 * version is dropped a day after it was replaced. What a statement was made of is kept for as long as the statement. Totals, files and
 * rollups of a load are always kept.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

const RETENTION_DAYS = 90;
/** Dropped in one run at the most; the job comes back. */
const LOADS_PER_RUN_MAX = 200;

/** Ids of superseded or failed loads whose charges may go, oldest first. */
export async function listExpiredLoads(db: Kysely<DB>, now: Date): Promise<string[]> {
  const expired = await sql<{ id: string }>`
    with superseded as (
      select id, superseded_at,
        row_number() over (
          partition by source_id, billing_period_start, billing_period_end, (published_at at time zone 'UTC')::date
          order by published_at desc, id desc
        ) as newest_first
      from load
      where state = 'superseded' and charges_dropped_at is null
        and not exists (select from statement_load where statement_load.load_id = load.id)
    )
    select id from superseded
    where superseded_at < ${now.toISOString()}::timestamptz - interval '1 day'
      and not exists (select from statement_load where statement_load.load_id = superseded.id)
      and (newest_first > 1 or superseded_at < ${now.toISOString()}::timestamptz - make_interval(days => ${RETENTION_DAYS}))
    order by superseded_at, id
    limit ${LOADS_PER_RUN_MAX}
  `.execute(db);
  return expired.rows.map((row) => row.id);
}
