/** Asking for a source to be synced: checked and recorded here; whoever asks puts the job into the queue once this is committed. */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

/** @throws AppError not_found for a source that the organisation does not have. */
export async function requestSync(
  trx: Transaction<DB>,
  sync: { sourceId: string; mayDropAccounts: boolean; jobId: string; principal: Principal; at: Date },
): Promise<void> {
  const { sourceId, mayDropAccounts, jobId, principal, at } = sync;
  const source = await trx
    .selectFrom('source')
    .select('id')
    .where('id', '=', sourceId)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (source === undefined) {
    throw new AppError(
      'not_found',
      `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
    );
  }
  await recordAudit(trx, {
    at,
    principal,
    action: 'request-sync',
    subjectKind: 'source',
    subjectId: sourceId,
    details: { jobId, mayDropAccounts },
  });
}
