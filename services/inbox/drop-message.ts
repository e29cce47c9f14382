/** Leaves a message that did not arrive, or may not have: somebody has told its scope otherwise, or it does not matter any more. Audited. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

/** @throws AppError forbidden, not_found; conflict where its delivery is neither failed nor unknown. */
export async function dropMessage(
  trx: Transaction<DB>,
  given: { messageId: string; principal: Principal; via: 'cli' | 'api'; at: Date },
): Promise<{ messageId: string; state: 'suppressed' }> {
  const { messageId, principal, via, at } = given;
  if (principal.role !== 'finance' && principal.role !== 'operator') {
    throw new AppError(
      'forbidden',
      `${principal.id} has the role ${principal.role}: to leave a message takes finance or operator.`,
    );
  }
  const { rows } = await sql<{ state: string }>`
    select state from message where id::text = ${messageId} for update
  `.execute(trx);
  const [former] = rows;
  if (former === undefined) {
    throw new AppError(
      'not_found',
      `There is no message ${messageId}. The inbox lists those that wait, with their ids.`,
    );
  }
  if (former.state !== 'failed' && former.state !== 'unknown') {
    throw new AppError(
      'conflict',
      `The message ${messageId} is ${former.state}: only one that failed or is unknown is left.`,
    );
  }
  await sql`
    update message set state = 'suppressed', next_attempt_at = null, claimed_until = null where id::text = ${messageId}
  `.execute(trx);
  await recordAudit(trx, {
    at,
    principal,
    action: 'drop-message',
    subjectKind: 'message',
    subjectId: messageId,
    details: { via, was: former.state },
  });
  return { messageId, state: 'suppressed' };
}
