/** What monitoring watches of each source, in one statement over small tables; load_state_idx and source_run_source_idx carry it. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../schema.gen.ts';

export interface SourceFigures {
  readonly sourceId: string;
  /** Since the last look that went well; since the first look where none ever did, so that it grows there too; null before the first. */
  readonly successAgeSeconds: number | null;
  readonly failures: number;
  readonly isCircuitOpen: boolean;
  /** Of the UTC day of `at`. */
  readonly requestsToday: number;
  /** In whole millionths of a US dollar, rounded: a metric is a number, and money is never a float. */
  readonly microdollarsToday: number;
}

/** Whole numbers that PostgreSQL gives as text. */
type SourceRow = Omit<SourceFigures, 'requestsToday' | 'microdollarsToday'> & {
  readonly requestsToday: string;
  readonly microdollarsToday: string;
};

/** Sources that are looked at, whether by schedule or by hand. */
export async function readSourceFigures(db: Kysely<DB>, at: Date): Promise<SourceFigures[]> {
  const { rows } = await sql<SourceRow>`
    select source.id as "sourceId", coalesce(schedule.failures, 0) as failures, schedule.open_since is not null as "isCircuitOpen",
      extract(epoch from ${at.toISOString()}::timestamptz - coalesce(
        (select finished_at from source_run where source_run.source_id = source.id and outcome <> 'failed' order by source_run.id desc limit 1),
        (select started_at from source_run where source_run.source_id = source.id order by source_run.id limit 1)))::float8 as "successAgeSeconds",
      coalesce(spent.requests, 0) as "requestsToday", round(coalesce(spent.amount, 0) * 1000000)::bigint as "microdollarsToday"
    from source
    left join source_schedule as schedule on schedule.source_id = source.id
    left join source_spending as spent on spent.source_id = source.id and spent.on_date = (${at.toISOString()}::timestamptz at time zone 'UTC')::date
    where removed_at is null and source.settings <> '{}'
    order by source.id`.execute(db);
  return rows.map((row) => ({
    ...row,
    requestsToday: Number(row.requestsToday),
    microdollarsToday: Number(row.microdollarsToday),
  }));
}
