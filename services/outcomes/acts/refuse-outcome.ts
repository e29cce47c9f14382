/**
 * Taking an outcome out of what counts, always with a reason: a claim is rejected, a counted one is retracted. Open periods know it at
 * once; what a closed month stated stays, and the difference is booked as an adjustment that names the outcome.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import {
  type ActedOutcome,
  type ActedRow,
  beginAct,
  endAct,
  requireReason,
  requireState,
  type SeenAct,
  unchangedBy,
} from './outcome-act.ts';
import { requireSeen } from './seen-version.ts';

export interface RefusalRequest extends SeenAct {
  readonly reason: string;
}

/** @throws AppError forbidden, not_found, conflict, invalid_input without a reason. */
export async function rejectOutcome(trx: Transaction<DB>, request: RefusalRequest): Promise<ActedOutcome> {
  const row = await beginAct(trx, request, { roles: ['finance'], does: 'reject an outcome' });
  const reason = requireReason(request.reason, 'reject');
  if (row.state === 'rejected') return unchangedBy(row, 'it is rejected already');
  await requireSeen(trx, row, request.version);
  const fix = 'What is verified is retracted instead.';
  requireState(row, ['candidate', 'claimed', 'in_review'], 'reject', fix);
  return takeOut(trx, request, row, { state: 'rejected', reason });
}

/** By finance, or by the pod itself. @throws AppError as rejectOutcome. */
export async function retractOutcome(trx: Transaction<DB>, request: RefusalRequest): Promise<ActedOutcome> {
  const row = await beginAct(trx, request, { roles: ['finance', 'pod'], does: 'retract an outcome' });
  const reason = requireReason(request.reason, 'retract');
  if (row.state === 'retracted') return unchangedBy(row, 'it is retracted already');
  await requireSeen(trx, row, request.version);
  const fix = 'What does not count needs no retraction.';
  requireState(row, ['claimed', 'in_review', 'verified', 'partially_verified'], 'retract', fix);
  return takeOut(trx, request, row, { state: 'retracted', reason });
}

async function takeOut(
  trx: Transaction<DB>,
  request: RefusalRequest,
  row: ActedRow,
  { state, reason }: { state: 'rejected' | 'retracted'; reason: string },
): Promise<ActedOutcome> {
  await sql`
    update outcome set state = ${state}, state_reason = ${reason} where id = ${row.id}::bigint`.execute(trx);
  if (state === 'rejected') {
    await sql`
      update outcome_schedule set verdict = 'rejected', verified_amount = null where outcome_id = ${row.id}::bigint`.execute(
      trx,
    );
  }
  const action = state === 'rejected' ? 'reject-outcome' : 'retract-outcome';
  return endAct(trx, request, { act: state, action, reason, details: { was: row.state }, figures: true });
}
