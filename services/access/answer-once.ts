/**
 * POST with an Idempotency-Key: the work is done once, a repeated request gets the first answer. The key's row is written before
 * the work and in its transaction, so that a request with the same key waits for the first one to end: then it finds the answer,
 * or, where the first one failed and left nothing, does the work itself.
 */
import { type Transaction, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

export interface KeyedRequest {
  readonly principal: Principal;
  readonly key: string;
  /** Of everything that the answer depends on: method, path, parameters, body. */
  readonly requestHash: string;
  readonly at: Date;
}

export interface KeptAnswer {
  readonly status: number;
  /** As it was sent. */
  readonly body: string;
}

/** Answers are kept this long; a key may be used again afterwards. */
const KEPT_DAYS = 30;
/** Old answers taken away with each new one: more than one, so that they never pile up. */
const PRUNED_AT_ONCE = 20;
/** Stands in the row until the work is done; nobody sees it, because it is replaced before the transaction ends. */
const IN_PROGRESS = 102;

/**
 * The kept answer of this key, or the answer of `work`, which is then kept.
 * @throws AppError idempotency_key_reused where the key was used for another request.
 */
export async function answerOnce(
  trx: Transaction<DB>,
  request: KeyedRequest,
  work: () => Promise<KeptAnswer>,
): Promise<KeptAnswer & { readonly isRepeated: boolean }> {
  await pruneAnswers(trx, request.at);
  const row = { principal: request.principal.id, key: request.key };
  const claimed = await trx
    .insertInto('idempotent_request')
    .values({ ...row, request_hash: request.requestHash, status: IN_PROGRESS, body: '', created_at: request.at })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst();
  if (claimed === undefined) return { ...(await readAnswer(trx, request)), isRepeated: true };
  const answer = await work();
  await trx
    .updateTable('idempotent_request')
    .set({ status: answer.status, body: answer.body })
    .where('principal', '=', row.principal)
    .where('key', '=', row.key)
    .execute();
  return { ...answer, isRepeated: false };
}

async function readAnswer(trx: Transaction<DB>, request: KeyedRequest): Promise<KeptAnswer> {
  const kept = await trx
    .selectFrom('idempotent_request')
    .select(['request_hash', 'status', 'body'])
    .where('principal', '=', request.principal.id)
    .where('key', '=', request.key)
    .executeTakeFirstOrThrow();
  if (kept.request_hash !== request.requestHash) {
    throw new AppError(
      'idempotency_key_reused',
      `The Idempotency-Key "${request.key}" was used for another request in the last ${KEPT_DAYS} days. Send a new key with a new request.`,
    );
  }
  return { status: kept.status, body: kept.body };
}

/** Leaves what another request is pruning at this moment. */
async function pruneAnswers(trx: Transaction<DB>, at: Date): Promise<void> {
  const before = new Date(at.getTime() - KEPT_DAYS * 86_400_000);
  await sql`
    delete from idempotent_request where (principal, key) in (
      select principal, key from idempotent_request where created_at < ${before.toISOString()}::timestamptz
      order by created_at limit ${PRUNED_AT_ONCE} for update skip locked)
  `.execute(trx);
}
