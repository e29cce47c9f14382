/**
 * Writes to outcomes over HTTP. Only one transaction of them goes on at a time, so that more than a few would hold connections and wait:
 * the rest wait in the process, and no longer than they would for the lock.
 */
import type { FastifyRequest } from 'fastify';
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import { othersWrite, OUTCOMES_WAIT_MS } from '../services/outcomes/lock-outcomes.ts';
import type { ApiContext } from './context.ts';
import { createLimiter, type Limiter } from './limiter.ts';
import { type Answer, answerPost } from './repeatable.ts';
import type { Response } from './response.ts';

/** One writes, one waits to be the next. */
const RUNNING_MAX = 2;
const WAITING_MAX = 100;

/** All groups of routes over one database share its limit. */
const limits = new WeakMap<Kysely<DB>, Limiter>();

/** As answerPost. @throws TransientError where others write for longer than anybody waits. */
export function answerOutcomePost<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: Parameters<typeof answerPost>[2],
  work: (trx: Transaction<DB>) => Promise<Answer<Body>>,
): Promise<Response<Body>> {
  const limited = limits.get(context.db) ?? createLimiter(RUNNING_MAX, WAITING_MAX);
  limits.set(context.db, limited);
  const arrivedMs = performance.now();
  return limited(() => {
    if (performance.now() - arrivedMs > OUTCOMES_WAIT_MS) throw othersWrite();
    return answerPost(context, request, reply, work);
  });
}
