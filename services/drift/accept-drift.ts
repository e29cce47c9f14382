/**
 * Finance says that a pod's present cost is what is wanted, without raising its envelope. It is an approved act: what the pod cost in the weeks
 * before becomes its baseline, and the drift ends.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { utcDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { judgeDrift } from './judge-drift.ts';
import { listDrift, type PodDrift } from './list-drift.ts';

/** Answers where the pod stands then. @throws AppError not_found, forbidden, conflict where the pod does not drift. */
export async function acceptDrift(
  trx: Transaction<DB>,
  given: { podId: string; reason: string; principal: Principal; via: 'cli' | 'api'; at: Date },
): Promise<PodDrift> {
  const { podId, principal, at } = given;
  const reason = given.reason.trim();
  if (reason === '') throw new AppError('invalid_input', 'Say in a sentence why this cost is what is wanted.');
  if (principal.role !== 'finance') {
    const how = given.via === 'cli' ? ' Set OUTTURN_TOKEN to a token of that role.' : '';
    throw new AppError(
      'forbidden',
      `${principal.id} has the role ${principal.role}: to accept a drift takes finance.${how}`,
    );
  }
  const [before] = await listDrift(trx, { podId });
  if (before?.state !== 'drifting') {
    throw new AppError('conflict', `The pod ${podId} does not drift, so there is nothing to accept.`);
  }
  await sql`
    insert into drift_acceptance (pod_id, accepted_on, accepted_by, reason, created_at)
    values (${podId}, ${utcDate(at)}, ${principal.id}, ${reason}, ${at.toISOString()})
  `.execute(trx);
  await recordAudit(trx, {
    at,
    principal,
    action: 'accept-drift',
    subjectKind: 'pod',
    subjectId: podId,
    details: { via: given.via, reason, perMonth: before.perMonth, currency: before.currency, since: before.since },
  });
  await judgeDrift(trx, at);
  const [after] = await listDrift(trx, { podId });
  return after ?? before;
}
