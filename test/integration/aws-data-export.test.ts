/**
 * An AWS export from the bucket to the published figures, by the product itself: what arrives is read once and nothing is asked for again,
 * what changes replaces its month, what is not complete is waited for, what fails is said and gone on with where it stopped.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { type AwsDelivery, BUCKET, deliverDataExport, deliverReport, useAwsKeysOf } from '../support/aws-exports.ts';
import {
  asCur2,
  AWS_MONTH_BILLED,
  AWS_MONTH_EFFECTIVE,
  AWS_MONTH_FOCUS,
  AWS_MONTH_FOCUS_12,
  AWS_MONTH_LINES,
} from '../support/aws-month.ts';
import { type BillLine, billLine, csvOf, makeBillFolder, writeBill } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';
import { writeParquet } from '../support/translated-bills.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
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

/** A line of a month, on its fifth day. */
function lineOf(month: string, cells: BillLine = {}): BillLine {
  const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString();
  return billLine({
    BillingPeriodStart: `${month}-01T00:00:00Z`,
    BillingPeriodEnd: end,
    ChargePeriodStart: `${month}-05T00:00:00Z`,
    ChargePeriodEnd: `${month}-06T00:00:00Z`,
    InvoiceId: '',
    ...cells,
  });
}

function deliver(month: string, cells: readonly BillLine[] = [{}], more: Partial<AwsDelivery> = {}): void {
  const files = { [FILE]: csvOf(cells.map((one) => lineOf(month, one))) };
  deliverDataExport(double, { root: 'p/focus', month, files, at: minutesAgo(30), ...more });
}

const minutesAgo = (minutes: number) => new Date(scene.now.getTime() - minutes * MINUTE_MS).toISOString();
const later = (ms = HOUR_MS) => (scene.now = new Date(scene.now.getTime() + ms));
const billed = async () => (await scene.published()).map((month) => [month.period, month.lines, month.billed]);
const filesRead = () => double.calls.filter(({ key }) => key.includes('/data/'));
const calls = () => double.calls.splice(0).map(({ operation }) => operation);

describe('a source of AWS exports', () => {
  test('is read once: the next look lists, reads the manifests and fetches nothing', async () => {
    const accounts = { BillingAccountId: '000000000017', SubAccountId: '000000000042' };
    deliver('2026-09', [accounts]);
    // Savings Plans have fees dated ahead of their delivery.
    const ahead = { ChargePeriodStart: '2026-10-31T00:00:00Z', ChargePeriodEnd: '2026-11-01T00:00:00Z' };
    deliver('2026-10', [
      { ...accounts, BilledCost: '2' },
      { ...accounts, ...ahead, BilledCost: '0.5' },
    ]);
    await scene.sync();
    expect(await billed()).toEqual([
      ['2026-09', '1', '1.5'],
      ['2026-10', '2', '2.5'],
    ]);
    const { rows } = await scene.database.pool.query('select billing_account_id, sub_account_id from origin');
    expect(rows).toEqual([{ billing_account_id: '000000000017', sub_account_id: '000000000042' }]);
    expect(calls()).toEqual(['ListObjectsV2', ...Array.from({ length: 4 }, () => 'GetObject')]);
    later();
    expect((await scene.sync()).loads.map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect(calls()).toEqual(['ListObjectsV2', 'GetObject', 'GetObject']);
    const { lastRun, spentToday } = await scene.status();
    expect(lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });
    expect(spentToday).toMatchObject({ requests: '8', amount: '0' });
  });

  test('follows a month from its first estimate over late rows to the invoice', async () => {
    deliver('2026-09');
    await scene.sync();
    later();
    deliver('2026-09', [{ BilledCost: '1.75' }, { BilledCost: '4', ResourceId: 'late', ChargeCategory: 'Credit' }]);
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '2', '5.75']]);
    expect((await scene.status()).latest).toMatchObject({ billingPeriod: '2026-09', finality: 'estimated' });
    later();
    deliver('2026-09', [{ BilledCost: '1.75', InvoiceId: '1234567890' }]);
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.75']]);
    expect((await scene.status()).latest).toMatchObject({ finality: 'final', deliveredAt: minutesAgo(30) });
  });

  test('replaces the month that was restated, and asks for no other file', async () => {
    for (const month of ['2026-07', '2026-08', '2026-09']) deliver(month);
    await scene.sync();
    later();
    double.calls.length = 0;
    deliver('2026-08', [{ BilledCost: '-3' }]);
    await scene.sync();
    expect(filesRead().map(({ key }) => key)).toEqual([`p/focus/data/BILLING_PERIOD=2026-08/${FILE}`]);
    expect((await billed()).map(([, , cost]) => cost)).toEqual(['1.5', '-3', '1.5']);
  });

  test('waits for a delivery that is half written, says so, and keeps what it had', async () => {
    deliver('2026-09');
    await scene.sync();
    later();
    deliver('2026-09', [{ BilledCost: '9' }], { at: minutesAgo(5), without: 'manifest' });
    expect(await scene.sync()).toMatchObject({ loads: [] });
    const { lastRun, summary } = await scene.status();
    expect(lastRun).toMatchObject({
      outcome: 'waiting',
      waiting: [expect.stringContaining('is being delivered anew')],
    });
    expect(summary).toContain('Not complete yet: 2026-09 is being delivered anew');
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
    later();
    deliver('2026-09', [{ BilledCost: '9' }]);
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '9']]);
  });

  test('keeps the figures of files that were taken away, and asks for nothing', async () => {
    deliver('2026-08');
    deliver('2026-09');
    await scene.sync();
    later();
    double.calls.length = 0;
    double.remove(BUCKET, `p/focus/data/BILLING_PERIOD=2026-08/${FILE}`);
    expect(await scene.sync()).toMatchObject({ waiting: [], loads: [{ billingPeriodStart: '2026-09-01' }] });
    expect(filesRead()).toEqual([]);
    expect((await billed()).map(([month]) => month)).toEqual(['2026-08', '2026-09']);
  });

  test('has a month without a line yet', async () => {
    deliver('2026-09', [], { files: { [FILE]: csvOf([]) } });
    await scene.sync();
    expect(await billed()).toEqual([]);
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'changed', error: null });
  });
});

describe('a look that fails', () => {
  test('says which permission is missing, and goes on when it is there', async () => {
    deliver('2026-09');
    double.denied.add('s3:GetObject');
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_refused' });
    const refused = await scene.status();
    expect(refused).toMatchObject({
      state: 'retrying',
      lastRun: { outcome: 'failed', error: { code: 'source_refused' } },
    });
    expect(refused.summary).toContain('Allow s3:GetObject on arn:aws:s3:::bills/*');
    const checks = await checkSource(scene.context, 'aws');
    expect(checks.map(({ subject, state }) => [subject, state])).toEqual([
      ['credentials', 'ok'],
      ['s3:ListBucket', 'ok'],
      ['s3:GetObject', 'wrong'],
    ]);
    double.denied.clear();
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
  });

  test('waits as long as a throttling answer asks, and loses nothing', async () => {
    deliver('2026-08');
    deliver('2026-09');
    // The manifests of two months and the first file; then for a minute nothing.
    double.faults.push({ operation: 'GetObject', kind: 'throttle', retryAfterSeconds: 90, skip: 3 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError', retryAfterMs: 90_000 });
    const { nextRunAt } = await scene.status();
    expect(Date.parse(nextRunAt ?? '')).toBe(scene.now.getTime() + 90_000);
    later(90_000);
    await scene.sync();
    expect((await billed()).map(([month]) => month)).toEqual(['2026-08', '2026-09']);
    expect(filesRead().map(({ key, status }) => [key.slice(-26, -19), status])).toEqual([
      ['2026-08', 200],
      ['2026-09', 503],
      ['2026-09', 200],
    ]);
  });

  test('in the middle of a file goes on from the byte where it broke', async () => {
    const lines = Array.from({ length: 4_000 }, (_, index) =>
      lineOf('2026-09', { BilledCost: '0.001', ResourceId: randomBytes(256).toString('hex') + String(index) }),
    );
    deliver('2026-09', [], { files: { [FILE]: csvOf(lines) } });
    double.faults.push({ operation: 'GetObject', kind: 'cut', afterBytes: 900_000, skip: 1 });
    await expect(scene.sync()).rejects.toThrow('broke off');
    later();
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '4000', '4']]);
    const [cut, rest] = filesRead();
    const offset = Number(/^bytes=(\d+)-$/.exec(rest?.range ?? '')?.[1]);
    expect(cut?.bytesSent).toBe(900_000);
    expect(offset).toBeGreaterThan(500_000);
    expect(filesRead()).toHaveLength(2);
  });

  test('because its credentials end half-way keeps the files it had', async () => {
    for (const month of ['2026-07', '2026-08', '2026-09']) deliver(month);
    const expired = { operation: 'GetObject', kind: 'error', status: 400, code: 'ExpiredToken' } as const;
    double.faults.push({ ...expired, skip: 4 }, expired);
    await expect(scene.sync()).rejects.toThrow('The AWS credentials have expired');
    expect((await billed()).map(([month]) => month)).toEqual(['2026-07']);
    later();
    double.faults.length = 0;
    double.calls.length = 0;
    await scene.sync();
    expect((await billed()).map(([month]) => month)).toEqual(['2026-07', '2026-08', '2026-09']);
    expect(filesRead().map(({ key }) => key.slice(-26, -19))).toEqual(['2026-08', '2026-09']);
  });

  test('because a file was replaced under it reads the new one at the next look', async () => {
    deliver('2026-09');
    double.faults.push({ operation: 'GetObject', kind: 'error', status: 412, code: 'PreconditionFailed', skip: 1 });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_changed' });
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
  });
});

describe('one month in every format', () => {
  test('has the same billed and effective totals from a legacy report, CUR 2.0 and FOCUS, as CSV and as Parquet', async () => {
    const folder = await makeBillFolder();
    const parquetOf = async (name: string, lines: readonly BillLine[], columns: string) => {
      const path = join(folder.path, `${name}.parquet`);
      await writeParquet(await writeBill(folder.path, `${name}.csv`, csvOf(lines)), columns, path);
      return readFile(path);
    };
    const cur2 = await parquetOf(
      'cur2',
      asCur2(AWS_MONTH_LINES),
      `* replace (line_item_unblended_cost::double as line_item_unblended_cost, line_item_usage_start_date::timestamptz as line_item_usage_start_date,
        bill_billing_period_start_date::timestamptz as bill_billing_period_start_date, resource_tags::json::map(varchar, varchar) as resource_tags)`,
    );
    const focus = await parquetOf(
      'focus',
      AWS_MONTH_FOCUS_12,
      `* replace (BilledCost::double as BilledCost, EffectiveCost::double as EffectiveCost, ChargePeriodStart::timestamptz as ChargePeriodStart,
        nullif(Tags, '')::json::map(varchar, varchar) as Tags, nullif(x_Discounts, '')::json::map(varchar, double) as x_Discounts,
        SkuPriceDetails::json::map(varchar, varchar) as SkuPriceDetails)`,
    );
    await folder.remove();
    const month = '2026-09';
    const formats: readonly (readonly [put: typeof deliverReport, delivery: Partial<AwsDelivery>])[] = [
      [
        deliverReport,
        { root: 'p/legacy', files: { 'legacy-00001.csv.gz': csvOf(AWS_MONTH_LINES) }, version: '20261006T060000Z' },
      ],
      [deliverDataExport, { root: 'p/cur2', files: { 'cur2-00001.snappy.parquet': cur2 } }],
      [deliverDataExport, { root: 'p/cur2csv', files: { 'cur2csv-00001.csv.gz': csvOf(asCur2(AWS_MONTH_LINES)) } }],
      [deliverDataExport, { root: 'p/focus', files: { [FILE]: csvOf(AWS_MONTH_FOCUS) } }],
      [
        deliverDataExport,
        { root: 'p/focus2', files: { 'focus2-00001.snappy.parquet': focus }, version: '2026-10-06T06:00:00.000Z-1' },
      ],
    ];
    for (const [put, delivery] of formats) {
      for (const key of double.keys(BUCKET)) double.remove(BUCKET, key);
      put(double, { root: '', month, files: {}, at: minutesAgo(30), ...delivery });
      await scene.sync();
      const [published] = await scene.published();
      expect({ root: delivery.root, ...published }).toMatchObject({
        root: delivery.root,
        period: month,
        billed: AWS_MONTH_BILLED,
        effective: AWS_MONTH_EFFECTIVE,
      });
      later();
    }
    const { rows } = await scene.database.pool.query("select distinct tags from origin where tags <> '{}'");
    expect(rows).toEqual([{ tags: { pod: 'checkout' } }]);
  });
});

describe.runIf(isAvailable('bills'))('the published bills', () => {
  const bill = (...path: string[]) => readFile(join(realBills(), ...path), 'utf8');

  test('have their known sums as two months of a legacy report', async () => {
    for (const [month, name] of [
      ['2018-06', 'test_cur.csv'],
      ['2023-11', 'cur_anonymous.csv'],
    ] as const) {
      const files = { 'cur-1.csv.gz': await bill('aws-cur', name) };
      deliverReport(double, { root: 'p/cur', month, files, at: minutesAgo(30) });
    }
    await scene.sync();
    expect(await billed()).toEqual([
      ['2018-06', '19', '0.0827499841274349353'],
      ['2023-11', '1281', '1.6823086974'],
    ]);
  });

  test('the FOCUS sample has its known sums, each month in its own partition', async () => {
    const [header = '', ...lines] = (await bill('focus-sample-1.0', 'focus_sample.csv')).trimEnd().split('\n');
    const isOctober = (line: string) => line.includes('2024-11-01 00:00:00');
    for (const [month, own] of [
      ['2024-09', lines.filter((line) => !isOctober(line))],
      ['2024-10', lines.filter(isOctober)],
    ] as const) {
      deliver(month, [], { files: { [FILE]: `${[header, ...own].join('\n')}\n` } });
    }
    await scene.sync();
    expect(await scene.published()).toEqual([
      { period: '2024-09', lines: '999', billed: '20.28022672899', effective: '14.97651418586' },
      { period: '2024-10', lines: '1', billed: '0.24', effective: '0' },
    ]);
  });
});
