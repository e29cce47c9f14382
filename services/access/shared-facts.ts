/**
 * What pods may see of what all of them share: what is left of a pool, and what they made possible. Row-level security would give a pod sums of
 * its own rows for those of all, so these are read as their owner, and hold names, states and counts of others, never their money.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type EnablingReport, enablingReport } from '../enabling/enabling-report.ts';
import { type EnabledPage, listEnabled } from '../outcomes/list-enabled.ts';
import { type Principal, systemPrincipal } from '../kernel/ports.ts';
import { listPools, type PoolView } from '../outcomes/pools/pools.ts';
import { readAs } from './read-as.ts';

/** Every pool; to a pod without how many outcomes draw on it. */
export interface SeenPool extends Omit<PoolView, 'outcomes'> {
  readonly outcomes: number | null;
}

/** The pools by id, with what is left of each window. */
export async function poolsAs(db: Kysely<DB>, principal: Principal): Promise<SeenPool[]> {
  const pools = await readAs(db, systemPrincipal, listPools);
  return principal.role === 'pod' ? pools.map((pool) => ({ ...pool, outcomes: null })) : pools;
}

/** Platform pods and whom they served; to a pod its own. @throws AppError invalid_period */
export async function enablingAs(
  db: Kysely<DB>,
  principal: Principal,
  request: { period: string },
): Promise<EnablingReport> {
  const report = await readAs(db, systemPrincipal, (trx) => enablingReport(trx, request));
  if (principal.role !== 'pod') return report;
  return { ...report, pods: report.pods.filter(({ podId }) => principal.pods.includes(podId)) };
}

/** Outcomes that name who made them possible; to a pod those that name it. @throws AppError invalid_input */
export function enabledAs(
  db: Kysely<DB>,
  principal: Principal,
  request: { podId?: string; limit: number; after?: string; at: Date },
): Promise<EnabledPage> {
  const { podId, ...page } = request;
  const own = principal.role === 'pod' ? principal.pods : null;
  const pods = podId === undefined ? own : (own ?? [podId]).filter((pod) => pod === podId);
  return readAs(db, systemPrincipal, (trx) => listEnabled(trx, { ...page, pods }));
}
