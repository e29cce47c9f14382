/**
 * Reading as somebody: a pod's token reads through PostgreSQL's row-level security, so that a forgotten filter in a query can
 * never show another pod's figures. Every other role reads as the owner.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
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
