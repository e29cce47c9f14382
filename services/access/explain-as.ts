/**
 * The one way by which lines of bills reach a pod: an explanation bound to its pods. Bills, origins and rules hold everybody's
 * figures and are closed to the pods' database role, so this reads as the owner and lets through what is wholly the pod's own.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { OriginExplanation } from '../attribution/explain-origin.ts';
import type { PodExplanation } from '../attribution/explain-pod.ts';
import { type ExplainOptions, type ExplainRequest, type Explanation, explain } from '../attribution/explain.ts';
import { AppError } from '../kernel/errors.ts';
import { type Principal, systemPrincipal } from '../kernel/ports.ts';
import { readAs } from './read-as.ts';

/**
 * Explains as far as the principal may see: a pod's origins are those that only ever belonged to its pods; of shared cost it sees
 * its part, not the whole; of loads their files, not their totals.
 * @throws AppError not_found (also for what another pod owns, so that nothing is learnt), forbidden, invalid_period.
 */
export async function explainAs(
  db: Kysely<DB>,
  principal: Principal,
  request: ExplainRequest,
  options: ExplainOptions,
): Promise<Explanation> {
  if (principal.role !== 'pod') return readAs(db, principal, (trx) => explain(trx, request, options));
  if ('outcomeId' in request) {
    throw new AppError(
      'forbidden',
      'A pod’s token sees its outcomes in /api/v1/outcomes; an explanation shows every pod’s share.',
    );
  }
  const podId = 'period' in request ? request.podId : undefined;
  if ('period' in request && (podId === undefined || podId === null || !principal.pods.includes(podId))) {
    throw new AppError('forbidden', 'A pod’s token explains the cost of its own pods only.');
  }
  const whole = await readAs(db, systemPrincipal, (trx) => explain(trx, request, options)).catch(hideUnknown);
  switch (whole.subject) {
    case 'pod':
    case 'total':
      return ownPartOf(whole);
    case 'outcome':
      throw notFound();
    case 'origin':
      if (!belongsTo(whole, principal)) throw notFound();
      return withoutOthers(whole);
    case 'resource': {
      const origins = whole.origins.filter((origin) => belongsTo(origin, principal));
      if (origins.length === 0) throw notFound();
      return { ...whole, origins: origins.map(withoutOthers) };
    }
  }
}

function belongsTo(origin: OriginExplanation, principal: Principal): boolean {
  return (
    origin.stretches.length > 0 &&
    origin.stretches.every((stretch) => stretch.podId !== null && principal.pods.includes(stretch.podId))
  );
}

/** The rules that were passed over, and the bill's totals, tell about others. */
function withoutOthers(origin: OriginExplanation): OriginExplanation {
  return {
    ...origin,
    stretches: origin.stretches.map((stretch) => ({ ...stretch, passedOver: [] })),
    loads: withoutTotals(origin.loads),
  };
}

/** A share of a whole would give the whole away, and with it what the others carry. */
function ownPartOf(pod: PodExplanation): PodExplanation {
  const origins = pod.origins.filter((origin) => origin.kind === 'direct');
  const own = new Set(origins.map((origin) => origin.originId));
  const rules = pod.rules.map((rule) =>
    rule.kind === 'direct' ? rule : { ...rule, rule: null, share: null, split: null },
  );
  const lines = pod.lines.filter((line) => own.has(line.originId));
  return { ...pod, rules, origins, lines, loads: withoutTotals(pod.loads) };
}

function withoutTotals(loads: PodExplanation['loads']): PodExplanation['loads'] {
  return loads.map((load) => ({ ...load, totals: [], warnings: [] }));
}

/** What does not exist is answered like what belongs to another pod. */
function hideUnknown(error: unknown): never {
  throw error instanceof AppError && error.code === 'not_found' ? notFound() : error;
}

function notFound(): AppError {
  return new AppError('not_found', 'No cost of your pods comes from there.');
}
