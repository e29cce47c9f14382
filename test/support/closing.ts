/**
 * Closing for tests: bills that are delivered to their last day, and a month closed by two people. Everything goes the product's own way
 * from staged loads on.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import type { RulebookContent } from '../../services/attribution/rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { type Principal, silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import {
  type CloseRequest,
  type PreparedStatement,
  prepareStatement,
} from '../../services/periods/prepare-statement.ts';
import { insertStagedLoad, type LoadGiven, store } from './billed-charges.ts';

export const PREPARER: Principal = { id: 'olaf@example.com', role: 'operator', pods: [] };
export const APPROVER: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
/** Long after every month that tests close. */
export const AFTERWARDS = new Date('2026-12-20T08:00:00Z');

/** Publishes a bill with usage up to the end of its billing period; gives its load. */
export async function publishBill(db: Kysely<DB>, given: LoadGiven & { usageUntil?: string }): Promise<string> {
  const loadId = await insertStagedLoad(db, given);
  await sql`
    update load set usage_until = coalesce(${given.usageUntil ?? null}::timestamptz, billing_period_end::timestamp at time zone 'UTC')
    where id = ${loadId}
  `.execute(db);
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at: AFTERWARDS, principal: systemPrincipal });
  return loadId;
}

/** Puts a rulebook in force; gives its number. */
export async function putInForce(db: Kysely<DB>, content: RulebookContent): Promise<number> {
  const rulebookId = await db.transaction().execute((trx) => store(trx, content));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db
    .transaction()
    .execute((trx) => activateRulebook(trx, rulebookId, { at: AFTERWARDS, principal: systemPrincipal }));
  return rulebookId;
}

export async function prepare(
  db: Kysely<DB>,
  period: string,
  given: Partial<CloseRequest> = {},
): Promise<PreparedStatement> {
  const request = { period, principal: PREPARER, at: AFTERWARDS, ...given };
  return db.transaction().execute((trx) => prepareStatement(trx, request));
}

export async function approve(db: Kysely<DB>, statementId: string, principal: Principal = APPROVER) {
  return db.transaction().execute((trx) => approveStatement(trx, { statementId, principal, at: AFTERWARDS }));
}

/** Prepares and approves; gives the statement's id. */
export async function close(db: Kysely<DB>, period: string, given: Partial<CloseRequest> = {}): Promise<string> {
  const { statement } = await prepare(db, period, given);
  await approve(db, statement.statementId);
  return statement.statementId;
}
