/** A company with two months delivered, for tests of closing them: what it owns, what it reports, and what moved since. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertOrigin, pod, rulebook } from './billed-charges.ts';
import { AFTERWARDS, publishBill, putInForce } from './closing.ts';
import { createTemplate, createTestDatabase, test as base } from './database.ts';
import { importVerified, insertPods, outcomeRow, outcomeSheet, VERIFIED } from './outcome-sheets.ts';

export const RULES = rulebook(
  [
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', among: ['checkout', 'search'] } },
    { id: 'checkout', when: { resourceId: 'vm-1' }, pod: 'checkout' },
    { id: 'search', when: { resourceId: 'vm-2' }, pod: 'search' },
  ],
  [pod('checkout'), pod('search')],
);

/** A company with August and September delivered, in two currencies, with value; on a database of its own, because closing commits. */
export const test = base
  .extend('companyTemplate', { scope: 'file' }, async ({}, { onCleanup }) => {
    const { template, facts, drop } = await createTemplate(({ db }) => foundCompany(db));
    onCleanup(drop);
    return { template, facts };
  })
  .extend('db', async ({ companyTemplate: { template } }, { onCleanup }) => {
    const { db, drop } = await createTestDatabase({ template });
    onCleanup(drop);
    return db;
  })
  .extend('company', async ({ db, companyTemplate: { facts } }) => ({ db, ...facts }));

async function foundCompany(db: Kysely<DB>) {
  await insertPods(db, { id: 'checkout', portfolio: 'commerce' }, { id: 'search' });
  await putInForce(db, RULES);
  const text = 'date,base,quote,rate\n2026-08-01,EUR,USD,1.1\n2026-09-01,EUR,USD,1.2\n2026-10-01,EUR,USD,1.3\n';
  await sql`update organisation set fx_carry_days = 40`.execute(db);
  await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
  const origins = {
    checkout: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', resource_id: 'vm-1' }),
    search: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', resource_id: 'vm-2' }),
    network: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Network', resource_id: 'gw' }),
    stray: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Storage', resource_id: 'disk' }),
  };
  const month = (number: string) => [
    { originId: origins.checkout, date: `2026-${number}-02`, billed: '100.25', effective: '90.5' },
    { originId: origins.search, date: `2026-${number}-03`, billed: '40', currency: 'EUR' },
    { originId: origins.network, date: `2026-${number}-03`, billed: '8.000000000001' },
    { originId: origins.stray, date: `2026-${number}-30`, billed: '5' },
  ];
  const august = await publishBill(db, { start: '2026-08-01', end: '2026-09-01', charges: month('08') });
  const september = await publishBill(db, { start: '2026-09-01', end: '2026-10-01', charges: month('09') });
  await importSheet(
    db,
    {
      ...VERIFIED,
      amount: '920',
      delivered_on: '2026-08-01',
      recognise_from: '2026-08-01',
      recognise_until: '2026-11-01',
    },
    { source_row_id: 'euro', pod: 'search', amount: '30', currency: 'EUR', delivered_on: '2026-09-05' },
  );
  return { origins, month, august, september };
}

export async function importSheet(db: Kysely<DB>, ...rows: Parameters<typeof outcomeRow>[0][]): Promise<void> {
  const sheet = outcomeSheet(...rows.map((row) => outcomeRow(row)));
  await importVerified(db, { sheet, workbook: 'benefits', at: AFTERWARDS });
}

export async function report(db: Kysely<DB>, period: string, given: { asNow?: boolean; currency?: string } = {}) {
  const request = { period, at: AFTERWARDS, ...given };
  await prepareConversions(db, request);
  return valuePerPod(db, request);
}

/** `pod kind currency effectiveCost amount` of every open or booked line. */
export async function adjusted(db: Kysely<DB>, period: string): Promise<string[]> {
  await prepareConversions(db, { period, at: AFTERWARDS });
  const { lines } = await adjustments(db, { period, at: AFTERWARDS });
  return lines.map((line) =>
    [
      line.adjusts,
      line.podId ?? '-',
      line.kind,
      line.currency,
      line.effectiveCost,
      line.amount,
      line.reported.effectiveCost,
      line.reported.amount,
    ].join(' '),
  );
}
