/** Outcomes by the pods that made them possible, newest first, page by page: what was delivered, whose it is, and how it stands, without money. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { checkPage, shownState } from './list-outcomes.ts';

export interface EnabledOutcome {
  readonly outcomeId: string;
  readonly title: string;
  readonly state: string;
  readonly deliveredOn: string;
  /** Who has a share of it. */
  readonly pods: readonly string[];
  /** Of the pods asked for, those that made it possible. */
  readonly enabledBy: readonly string[];
}

export interface EnabledPage {
  readonly outcomes: readonly EnabledOutcome[];
  /** Pass it as `after` for the next page; null on the last. */
  readonly next: string | null;
}

/** One page of those that name one of the pods; any pod where `pods` is null. @throws AppError invalid_input as listOutcomes. */
export async function listEnabled(
  db: Kysely<DB>,
  options: { pods: readonly string[] | null; limit: number; after?: string; at: Date },
): Promise<EnabledPage> {
  checkPage(options);
  const { pods, limit, after = null, at } = options;
  const asked = pods === null ? sql`true` : sql`enabler.pod_id = any (${[...pods]}::text[])`;
  const { rows } = await sql<{ view: EnabledOutcome }>`
    select jsonb_build_object('outcomeId', id::text, 'title', title, 'state', ${shownState(at)}, 'deliveredOn', delivered_on,
      'pods', (select coalesce(jsonb_agg(pod_id order by pod_id), '[]') from outcome_share where outcome_id = outcome.id),
      'enabledBy', (select jsonb_agg(pod_id order by pod_id) from outcome_enabler as enabler where outcome_id = outcome.id and ${asked})) as view
    from outcome
    where id in (select outcome_id from outcome_enabler as enabler where ${asked}) and (${after}::bigint is null or id < ${after}::bigint)
    order by id desc limit ${limit + 1}`.execute(db);
  const outcomes = rows.slice(0, limit).map((row) => row.view);
  return { outcomes, next: rows.length > limit ? (outcomes.at(-1)?.outcomeId ?? null) : null };
}
