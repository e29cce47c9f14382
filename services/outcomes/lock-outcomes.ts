/**
 * One writer of outcomes at a time, so that a reference is never taken twice and no pool is filled twice. A sheet of thousands writes for a
 * while: who waits for it is sent away with a sentence rather than left to hold a connection that reports need.
 */
import { sql, type Transaction } from 'kysely';
import { errorCodeOf, SQL_STATE } from '../../db/sql-state.ts';
import type { DB } from '../../db/schema.gen.ts';
import { OUTCOME_WRITERS_LOCK } from '../kernel/advisory-locks.ts';
import { TransientError } from '../kernel/errors.ts';

/** How long anybody waits for another writer. */
export const OUTCOMES_WAIT_MS = 5_000;
const RETRY_AFTER_MS = 15_000;

/**
 * Until the transaction ends. How long it waited for another is kept in the transaction: versions are stamped with when they could be
 * written, so that nothing becomes known at an instant at which others were told without it.
 * @throws TransientError where another writes for longer than `waitMs`.
 */
export async function lockOutcomes(trx: Transaction<DB>, waitMs = OUTCOMES_WAIT_MS): Promise<void> {
  const { rows } = await sql<{ is_free: boolean }>`
    select pg_try_advisory_xact_lock(${OUTCOME_WRITERS_LOCK}) as is_free`.execute(trx);
  if (rows[0]?.is_free === true) return;
  const begunMs = performance.now();
  await waitForLock(trx, waitMs);
  const waitedMs = Math.ceil(performance.now() - begunMs);
  await sql`select set_config('outturn.waited_ms', ${String(waitedMs)}, true)`.execute(trx);
}

/** The refusal of who waited long enough. */
export function othersWrite(cause?: unknown): TransientError {
  const message =
    'Somebody else is writing outcomes, such as a large sheet, or closing a month, and nothing of this was done';
  return new TransientError(message, RETRY_AFTER_MS, cause);
}

async function waitForLock(trx: Transaction<DB>, waitMs: number): Promise<void> {
  const { rows } = await sql<{ before: string }>`
    select current_setting('lock_timeout') as before, set_config('lock_timeout', ${String(waitMs)}, true)`.execute(trx);
  try {
    await sql`select pg_advisory_xact_lock(${OUTCOME_WRITERS_LOCK})`.execute(trx);
  } catch (error) {
    throw errorCodeOf(error) === SQL_STATE.lockNotAvailable ? othersWrite(error) : error;
  }
  await sql`select set_config('lock_timeout', ${rows[0]?.before ?? '0'}, true)`.execute(trx);
}
