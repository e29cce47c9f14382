/**
 * The reviewer's answer to a possible duplicate: distinct opens the way to verification, duplicate closes it until one of the two is
 * rejected, retracted or superseded. It may be answered anew.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import { type ActedOutcome, beginAct, endAct, type OutcomeAct, unchangedBy } from '../acts/outcome-act.ts';

export interface DuplicateAnswer extends OutcomeAct {
  readonly otherId: string;
  readonly answer: 'distinct' | 'duplicate';
  readonly note?: string;
}

export interface AnsweredDuplicate extends ActedOutcome {
  readonly otherId: string;
  readonly answer: DuplicateAnswer['answer'];
}

/** @throws AppError forbidden, not_found where the two were never taken for one. */
export async function answerDuplicate(trx: Transaction<DB>, request: DuplicateAnswer): Promise<AnsweredDuplicate> {
  const { otherId, answer, principal, at } = request;
  const row = await beginAct(trx, request, { roles: ['finance'], does: 'answer a possible duplicate' });
  const note = request.note ?? null;
  const known = /^\d{1,18}$/.test(otherId) ? await readAnswer(trx, row.id, otherId) : undefined;
  if (known === undefined) {
    const message = `Outcome ${row.id} and ${otherId} were not found to be possible duplicates. The outcome itself lists those that were.`;
    throw new AppError('not_found', message);
  }
  if (known.answer === answer && known.note === note) return { ...unchangedBy(row), otherId, answer };
  await sql`
    update outcome_duplicate set answer = ${answer}, note = ${note}, answered_by = ${principal.id},
      answered_at = ${at.toISOString()}::timestamptz
    where outcome_id = greatest(${row.id}::bigint, ${otherId}::bigint) and other_id = least(${row.id}::bigint, ${otherId}::bigint)
  `.execute(trx);
  const done = await endAct(trx, request, {
    act: 'duplicate-answered',
    action: 'answer-duplicate',
    reason: note,
    details: { otherId, answer },
    figures: false,
  });
  return { ...done, otherId, answer };
}

async function readAnswer(trx: Transaction<DB>, outcomeId: string, otherId: string) {
  const { rows } = await sql<{ answer: string | null; note: string | null }>`
    select answer, note from outcome_duplicate
    where outcome_id = greatest(${outcomeId}::bigint, ${otherId}::bigint) and other_id = least(${outcomeId}::bigint, ${otherId}::bigint)
  `.execute(trx);
  return rows[0];
}
