/** What monitoring watches of outcomes, in one statement: counts, an age and bytes, never money. One pass over each of three tables. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../schema.gen.ts';

export interface OutcomeFigures {
  readonly states: Readonly<Record<string, number>>;
  /** Since when the oldest one waits to be verified; null where none does. */
  readonly waitingSince: Date | null;
  readonly brokenEvidence: number;
  readonly fileBytes: number;
  /** What they may be altogether. */
  readonly fileBytesMax: number;
}

export async function readOutcomeFigures(db: Kysely<DB>): Promise<OutcomeFigures> {
  const { rows } = await sql<OutcomeFigures>`
    select coalesce(jsonb_object_agg(state, outcomes), '{}') as states,
      min(since) filter (where state in ('claimed', 'in_review')) as "waitingSince",
      (select count(*)::int from outcome_evidence where broken_at is not null and mended_at is null) as "brokenEvidence",
      (select coalesce(sum(size_bytes), 0)::float8 from evidence_file) as "fileBytes",
      (select evidence_bytes_max::float8 from organisation) as "fileBytesMax"
    from (select state, count(*)::int as outcomes, min(claimed_at) as since from outcome group by state) as counted
  `.execute(db);
  const figures = rows[0];
  if (figures === undefined) throw new Error('an aggregate without a row');
  return figures;
}
