/**
 * Oracle's reports through the whole product, from Oracle's own bucket and from a mirror: a month is the sum of all files that say something of it, however late and from whichever
 * file; corrections net; what Oracle deletes after a year stays; both kinds of report of one tenancy are refused.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { useAwsKeysOf } from '../support/aws-exports.ts';
import { type BillLine, billLine, csvOf } from '../support/billing.ts';
import { startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
const COSTS = 'reports/cost-csv';
const TENANCY = `ocid1.tenancy.oc1..${'a'.repeat(60)}`;
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
  const double = await startS3Double({ now: () => new Date() });
  onTestFinished(() => double.stop());
  double.createBucket(TENANCY);
  useAwsKeysOf(double);
  const place = { path: `s3://${TENANCY}/${COSTS}/`, region: 'us-east-1', endpoint: double.url };
  await sql`update source set settings = ${JSON.stringify(place)}::jsonb`.execute(scene.database.db);
  const deliver = (name: string, lines: readonly BillLine[]) =>
    double.put(TENANCY, `${COSTS}/${name}.csv.gz`, gzipSync(csvOf(lines)));
  const calls = () => double.calls.splice(0).map(({ operation }) => operation);

  // Oracle splits a report of more than a million lines.
  deliver('0001-00001', [line('A1', '2026-08-31', '0.04')]);
  deliver('0001-00002', [line('A2', '2026-07-02', '7')]);
  deliver('0002-00001', [line('B1', '2026-09-01', '1')]);
  expect(await look()).toEqual(['2026-07-01', '2026-08-01', '2026-09-01']);
  expect(calls()).toEqual(['ListObjectsV2', 'GetObject', 'GetObject', 'GetObject']);
  expect(await look()).toEqual([]);
  expect(calls()).toEqual(['ListObjectsV2']);
  expect((await scene.status()).lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });

  deliver('0003-00001', [
    line('C1', '2026-09-02', '2'),
    correction('C2', '2026-08-31', '-0.04', 'A1'),
    correction('C3', '2026-08-31', '0.0312', 'A1'),
  ]);
  double.faults.push({ operation: 'GetObject', kind: 'error', status: 403, code: 'InvalidAccessKeyId' });
  await expect(look()).rejects.toThrow('No customer secret key');
  expect(await billed()).toEqual(['2026-07 7 of 1', '2026-08 0.04 of 1', '2026-09 1 of 1']);
  calls();
  expect(await look()).toEqual(['2026-08-01', '2026-09-01']);
  expect(calls()).toEqual(['ListObjectsV2', 'GetObject']);
  expect(await billed()).toEqual(['2026-07 7 of 1', '2026-08 0.0312 of 3', '2026-09 3 of 2']);
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

test('a report that the mirror is writing right now waits for the next look', async () => {
  await put(`${COSTS}/0001-00001.csv.gz`, [line('A1', '2026-08-31', '0.5')]);
  scene.now = new Date();
  await scene.sync();
  expect(await billed()).toEqual([]);
  expect((await scene.status()).lastRun?.waiting).toEqual([`${COSTS}/0001-00001.csv.gz was written to just now`]);
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
