/**
 * Reading as somebody: a pod's token reads through PostgreSQL's row-level security, so that a forgotten filter in a query can
 * never show another pod's figures. Every other role reads as the owner.
 */
import { type CompiledQuery, type Kysely, sql, type Transaction } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { SQL_STATE } from '../../db/sql-state.ts';
import type { Principal } from '../kernel/ports.ts';

/** No question of a reader is worth more; the database stops it then. */
const READ_TIMEOUT_MS = 30_000;

/** Runs read-only work in one snapshot, under the pod's database role where the principal is a pod. */
export async function readAs<Result>(
  db: Kysely<DB>,
  principal: Principal,
  work: (trx: Transaction<DB>) => Promise<Result>,
): Promise<Result> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      await sql`${PREPARED} select set_config('statement_timeout', ${String(READ_TIMEOUT_MS)}, true)`.execute(trx);
      if (principal.role === 'pod') {
        await sql`${PREPARED} select set_config('outturn.pods', ${JSON.stringify(principal.pods)}, true)`.execute(trx);
        await sql`set local role outturn_pod`.execute(trx);
      }
      return work(trx);
    });
}

/**
 * Runs one read-only statement for a principal who reads everything, without a transaction: a statement is a snapshot of its own. The
 * database is told to stop it where it takes too long.
 */
export async function readAtOnce<Row>(db: Kysely<DB>, statement: CompiledQuery<Row>): Promise<readonly Row[]> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new ReadTimeout()), READ_TIMEOUT_MS);
  try {
    return (await db.executeQuery(statement, { signal: late.signal, inflightQueryAbortStrategy: 'cancel query' })).rows;
  } finally {
    clearTimeout(timer);
  }
}

/** As PostgreSQL itself says it. */
class ReadTimeout extends Error {
  readonly code = SQL_STATE.queryCanceled;
}
