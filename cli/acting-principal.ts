/** Who a command acts as: the local operator, or the person whose token OUTTURN_TOKEN is, where it matters who does something. */
import { authenticate } from '../services/access/tokens.ts';
import { localOperator, type Principal } from '../services/kernel/ports.ts';
import type { Runtime } from './runtime.ts';

/** @throws AppError unauthenticated where the token is unknown, expired or revoked. */
export async function actingPrincipal({ db, clock, settings }: Runtime): Promise<Principal> {
  if (settings.token === undefined) return localOperator;
  return (await authenticate(db, settings.token, clock.now())).principal;
}
