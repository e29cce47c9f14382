/**
 * One lock for everything that changes an envelope's versions or state. Publications of different months run at the same time
 * and may both feed a quarter's envelope: the second waits here and then sees the first one's figures. It is taken after the
 * charge months' locks and before the audit chain's, everywhere in this order.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { ENVELOPE_LOCK } from '../kernel/advisory-locks.ts';

/** Waits for the lock and keeps it until the transaction ends; taking it again does nothing. */
export async function lockEnvelopes(trx: Transaction<DB>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ENVELOPE_LOCK})`.execute(trx);
}
