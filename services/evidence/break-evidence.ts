/**
 * Marks evidence as broken: a ticket was reopened, a deployment rolled back, an address leads nowhere. That asks the owner and keeps the
 * outcome from being verified; it never moves money by itself. Finance says that it holds again, or what saw it break sees it hold.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { type Principal, systemPrincipal } from '../kernel/ports.ts';
import { lockOutcomes } from '../outcomes/lock-outcomes.ts';
import { requireOutcome } from './evidence.ts';

/** One piece, or all whose address it is, or all whose address that reference has. */
export type EvidenceTarget =
  | { readonly outcomeId: string; readonly evidenceId: string }
  | { readonly uri: string }
  | { readonly reference: { readonly system: string; readonly key: string } };

export interface TouchedEvidence {
  readonly evidenceId: string;
  readonly outcomeId: string;
  /** Who is asked. */
  readonly ownerEmail: string;
}

export type EvidenceAct = EvidenceTarget & {
  readonly reason: string;
  readonly at: Date;
  /** The system itself if absent: a webhook has no person. */
  readonly principal?: Principal;
};

const REASON_LENGTH_MAX = 1_000;
/** Who may say that evidence holds again: what opens the way to verification is finance's to say. */
const MENDING_ROLES: readonly Principal['role'][] = ['finance', 'system'];

/**
 * Marks what is not broken yet; what is stays as it was first said.
 * @returns the pieces that broke by this call.
 * @throws AppError invalid_input without a reason, not_found for a piece that is not there or that a pod may not touch.
 */
export async function breakEvidence(trx: Transaction<DB>, act: EvidenceAct): Promise<TouchedEvidence[]> {
  const reason = checkedReason(act.reason);
  const found = await findTargets(trx, act);
  const { rows } = await sql<TouchedEvidence>`
    update outcome_evidence as evidence
    set broken_at = ${act.at.toISOString()}::timestamptz, broken_reason = ${reason}, mended_at = null, mended_by = null
    from outcome
    where evidence.id = any (${found}::bigint[]) and outcome.id = evidence.outcome_id and (broken_at is null or mended_at is not null)
    returning evidence.id::text as "evidenceId", outcome.id::text as "outcomeId", owner_email as "ownerEmail"
  `.execute(trx);
  await recordTouched(trx, 'break-evidence', { ...act, reason }, rows);
  return rows;
}

/** Says that evidence holds again. @throws AppError as breakEvidence, and forbidden for a role that may not. */
export async function mendEvidence(trx: Transaction<DB>, act: EvidenceAct): Promise<TouchedEvidence[]> {
  const { principal = systemPrincipal } = act;
  if (!MENDING_ROLES.includes(principal.role)) {
    const message = `That evidence holds again is said by somebody of role finance, not ${principal.role}. Ask them, or add evidence that holds.`;
    throw new AppError('forbidden', message);
  }
  const reason = checkedReason(act.reason);
  const found = await findTargets(trx, act);
  const { rows } = await sql<TouchedEvidence>`
    update outcome_evidence as evidence set mended_at = ${act.at.toISOString()}::timestamptz, mended_by = ${principal.id}
    from outcome
    where evidence.id = any (${found}::bigint[]) and outcome.id = evidence.outcome_id and broken_at is not null and mended_at is null
    returning evidence.id::text as "evidenceId", outcome.id::text as "outcomeId", owner_email as "ownerEmail"
  `.execute(trx);
  await recordTouched(trx, 'mend-evidence', { ...act, reason }, rows);
  return rows;
}

async function findTargets(trx: Transaction<DB>, act: EvidenceAct): Promise<string[]> {
  await lockOutcomes(trx);
  if ('evidenceId' in act) {
    await requireOutcome(trx, act.outcomeId, act.principal);
    const { rows } = await sql<{ id: string }>`
      select id::text as id from outcome_evidence where id::text = ${act.evidenceId} and outcome_id = ${act.outcomeId}::bigint
    `.execute(trx);
    if (rows.length === 0) {
      throw new AppError('not_found', `Outcome ${act.outcomeId} has no evidence ${act.evidenceId}.`);
    }
    return rows.map((row) => row.id);
  }
  const { rows } =
    'uri' in act
      ? await sql<{ id: string }>`select id::text as id from outcome_evidence where uri = ${act.uri}`.execute(trx)
      : await sql<{ id: string }>`
          select evidence.id::text as id from outcome_reference as reference
          join outcome_evidence as evidence on evidence.outcome_id = reference.outcome_id and evidence.uri = reference.url
          where reference.system = ${act.reference.system} and reference.key = ${act.reference.key}
        `.execute(trx);
  return rows.map((row) => row.id);
}

async function recordTouched(
  trx: Transaction<DB>,
  action: 'break-evidence' | 'mend-evidence',
  { principal = systemPrincipal, at, reason }: EvidenceAct,
  touched: readonly TouchedEvidence[],
): Promise<void> {
  for (const { evidenceId, outcomeId } of touched) {
    const details = { evidenceId, reason };
    await recordAudit(trx, { at, principal, action, subjectKind: 'outcome', subjectId: outcomeId, details });
  }
}

function checkedReason(reason: string): string {
  const text = reason.trim();
  if (text === '' || text.length > REASON_LENGTH_MAX) {
    throw new AppError('invalid_input', `Say why, in 1 to ${REASON_LENGTH_MAX} characters.`);
  }
  return text;
}
