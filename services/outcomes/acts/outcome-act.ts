/**
 * What every act on an outcome has in common: the writers' lock, who may act, the row as it stands, and at the end a version with its
 * reason, an audit event and, where figures may move, their version. All in the caller's transaction.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../../attribution/figures-version.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/ports.ts';
import { findObeyed } from '../../kernel/obeyed-signs.ts';
import { option, worded } from '../../kernel/wording.ts';
import { listWords } from '../../organisation/suggestion.ts';
import { CLAIMANTS } from '../claimants.ts';
import { describeCorrections } from './closed-corrections.ts';
import type { OutcomeState } from '../outcome.ts';
import { lockOutcomes } from '../lock-outcomes.ts';
import { type OutcomeActName, recordVersions } from '../record-versions.ts';

/** Who does something to which outcome. */
export interface OutcomeAct {
  readonly outcomeId: string;
  readonly principal: Principal;
  readonly at: Date;
}

/** An act on what was read: another version than this one is refused. */
export interface SeenAct extends OutcomeAct {
  /** Whatever it says by now, if absent. */
  readonly version?: number;
}

export interface ActedOutcome {
  readonly outcomeId: string;
  readonly change: 'changed' | 'unchanged';
  readonly version: number;
  readonly state: string;
  readonly notes: readonly string[];
}

/** The row an act begins from. */
export interface ActedRow {
  readonly id: string;
  readonly version: number;
  readonly state: OutcomeState;
  readonly title: string;
  readonly ownerEmail: string;
  readonly claimants: readonly string[];
  /** Null where it has no amount. */
  readonly currency: string | null;
  readonly reviewDueOn: string | null;
  readonly supersededBy: string | null;
  readonly pods: readonly string[];
}

/** Where nobody says who acts, the local operator does. */
export const TOKEN_HINT = { commandLine: ' OUTTURN_TOKEN says who acts.', http: '' };
const REASON_LENGTH_MAX = 1_000;

/**
 * Locks and reads the outcome for somebody of one of the roles; a pod touches only what is wholly its own, unless `ofSeveral`.
 * @throws AppError forbidden, not_found (also for what a pod has no share of).
 */
export async function beginAct(
  trx: Transaction<DB>,
  { outcomeId, principal }: OutcomeAct,
  who: { roles: readonly Principal['role'][]; does: string; ofSeveral?: boolean },
): Promise<ActedRow> {
  if (!who.roles.includes(principal.role)) {
    const message = worded`${principal.id} may not ${who.does}: that needs the role ${listWords(who.roles)}, not ${principal.role}.${TOKEN_HINT}`;
    throw new AppError('forbidden', message);
  }
  await lockOutcomes(trx);
  const row = /^\d{1,18}$/.test(outcomeId) ? await readRow(trx, outcomeId) : undefined;
  const own = (pod: string) => principal.role !== 'pod' || principal.pods.includes(pod);
  if (row === undefined || !row.pods.some(own)) {
    throw new AppError('not_found', `There is no outcome ${outcomeId}. The list of outcomes shows their ids.`);
  }
  if (who.ofSeveral !== true && !row.pods.every(own)) {
    const message = `Another pod has a share of outcome ${outcomeId}, and a pod changes only what is its own. Ask finance to ${who.does}.`;
    throw new AppError('forbidden', message);
  }
  return row;
}

/** @throws AppError conflict that names what can be done in the state the outcome is in. */
export function requireState(row: ActedRow, states: readonly OutcomeState[], does: string, fix = ''): void {
  if (states.includes(row.state)) return;
  const message =
    row.supersededBy === null
      ? `Outcome ${row.id} is ${asSaid(row.state)}; to ${does} it must be ${asSaid(listWords(states))}. ${fix}`
      : `Outcome ${row.id} is superseded by outcome ${row.supersededBy}, which stands in its place: act on that one.`;
  throw new AppError('conflict', message, { details: { state: row.state } });
}

function asSaid(states: string): string {
  return states.replaceAll('_', ' ').replaceAll('"', '');
}

/** @throws AppError invalid_input where nothing is said, or too much. */
export function requireReason(reason: string | undefined, does: string): string {
  const text = reason?.trim().replaceAll(/\s+/gu, ' ') ?? '';
  if (text !== '' && text.length <= REASON_LENGTH_MAX && findObeyed(text) === null) return text;
  const message = worded`To ${does} an outcome needs a reason: say why with ${option('reason')}, in 1 to ${REASON_LENGTH_MAX} characters that can be read. Whoever claimed it reads it.`;
  throw new AppError('invalid_input', message);
}

/** Raises the version, writes it to the history and the audit trail; `figures` where what counts may have moved. */
export async function endAct(
  trx: Transaction<DB>,
  { outcomeId, principal, at }: OutcomeAct,
  done: {
    act: OutcomeActName;
    action: string;
    reason?: string | null;
    details?: Readonly<Record<string, unknown>>;
    figures: boolean;
    notes?: readonly string[];
  },
): Promise<ActedOutcome> {
  const { rows } = await sql<{ version: number; state: string }>`
    update outcome set version = version + 1, updated_at = ${at.toISOString()}::timestamptz where id = ${outcomeId}::bigint
    returning version, state`.execute(trx);
  const { version = 0, state = '' } = rows[0] ?? {};
  const reason = done.reason ?? null;
  await recordVersions(trx, { acts: [{ outcomeId, act: done.act }], reason, principal, at });
  const details = { version, state, ...(reason === null ? {} : { reason }), ...done.details };
  const corrections = done.figures ? await describeCorrections(trx, outcomeId) : [];
  if (done.figures) await raiseFiguresVersion(trx, { outcomeIds: [outcomeId] });
  await recordAudit(trx, { at, principal, action: done.action, subjectKind: 'outcome', subjectId: outcomeId, details });
  return { outcomeId, change: 'changed', version, state, notes: [...(done.notes ?? []), ...corrections] };
}

/** Where an act finds everything as it would leave it. */
export function unchangedBy(row: ActedRow, ...notes: readonly string[]): ActedOutcome {
  return { outcomeId: row.id, change: 'unchanged', version: row.version, state: row.state, notes };
}

async function readRow(trx: Transaction<DB>, outcomeId: string): Promise<ActedRow | undefined> {
  const { rows } = await sql<ActedRow>`
    select id::text as id, version, state, title, owner_email as "ownerEmail", ${CLAIMANTS} as claimants,
      currency, review_due_on as "reviewDueOn", superseded_by::text as "supersededBy",
      array(select pod_id from outcome_share where outcome_id = outcome.id order by pod_id) as pods
    from outcome where id = ${outcomeId}::bigint`.execute(trx);
  return rows[0];
}
