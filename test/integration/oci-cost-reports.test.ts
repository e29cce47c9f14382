/**
 * Oracle's reports through the whole product: a month is the sum of all files that say something of it, however late and from whichever
 * file; corrections net; what Oracle deletes after a year stays; both kinds of report of one tenancy are refused.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { type BillLine, billLine, csvOf } from '../support/billing.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
const COSTS = 'reports/cost-csv';
let scene: SyncedSource;

beforeEach(async () => {
  scene = await createSyncedSource({
    id: 'oci',
    kind: 'oci-cost-reports',
    settings: (folder) => ({ path: join(folder, 'mirror') }),
  });
  scene.now = new Date(Date.now() + HOUR_MS);
  await mkdir(join(scene.folder, 'mirror'));
});
afterEach(() => scene.drop());

const pathOf = (name: string) => join(scene.folder, 'mirror', name);
async function put(name: string, lines: readonly BillLine[]): Promise<void> {
  await mkdir(dirname(pathOf(name)), { recursive: true });
  await writeFile(pathOf(name), gzipSync(csvOf(lines)));
}

function line(reference: string, day: string, cost: string, cells: BillLine = {}): BillLine {
  return {
    'lineItem/referenceNo': reference,
    'lineItem/tenantId': 'ocid1.tenancy.oc1..t',
    'lineItem/intervalUsageStart': `${day}T10:00Z`,
    'lineItem/intervalUsageEnd': `${day}T11:00Z`,
    'product/service': 'COMPUTE',
    'product/resourceId': 'ocid1.instance.oc1..i',
    'usage/billedQuantity': '4',
    'cost/productSku': 'B88317',
    'cost/myCost': cost,
    'cost/currencyCode': 'EUR',
    'lineItem/backreferenceNo': '',
    'lineItem/isCorrection': 'false',
    ...cells,
  };
}

const correction = (reference: string, day: string, cost: string, of: string) =>
  line(reference, day, cost, { 'lineItem/isCorrection': 'true', 'lineItem/backreferenceNo': of });
const billed = async () => (await scene.published()).map((one) => `${one.period} ${one.billed} of ${one.lines}`);
async function look() {
  scene.now = new Date(scene.now.getTime() + 6 * HOUR_MS);
  const { loads } = await scene.sync();
  return loads.filter(({ unchanged }) => !unchanged).map(({ billingPeriodStart }) => billingPeriodStart);
}

test('late rows and corrections are added to the months they are of, and only these are loaded anew', async () => {
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.04'), line('A2', '2026-07-02', '7')]);
  await put(`${COSTS}/0002-00001.csv.gz`, [line('B1', '2026-09-01', '1')]);
  expect(await look()).toEqual(['2026-07-01', '2026-08-01', '2026-09-01']);
  expect(await look()).toEqual([]);
  expect((await scene.status()).lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });

  await put(`${COSTS}/0003-00001.csv.gz`, [
    line('C1', '2026-09-02', '2'),
    correction('C2', '2026-08-31', '-0.04', 'A1'),
    correction('C3', '2026-08-31', '0.0312', 'A1'),
  ]);
  expect(await look()).toEqual(['2026-08-01', '2026-09-01']);
  expect(await billed()).toEqual(['2026-07 7 of 1', '2026-08 0.0312 of 3', '2026-09 3 of 2']);
  expect((await scene.status()).lastRun).toMatchObject({ filesFetched: 1 });
});

test('what Oracle deleted stays part of its month, also where a late row makes the month new', async () => {
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.5')]);
  await look();
  await rm(pathOf(`${COSTS}/0001-00001.csv.gz`));
  expect(await look()).toEqual([]);
  await put(`${COSTS}/0002-00001.csv.gz`, [line('B1', '2026-08-30', '0.25')]);
  expect(await look()).toEqual(['2026-08-01']);
  expect(await billed()).toEqual(['2026-08 0.75 of 2']);

  await rm(scene.context.settings.archiveDir, { recursive: true });
  await expect(look()).rejects.toMatchObject({
    code: 'source_refused',
    message: expect.stringContaining('Restore the archive from its backup'),
  });
  expect(await billed()).toEqual(['2026-08 0.75 of 2']);
});

test('a file that was written again counts once', async () => {
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.5')]);
  await look();
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.75')]);
  await look();
  expect(await billed()).toEqual(['2026-08 0.75 of 1']);
});

test('FOCUS reports are read, with the columns that Oracle adds', async () => {
  const own = { ProviderName: 'Oracle', oci_ReferenceNumber: 'R1', oci_BackReferenceNumber: '' };
  await put('FOCUS Reports/2026/09/15/0001.csv.gz', [billLine(own)]);
  await put('FOCUS Reports/2026/09/16/0002.csv.gz', [
    billLine({ ...own, BilledCost: '-1.5', ChargeClass: 'Correction', oci_BackReferenceNumber: 'R1' }),
  ]);
  await look();
  expect(await billed()).toEqual(['2026-09 0 of 2']);
});

test('both kinds of report bill the same usage and are refused together; quantities alone are left out', async () => {
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.5')]);
  await put('reports/usage-csv/0001-00001.csv.gz', [{ 'lineItem/referenceNo': 'A1' }]);
  await look();
  expect(await billed()).toEqual(['2026-08 0.5 of 1']);
  await put('FOCUS Reports/2026/09/15/0001.csv.gz', [billLine({ ProviderName: 'Oracle' })]);
  await expect(look()).rejects.toMatchObject({
    code: 'source_refused',
    message: expect.stringContaining('bill the same usage twice. Write the folder of one of them into path'),
  });
  expect((await checkSource(scene.context, 'oci')).at(-1)).toMatchObject({ subject: 'reports', state: 'wrong' });
  await rm(pathOf('FOCUS Reports'), { recursive: true });
  expect((await checkSource(scene.context, 'oci')).at(-1)).toMatchObject({ subject: 'reports', state: 'ok' });
  scene.now = new Date(scene.now.getTime() + 72 * HOUR_MS);
  expect((await checkSource(scene.context, 'oci')).at(-1)?.message).toContain('does the mirror run?');
});
