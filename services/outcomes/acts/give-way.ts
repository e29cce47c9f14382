/** What becomes of an outcome whose place another one takes. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../../attribution/figures-version.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import type { Principal } from '../../kernel/ports.ts';
import { recordVersions } from '../record-versions.ts';

/** The old one's part: its state, its references, its history. Within the transaction that makes its successor. */
export async function giveWay(
  trx: Transaction<DB>,
  given: { outcomeId: string; successorId: string; reason: string; principal: Principal; at: Date },
): Promise<void> {
  const { outcomeId, successorId, reason, principal, at } = given;
  await sql`
    update outcome set state = 'superseded', superseded_by = ${successorId}::bigint, state_reason = ${reason}, version = version + 1,
      updated_at = ${at.toISOString()}::timestamptz
    where id = ${outcomeId}::bigint`.execute(trx);
  await recordVersions(trx, { acts: [{ outcomeId, act: 'superseded' }], reason, principal, at });
  await sql`
    update outcome_reference set outcome_id = ${successorId}::bigint where outcome_id = ${outcomeId}::bigint`.execute(
    trx,
  );
  await raiseFiguresVersion(trx, { outcomeIds: [outcomeId] });
  const details = { successorId, reason };
  await recordAudit(trx, {
    at,
    principal,
    action: 'supersede-outcome',
    subjectKind: 'outcome',
    subjectId: outcomeId,
    details,
  });
}
