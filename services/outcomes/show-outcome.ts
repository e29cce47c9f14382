/** One outcome with everything around it: what is missing to its verification, its evidence, possible duplicates, and its history. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type EvidenceView, listEvidence } from '../evidence/evidence.ts';
import { AppError } from '../kernel/errors.ts';
import { utcDate } from '../kernel/period.ts';
import { findDeliveryFaults } from './statement/delivery-days.ts';
import { listOutcomes, type OutcomeView } from './list-outcomes.ts';
import { readGates } from './gates/read-gates.ts';
import { type MissingForVerification, missingForVerification } from './gates/verification-gates.ts';

/** One entry of the append-only history. */
export interface OutcomeHistoryEntry {
  readonly version: number;
  readonly state: string;
  readonly act: string;
  readonly reason: string | null;
  readonly at: string;
  readonly principal: string;
}

export interface PossibleDuplicate {
  readonly outcomeId: string;
  readonly title: string;
  readonly state: string;
  readonly reason: string;
  readonly answer: 'distinct' | 'duplicate' | null;
  readonly answeredBy: string | null;
  readonly note: string | null;
}

export interface ShownOutcome extends OutcomeView {
  /** Null where it is not a claim. */
  readonly missing: readonly MissingForVerification[] | null;
  /** The outcomes whose place it took. */
  readonly supersedes: readonly string[];
  readonly evidence: readonly EvidenceView[];
  readonly duplicates: readonly PossibleDuplicate[];
  /** The first version first. */
  readonly history: readonly OutcomeHistoryEntry[];
}

/** What stands against claiming a candidate: a ticket was closed on a day when its pod was not there. */
async function missingToClaim(db: Kysely<DB>, view: OutcomeView, at: Date): Promise<MissingForVerification[]> {
  if (view.state !== 'candidate') return [];
  const { deliveredOn, shares } = view;
  const delivery = { outcomeId: null, deliveredOn, pods: shares.map(({ pod }) => pod) };
  const faults = (await findDeliveryFaults(db, new Map([[0, delivery]]), at)).get(0) ?? [];
  return faults.map(({ reason, fix }) => ({ gate: 'delivery', reason, fix }));
}

/** A pod reads what is its own. @throws AppError not_found. */
export async function showOutcome(db: Kysely<DB>, outcomeId: string, at: Date): Promise<ShownOutcome> {
  const isId = /^\d{1,18}$/.test(outcomeId);
  const view = isId ? (await listOutcomes(db, { outcomeId, limit: 1, at })).outcomes[0] : undefined;
  if (view === undefined) {
    throw new AppError('not_found', `There is no outcome ${outcomeId}. The list of outcomes shows their ids.`);
  }
  const isOpen = ['candidate', 'claimed', 'in_review', 'partially_verified', 'review_due'].includes(view.state);
  const gated = isOpen ? (await readGates(db, [outcomeId])).get(outcomeId) : undefined;
  const { rows: duplicates } = await sql<PossibleDuplicate>`
    select other.id::text as "outcomeId", other.title, other.state, reason, answer, answered_by as "answeredBy", note
    from outcome_duplicate as pair join outcome as other on other.id = pair.outcome_id + pair.other_id - ${outcomeId}::bigint
    where pair.outcome_id = ${outcomeId}::bigint or pair.other_id = ${outcomeId}::bigint order by other.id`.execute(db);
  const { rows: history } = await sql<OutcomeHistoryEntry>`
    select version, state, act, reason, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, principal
    from outcome_version where outcome_id = ${outcomeId}::bigint order by version`.execute(db);
  const { rows: former } = await sql<{ id: string }>`
    select id::text as id from outcome where superseded_by = ${outcomeId}::bigint order by outcome.id`.execute(db);
  return {
    ...view,
    supersedes: former.map(({ id }) => id),
    missing:
      gated === undefined
        ? null
        : [...(await missingToClaim(db, view, at)), ...missingForVerification(gated, utcDate(at))],
    evidence: await listEvidence(db, outcomeId),
    duplicates,
    history,
  };
}
