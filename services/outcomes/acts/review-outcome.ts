/** Finance takes a claim into review: what is still missing to its verification is said there and then. It counts as claimed. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { utcDate } from '../../kernel/period.ts';
import { type ActedOutcome, beginAct, endAct, type OutcomeAct, requireState, unchangedBy } from './outcome-act.ts';
import { readGates } from '../gates/read-gates.ts';
import { type MissingForVerification, missingForVerification } from '../gates/verification-gates.ts';

export interface ReviewedOutcome extends ActedOutcome {
  /** What stands between it and verification; empty where nothing does. */
  readonly missing: readonly MissingForVerification[];
}

/** @throws AppError forbidden, not_found, conflict. */
export async function reviewOutcome(trx: Transaction<DB>, act: OutcomeAct): Promise<ReviewedOutcome> {
  const row = await beginAct(trx, act, { roles: ['finance'], does: 'review an outcome' });
  requireState(row, ['claimed', 'in_review'], 'review', 'Only a claim is reviewed.');
  const gated = (await readGates(trx, [row.id])).get(row.id);
  const missing = gated === undefined ? [] : missingForVerification(gated, utcDate(act.at));
  if (row.state === 'in_review') return { ...unchangedBy(row), missing };
  await sql`update outcome set state = 'in_review' where id = ${row.id}::bigint`.execute(trx);
  const done = await endAct(trx, act, { act: 'review-started', action: 'review-outcome', figures: false });
  return { ...done, missing };
}
