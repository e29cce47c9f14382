/**
 * Two published bills as invoices meet them: one whose charges carry invoice numbers but for a late one, with tax, a credit and a
 * commitment; one of another billing period and currency without numbers. Everything goes the product's own way from staged loads on.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT, type ChargeGiven, insertOrigin, insertStagedLoad, pod, rulebook, store } from './billed-charges.ts';

type InvoicedCharge = ChargeGiven & { readonly invoiceId?: string };

const RULEBOOK = rulebook(
  [
    { id: 'tax', when: { chargeCategory: 'Tax' }, split: { method: 'even', among: ['checkout', 'search', 'lost'] } },
    { id: 'tag', when: { tag: { team: { exists: true } } }, podFromTag: 'team' },
  ],
  [pod('checkout'), pod('search'), pod('lost')],
);

/** Makes the rulebook the one in force, with its pods: checkout and search have cost centres, lost has none. */
export async function activatePods(db: Kysely<DB>): Promise<void> {
  await sql`
    insert into pod (id, name, kind, cost_centre) values
      ('checkout', 'Checkout', 'delivery', '4711'), ('search', 'Search', 'delivery', '4712'), ('lost', 'Lost', 'delivery', null)
  `.execute(db);
  const rulebookId = await db.transaction().execute((trx) => store(trx, RULEBOOK));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
}

/** Publishes the bills; gives their loads. The figures are in the tests that read them. */
export async function publishInvoicedBills(db: Kysely<DB>): Promise<{ aws: string; azure: string }> {
  await activatePods(db);
  const aws = { provider_name: 'AWS', billing_account_id: '0011', service_name: 'Compute', tags: { team: 'checkout' } };
  const usage = await insertOrigin(db, { ...aws, charge_category: 'Usage' });
  const tax = await insertOrigin(db, { ...aws, charge_category: 'Tax', tags: {} });
  const credit = await insertOrigin(db, { ...aws, charge_category: 'Credit' });
  const commitment = { ...aws, commitment_discount_id: 'ri-1' };
  const purchase = await insertOrigin(db, { ...commitment, charge_category: 'Purchase' });
  const covered = await insertOrigin(db, {
    ...commitment,
    charge_category: 'Usage',
    commitment_discount_status: 'Used',
  });
  const unused = await insertOrigin(db, {
    ...commitment,
    charge_category: 'Usage',
    commitment_discount_status: 'Unused',
  });
  const other = await insertOrigin(db, {
    ...aws,
    billing_account_id: '0022',
    charge_category: 'Usage',
    tags: { team: 'search' },
  });
  const stray = await insertOrigin(db, {
    provider_name: 'Microsoft',
    billing_account_id: 'ea-7',
    charge_category: 'Usage',
  });
  return {
    aws: await publishCharges(db, 'aws', '2026-09-01', '2026-10-01', [
      { originId: usage, date: '2026-09-01', billed: '100.004', invoiceId: 'INV-1' },
      { originId: tax, date: '2026-09-01', billed: '20', invoiceId: 'INV-1' },
      { originId: credit, date: '2026-09-02', billed: '-10', invoiceId: 'INV-1' },
      { originId: purchase, date: '2026-09-01', billed: '1200', effective: '0', invoiceId: 'INV-2' },
      { originId: covered, date: '2026-09-03', billed: '0', effective: '900.25' },
      { originId: unused, date: '2026-09-04', billed: '0', effective: '299.75' },
      { originId: usage, date: '2026-09-30', billed: '5' },
      { originId: usage, date: '2026-08-31', billed: '3', invoiceId: 'INV-1' },
      { originId: other, date: '2026-09-10', billed: '50' },
    ]),
    azure: await publishCharges(db, 'azure', '2026-09-15', '2026-10-15', [
      { originId: stray, date: '2026-09-20', billed: '20', currency: 'EUR' },
      { originId: stray, date: '2026-10-01', billed: '5', currency: 'EUR' },
    ]),
  };
}

/** Publishes one load of these charges, in place of the source's former one of that period. */
export async function publishCharges(
  db: Kysely<DB>,
  sourceId: string,
  start: string,
  end: string,
  charges: readonly InvoicedCharge[],
): Promise<string> {
  const loadId = await insertStagedLoad(db, { sourceId, start, end, charges });
  for (const { originId, date, invoiceId } of charges) {
    if (invoiceId === undefined) continue;
    await sql`
      update ${sql.table(`charge_${loadId}`)} set invoice_id = ${invoiceId}
      where origin_id = ${originId}::bigint and charge_date = ${date}::date
    `.execute(db);
  }
  await sql`
    insert into load_file (load_id, ordinal, name, sha256, format, archive_path)
    values (${loadId}, 1, ${`${sourceId}.csv`}, 'x', 'csv', 'x')
  `.execute(db);
  await sql`
    insert into load_file_total (load_id, ordinal, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost)
    select load_id, 1, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost
    from load_total where load_id = ${loadId}
  `.execute(db);
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  return loadId;
}
