/** Who may do what about an alert. Where somebody comes from Slack, the scope was checked against the organisation before. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

export type AlertAct = 'acknowledge' | 'snooze' | 'release' | 'dismiss' | 'retry';

/** Finance decides over what is held; how a delivery goes on is no business of the pod's. */
export const ACT_ROLES = {
  acknowledge: ['finance', 'operator', 'pod'],
  snooze: ['finance', 'operator', 'pod'],
  release: ['finance'],
  dismiss: ['finance'],
  retry: ['finance', 'operator'],
} as const satisfies Record<AlertAct, readonly Principal['role'][]>;

/** @throws AppError forbidden, or not_found for an alert that is not the pod's. */
export async function assertMayAct(
  db: Kysely<DB>,
  act: AlertAct,
  acting: { readonly alertId: string; readonly principal: Principal; readonly via: 'cli' | 'api' | 'slack' },
): Promise<void> {
  const { alertId, principal, via } = acting;
  const roles: readonly Principal['role'][] = ACT_ROLES[act];
  if (!roles.includes(principal.role)) {
    const how = via === 'cli' ? ' Set OUTTURN_TOKEN to a token of that role.' : '';
    throw new AppError(
      'forbidden',
      `${principal.id} has the role ${principal.role}: to ${act} an alert takes ${roles.join(' or ')}.${how}`,
    );
  }
  if (principal.role !== 'pod' || via === 'slack') return;
  const own = await db
    .selectFrom('alert')
    .innerJoin('envelope', 'envelope.id', 'alert.envelope_id')
    .select('alert.id')
    .where((where) => where(where.cast<string>('alert.id', 'text'), '=', alertId))
    .where('envelope.scope_kind', '=', 'pod')
    .where('envelope.scope_id', 'in', [...principal.pods, ''])
    .executeTakeFirst();
  if (own === undefined) throw noSuchAlert(alertId);
}

/** The same for one that is not there and one that is not theirs: nothing is learnt by trying. */
export function noSuchAlert(alertId: string): AppError {
  return new AppError('not_found', {
    commandLine: `There is no alert ${alertId}. "outturn alerts" lists them with their ids.`,
    http: `There is no alert ${alertId}. GET /api/v1/alerts lists them with their ids.`,
  });
}
