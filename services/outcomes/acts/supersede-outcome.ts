/**
 * One outcome takes the place of another, in one transaction: what the old one counted is gone and what the new one counts is there, and no
 * report sees both or neither. References lead to the successor from then on.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import { describeCorrections } from './closed-corrections.ts';
import { createOutcome } from './create-outcome.ts';
import { giveWay } from './give-way.ts';
import { type ActedOutcome, beginAct, type OutcomeAct, requireReason, requireState } from './outcome-act.ts';
import type { OutcomeInput } from '../statement/outcome-input.ts';
import { COUNTED_STATES, OUTCOME_STATES } from '../outcome.ts';

export interface SupersessionRequest extends OutcomeAct {
  readonly reason: string;
  /** One that is there already, or the statement of a new one. */
  readonly successor: { readonly outcomeId: string } | { readonly statement: OutcomeInput };
}

export interface SupersededOutcome extends ActedOutcome {
  readonly successorId: string;
}

/** By finance, or by the pod itself. @throws AppError forbidden, not_found, conflict, invalid_input, invalid_outcomes. */
export async function supersedeOutcome(trx: Transaction<DB>, request: SupersessionRequest): Promise<SupersededOutcome> {
  const { outcomeId, principal, at, successor } = request;
  const row = await beginAct(trx, request, { roles: ['finance', 'pod'], does: 'supersede an outcome' });
  const reason = requireReason(request.reason, 'supersede');
  const states = OUTCOME_STATES.filter((state) => state !== 'superseded' && state !== 'review_due');
  requireState(row, states, 'supersede');
  const notes: string[] = [];
  let successorId: string;
  if ('outcomeId' in successor) {
    successorId = await requireSuccessor(trx, request, successor.outcomeId);
    await giveWay(trx, { outcomeId, successorId, reason, principal, at });
  } else {
    const created = await createOutcome(trx, {
      input: successor.statement,
      principal,
      at,
      replaces: { outcomeId, reason },
    });
    successorId = created.outcomeId;
    notes.push(...created.notes);
  }
  notes.push(...(await describeCorrections(trx, outcomeId)));
  const gained = await describeCorrections(trx, successorId);
  notes.push(...gained.map((note) => `outcome ${successorId}: ${note}`));
  return { outcomeId, change: 'changed', version: row.version + 1, state: 'superseded', notes, successorId };
}

async function requireSuccessor(trx: Transaction<DB>, request: SupersessionRequest, otherId: string): Promise<string> {
  const who = { roles: ['finance', 'pod'] as const, does: 'supersede an outcome' };
  const other = await beginAct(trx, { ...request, outcomeId: otherId }, who);
  if (other.id === request.outcomeId) throw new AppError('invalid_input', 'An outcome does not supersede itself.');
  if (!COUNTED_STATES.includes(other.state)) {
    const message = `Outcome ${other.id} is ${other.state} and cannot take the place of another. Claim it first.`;
    throw new AppError('conflict', message);
  }
  return other.id;
}
