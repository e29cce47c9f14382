/**
 * The advisory locks of attribution and publishing, all held until the transaction ends. Everybody takes them in the order of
 * this file (rulebook number, rulebook in force, billing period, charge months ascending), then the organisation row, then the
 * audit chain; so nobody waits in a circle.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import {
  BILLING_PERIOD_LOCK_CLASS,
  CHARGE_MONTH_LOCK_CLASS,
  RULEBOOK_IN_FORCE_LOCK,
} from '../kernel/advisory-locks.ts';
import type { IsoDate } from '../kernel/period.ts';

/** Publishers share it: the rulebook in force stays what it is until they end. Activation takes it alone. */
export async function lockRulebookInForce(trx: Transaction<DB>, mode: 'shared' | 'exclusive'): Promise<void> {
  await (mode === 'shared'
    ? sql`select pg_advisory_xact_lock_shared(${RULEBOOK_IN_FORCE_LOCK})`
    : sql`select pg_advisory_xact_lock(${RULEBOOK_IN_FORCE_LOCK})`
  ).execute(trx);
}

/** One publication at a time decides which load of a source's billing period is current. */
export async function lockBillingPeriod(
  trx: Transaction<DB>,
  period: { sourceId: string; start: IsoDate; end: IsoDate },
): Promise<void> {
  const name = `${period.sourceId} ${period.start} ${period.end}`;
  await sql`select pg_advisory_xact_lock(${BILLING_PERIOD_LOCK_CLASS}, hashtext(${name}))`.execute(trx);
}

/** Locks charge months (`YYYY-MM-01`), in ascending order whatever the order given. */
export async function lockChargeMonths(trx: Transaction<DB>, months: readonly IsoDate[]): Promise<void> {
  for (const month of [...new Set(months)].sort()) {
    await sql`select pg_advisory_xact_lock(${CHARGE_MONTH_LOCK_CLASS}, ${numberOf(month)})`.execute(trx);
  }
}

/** Locks a charge month where nobody holds it. */
export async function tryChargeMonth(trx: Transaction<DB>, month: IsoDate): Promise<boolean> {
  const { rows } = await sql<{ is_free: boolean }>`
    select pg_try_advisory_xact_lock(${CHARGE_MONTH_LOCK_CLASS}, ${numberOf(month)}) as is_free`.execute(trx);
  return rows[0]?.is_free === true;
}

function numberOf(month: IsoDate): number {
  return Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7));
}
