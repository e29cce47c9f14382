/**
 * Billing periods whose lines lie in the deliveries of several: an export that is cut by calendar month and bills from the 15th to the
 * 14th. Each period is whole only together with both its deliveries, and is never published by half what was published whole.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BUCKET, deliverDataExport, useAwsKeysOf } from '../support/aws-exports.ts';
import { type BillLine, billLine, csvOf } from '../support/billing.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
const FILE = 'focus-00001.csv.gz';

let double: S3Double;
let scene: SyncedSource;

beforeEach(async () => {
  double = await startS3Double({ now: () => scene.now });
  double.createBucket(BUCKET);
  useAwsKeysOf(double);
  const place = { bucket: BUCKET, prefix: 'p', region: 'us-east-1', endpoint: double.url, forcePathStyle: true };
  scene = await createSyncedSource({ id: 'aws', kind: 'aws-data-export', settings: () => place });
});
afterEach(async () => {
  await scene.drop();
  await double.stop();
});

/** A line that is charged on a day and billed from a 15th to the next 14th. */
function lineOf(day: string, billedFrom: string, billedCost: string, cells: BillLine = {}): BillLine {
  const from = new Date(`${billedFrom}T00:00:00Z`);
  const until = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, from.getUTCDate()));
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + 24 * HOUR_MS);
  return billLine({
    BillingPeriodStart: from.toISOString(),
    BillingPeriodEnd: until.toISOString(),
    ChargePeriodStart: `${day}T00:00:00Z`,
    ChargePeriodEnd: next.toISOString(),
    BilledCost: billedCost,
    ...cells,
  });
}

function deliver(month: string, lines: readonly BillLine[], more: { without?: 'manifest' } = {}): void {
  const at = new Date(scene.now.getTime() - HOUR_MS / 2).toISOString();
  deliverDataExport(double, { root: 'p/focus', month, files: { [FILE]: csvOf(lines) }, at, ...more });
}

const august = (second = '2') => [lineOf('2026-08-03', '2026-07-15', '1'), lineOf('2026-08-20', '2026-08-15', second)];
const september = (first = '4') => [lineOf('2026-09-03', '2026-08-15', first), lineOf('2026-09-20', '2026-09-15', '8')];
/** Periods go by the month in which they begin. */
const JULY = '2026-07';
const AUGUST = '2026-08';
const SEPTEMBER = '2026-09';

const later = () => (scene.now = new Date(scene.now.getTime() + HOUR_MS));
const billed = async () => (await scene.published()).map((period) => [period.period, period.billed]);
const filesRead = () => double.calls.splice(0).filter(({ key }) => key.includes('/data/')).length;

describe('a billing period that lies in the deliveries of two months', () => {
  test('is gathered from both, and changes as a whole with either', async () => {
    deliver('2026-08', august());
    deliver('2026-09', september());
    await scene.sync();
    expect(await billed()).toEqual([
      [JULY, '1'],
      [AUGUST, '6'],
      [SEPTEMBER, '8'],
    ]);
    filesRead();
    later();
    const again = await scene.sync();
    expect(again.loads.map(({ unchanged }) => unchanged)).toEqual([true, true, true]);
    expect(filesRead()).toBe(0);
    later();
    deliver('2026-08', august('2.5'));
    await scene.sync();
    expect(filesRead()).toBe(1);
    expect(await billed()).toEqual([
      [JULY, '1'],
      [AUGUST, '6.5'],
      [SEPTEMBER, '8'],
    ]);
  });

  test('keeps what was published while one of them is not there, until somebody asks for what is left', async () => {
    deliver('2026-08', august());
    deliver('2026-09', september());
    await scene.sync();
    double.remove(BUCKET, `p/focus/data/BILLING_PERIOD=2026-08/${FILE}`);
    double.remove(BUCKET, 'p/focus/metadata/BILLING_PERIOD=2026-08/focus-Manifest.json');
    deliver('2026-09', september('40'));
    later();
    await scene.sync();
    expect(await billed()).toEqual([
      [JULY, '1'],
      [AUGUST, '6'],
      [SEPTEMBER, '8'],
    ]);
    expect((await scene.status()).lastRun?.waiting).toContainEqual(
      expect.stringMatching(
        /^2026-08-15\.\.2026-09-15 is billed by .* that of 2026-08 is not there .*outturn ingest --source aws --replace/,
      ),
    );
    later();
    await scene.sync({ mayDropAccounts: true });
    expect(await billed()).toContainEqual([AUGUST, '40']);
    later();
    deliver('2026-09', september('41'));
    await scene.sync();
    expect(await billed()).toContainEqual([AUGUST, '41']);
  });

  test('of a month that stops billing another one, both stand alone again', async () => {
    const month = (name: string, billedFrom: string, cost: string) => lineOf(`${name}-05`, billedFrom, cost);
    deliver('2026-08', [month('2026-08', '2026-08-01', '1'), month('2026-08', '2026-09-01', '2')]);
    deliver('2026-09', [month('2026-09', '2026-09-01', '4')]);
    await scene.sync();
    expect(await billed()).toEqual([
      ['2026-08', '1'],
      ['2026-09', '6'],
    ]);
    later();
    deliver('2026-08', [month('2026-08', '2026-08-01', '3')]);
    await scene.sync();
    expect(await billed()).toEqual([
      ['2026-08', '3'],
      ['2026-09', '4'],
    ]);
  });

  test('that has a fault keeps no other from being read', async () => {
    deliver('2026-07', [lineOf('2026-07-20', '2026-07-15', '16')]);
    deliver('2026-08', august());
    deliver('2026-09', [lineOf('2026-09-20', '2026-09-15', 'abc')]);
    await expect(scene.sync()).rejects.toThrow('BilledCost');
    expect(await billed()).toEqual([
      [JULY, '17'],
      [AUGUST, '2'],
    ]);
  });
});
