/** Asking for a source to be looked at: checked, audited and kept here; whoever asks puts the job into the queue once this is committed. */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { keepSourceRequest, type SourceRequest } from '../sources/source-requests.ts';

/** @throws AppError not_found for a source that the organisation does not have. */
export async function requestSync(
  trx: Transaction<DB>,
  sync: Omit<SourceRequest, 'reason'> & { principal: Principal; at: Date },
): Promise<void> {
  const { sourceId, mayDropAccounts, jobId, range, principal, at } = sync;
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
  await keepSourceRequest(trx, { ...sync, reason: 'request' }, at);
  await recordAudit(trx, {
    at,
    principal,
    action: 'request-sync',
    subjectKind: 'source',
    subjectId: sourceId,
    details: { jobId, mayDropAccounts, ...(range === undefined ? {} : { range }) },
  });
}
