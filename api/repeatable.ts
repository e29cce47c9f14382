/**
 * Runs what a POST asks for: in one transaction, and where the request carries an Idempotency-Key, once. The answer is stored as
 * it is sent, so that a repeated request gets the same bytes.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Transaction } from 'kysely';
import { Type } from 'typebox';
import type { DB } from '../db/schema.gen.ts';
import { answerOnce, type KeptAnswer } from '../services/access/answer-once.ts';
import { canonicalJson } from '../services/attribution/canonical-json.ts';
import { principalOf } from './authorisation.ts';
import type { ApiContext } from './context.ts';
import type { Response } from './response.ts';

/** Other headers are none of our business. */
export const IDEMPOTENCY_HEADERS = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]+$',
      description:
        'The same key again, with the same request, changes nothing and gets the same answer. Kept for 30 days.',
    }),
  ),
});

export interface Answer<Body extends object> {
  readonly status: number;
  readonly body: Body;
}

/** Does the work and gives the body to send; the status is set. What must follow a commit comes after this call. */
export async function answerPost<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: { code(status: number): unknown; header(name: string, value: string): unknown },
  work: (trx: Transaction<DB>) => Promise<Answer<Body>>,
): Promise<Response<Body>> {
  const key = request.headers['idempotency-key'];
  const keep = async (trx: Transaction<DB>): Promise<KeptAnswer> => {
    const answer = await work(trx);
    return { status: answer.status, body: JSON.stringify(answer.body) };
  };
  const answer = await context.db.transaction().execute(async (trx) => {
    if (typeof key !== 'string') return { ...(await keep(trx)), isRepeated: false };
    const keyed = { principal: principalOf(request), key, requestHash: hashOf(request), at: context.clock.now() };
    return answerOnce(trx, keyed, () => keep(trx));
  });
  if (answer.isRepeated) reply.header('idempotency-replayed', 'true');
  reply.code(answer.status);
  return JSON.parse(answer.body) as Response<Body>;
}

/** Spelling (blanks, the order of members) makes no other request. */
function hashOf(request: FastifyRequest): string {
  const { method, params, query, body: sent } = request;
  const body = Buffer.isBuffer(sent) ? createHash('sha256').update(sent).digest('hex') : sent;
  const meant = canonicalJson({ method, route: request.routeOptions.url, params, query, body });
  return createHash('sha256').update(meant).digest('hex');
}
