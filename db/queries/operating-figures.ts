/** What monitoring watches, in one statement: counts and versions, never money. Small tables and the index load_state_idx. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../schema.gen.ts';

export interface OperatingFigures {
  readonly figuresVersion: string;
  readonly rulebookId: number;
  readonly loads: Readonly<Record<string, number>>;
  readonly messages: Readonly<Record<string, number>>;
  /** Since when the oldest message waits to be delivered; null where none does. */
  readonly waitingSince: Date | null;
  readonly workersAlive: number;
  readonly podsDrifting: number;
}

/** Workers count as alive where they were seen at or after `seenSince`. */
export async function readOperatingFigures(db: Kysely<DB>, seenSince: Date): Promise<OperatingFigures> {
  const { rows } = await sql<OperatingFigures>`
    select figures_version::text as "figuresVersion", rulebook_id as "rulebookId",
      (select coalesce(jsonb_object_agg(state, loads), '{}')
        from (select state, count(*)::int as loads from load group by state) as counted) as loads,
      (select coalesce(jsonb_object_agg(state, messages), '{}')
        from (select state, count(*)::int as messages from message group by state) as counted) as messages,
      (select min(created_at) from message where state in ('pending', 'sending', 'unknown')) as "waitingSince",
      (select count(*)::int from worker where seen_at >= ${seenSince.toISOString()}::timestamptz) as "workersAlive",
      (select count(*)::int from drift where closed_at is null) as "podsDrifting"
    from organisation
  `.execute(db);
  const figures = rows[0];
  if (figures === undefined) throw new Error('the table organisation has no row');
  return figures;
}
