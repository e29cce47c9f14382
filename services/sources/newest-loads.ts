/** What a source has delivered last of each billing period, published or on its way there. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';

export interface NewestLoad {
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** Of each billing period the newest load of this place, with its files that have lines; periods that another place delivered last are not its matter. */
export async function readNewestLoads(
  db: Kysely<DB>,
  {
    sourceId,
    place,
    period,
  }: {
    sourceId: string;
    place: string;
    /** Null: all of them. */
    period: { readonly start: IsoDate; readonly end: IsoDate } | null;
  },
): Promise<NewestLoad[]> {
  const { rows } = await sql<NewestLoad & { place: string | null }>`
    select load.billing_period_start as start, load.billing_period_end as end, load.place,
      jsonb_agg(jsonb_build_object('name', load_file.name, 'sha256', load_file.sha256) order by ordinal) as files
    from (
      select distinct on (billing_period_start, billing_period_end) * from load
      where source_id = ${sourceId} and state in ('staging', 'staged', 'published')
        and (${period?.start ?? null}::date is null
          or (billing_period_start = ${period?.start ?? null}::date and billing_period_end = ${period?.end ?? null}::date))
      order by billing_period_start, billing_period_end, delivered_at desc, id desc
    ) as load join load_file on load_file.load_id = load.id and load_file.row_count > 0
    group by load.id, load.billing_period_start, load.billing_period_end, load.place
    order by 1, 2`.execute(db);
  return rows.filter((row) => row.place === place);
}
