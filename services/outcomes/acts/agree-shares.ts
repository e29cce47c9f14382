/** Agreeing to shares: the owner of a pod, or a token of it, to its own; finance settles any. A pod alone need not be asked. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import { type ActedOutcome, beginAct, endAct, requireState, type SeenAct, unchangedBy } from './outcome-act.ts';
import { readPodsOf } from '../outcome-context.ts';
import { mailboxOf } from '../outcome.ts';
import { requireSeen } from './seen-version.ts';

export interface AgreementRequest extends SeenAct {
  /** Every share that the principal may speak for, if absent. */
  readonly pods?: readonly string[];
}

/** @throws AppError forbidden where the principal may not speak for a pod, not_found, conflict. */
export async function agreeShares(trx: Transaction<DB>, request: AgreementRequest): Promise<ActedOutcome> {
  const { principal, at } = request;
  const row = await beginAct(trx, request, {
    roles: ['finance', 'cio', 'pod', 'operator', 'reader'],
    does: 'agree to a share',
    ofSeveral: true,
  });
  requireState(
    row,
    ['candidate', 'claimed', 'in_review', 'verified', 'partially_verified'],
    'agree to its shares',
    'What was taken back is claimed again first.',
  );
  await requireSeen(trx, row, request.version, 'content');
  const ownPods = (await readPodsOf(trx, at)).get(mailboxOf(principal.id)) ?? [];
  const spokenFor = row.pods.filter(
    (pod) => principal.role === 'finance' || (principal.role === 'pod' ? principal.pods : ownPods).includes(pod),
  );
  const asked = request.pods ?? spokenFor;
  const foreign = asked.find((pod) => !spokenFor.includes(pod));
  if (foreign !== undefined || asked.length === 0) {
    const which = foreign === undefined ? `any share of outcome ${row.id}` : `a share of pod "${foreign}"`;
    const message = `${principal.id} cannot agree to ${which}: its owner does, or a token of the pod, or finance settles it.`;
    throw new AppError('forbidden', message);
  }
  const { rows } = await sql`
    update outcome_share set agreed_by = ${principal.id}, agreed_at = ${at.toISOString()}::timestamptz
    where outcome_id = ${row.id}::bigint and pod_id = any (${[...asked]}::text[]) and agreed_by is null returning pod_id`.execute(
    trx,
  );
  if (rows.length === 0) return unchangedBy(row);
  const details = { pods: asked };
  return endAct(trx, request, { act: 'agreed', action: 'agree-shares', details, figures: false });
}
