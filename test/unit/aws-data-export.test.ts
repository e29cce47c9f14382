/**
 * Which delivery of an AWS export is read: in every layout exactly one for each billing period, the newest that is complete and not being
 * written to; what is waited for, and what is refused, in words.
 */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectAwsDataExport } from '../../connectors/aws-data-export/connect-aws-data-export.ts';
import type { Connection, KnownFile, ListRequest, SourceCheck } from '../../connectors/connector.ts';
import { type AwsDelivery, BUCKET, deliverDataExport, deliverReport, useAwsKeysOf } from '../support/aws-exports.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';

const NOW = '2026-10-06T08:00:00Z';
const NOTHING: ReadonlyMap<string, KnownFile> = new Map();

let double: S3Double;
let connection: Connection;

beforeEach(async () => {
  double = await startS3Double({ now: () => new Date(NOW) });
  double.createBucket(BUCKET);
  useAwsKeysOf(double);
  connection = await connect();
});
afterEach(async () => {
  await connection.close();
  await double.stop();
});

function connect(settings: object = {}, now = NOW): Promise<Connection> {
  const place = { bucket: BUCKET, region: 'us-east-1', endpoint: double.url, forcePathStyle: true, prefix: 'p' };
  return connectAwsDataExport(connectedSource('aws-data-export', { ...place, ...settings }), connectionContext(now));
}

const focus = (delivery: Partial<AwsDelivery> = {}) =>
  deliverDataExport(double, {
    root: 'p/focus',
    month: '2026-09',
    files: { 'focus-00001.csv.gz': 'x' },
    at: '2026-10-05T06:00:00Z',
    ...delivery,
  });
const report = (delivery: Partial<AwsDelivery> = {}) =>
  deliverReport(double, {
    root: 'p/hourly',
    month: '2026-09',
    files: { 'hourly-00001.csv.gz': 'x' },
    at: '2026-10-05T06:00:00Z',
    ...delivery,
  });

async function listing(from = connection, request: Partial<ListRequest> = {}) {
  const { manifests, waiting } = await from.list({ known: NOTHING, ...request });
  const found = manifests.map(({ billingPeriod, deliveredAt, files }) => [
    billingPeriod?.start.slice(0, 7),
    deliveredAt?.toISOString().slice(0, 16),
    ...files.map(({ key }) => key),
  ]);
  return { found, waiting };
}

async function checked(of = connection): Promise<SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of of.check()) found.push(check);
  return found.filter(({ subject }) => !/^(credentials|s3:)/.test(subject));
}

describe('a delivery', () => {
  test('that overwrites: one for each month, ascending, with the files that its manifest names', async () => {
    focus({ month: '2026-10', at: '2026-10-06T06:00:00Z' });
    focus({ files: { 'focus-00001.csv.gz': 'x', 'focus-00002.csv.gz': 'y' } });
    double.put(BUCKET, 'p/focus/data/BILLING_PERIOD=2026-09/focus-00003.csv.gz', 'left over from a longer delivery');
    const { manifests, waiting } = await connection.list({ known: NOTHING });
    expect(waiting).toEqual([]);
    expect(manifests).toMatchObject([
      { billingPeriod: { start: '2026-09-01', end: '2026-10-01' }, deliveredAt: new Date('2026-10-05T06:00:00Z') },
      { billingPeriod: { start: '2026-10-01', end: '2026-11-01' }, deliveredAt: new Date('2026-10-06T06:00:00Z') },
    ]);
    expect(manifests[0]?.files).toMatchObject([
      { key: 'p/focus/data/BILLING_PERIOD=2026-09/focus-00001.csv.gz', name: 'focus-00001.csv.gz', sizeBytes: 21 },
      { name: 'focus-00002.csv.gz', version: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
  });

  test('that is kept beside the last: the newest of each month', async () => {
    focus({ version: '2026-10-04T05:00:00.000Z-1', at: '2026-10-04T06:00:00Z' });
    focus({ version: '2026-10-05T05:00:00.000Z-2' });
    expect((await listing()).found).toEqual([
      [
        '2026-09',
        '2026-10-05T06:00',
        'p/focus/data/BILLING_PERIOD=2026-09/2026-10-05T05:00:00.000Z-2/focus-00001.csv.gz',
      ],
    ]);
    expect(double.calls.filter(({ operation }) => operation === 'GetObject')).toHaveLength(1);
  });

  test('that is kept beside another of the same second: the one of the later folder', async () => {
    for (const id of ['1', '2']) focus({ version: `2026-10-05T05:00:00.000Z-${id}` });
    expect((await listing()).found).toMatchObject([['2026-09', '2026-10-05T06:00', expect.stringContaining('Z-2/')]]);
  });

  test('of a legacy report that overwrites, also as Parquet, which lies elsewhere', async () => {
    report();
    expect((await listing()).found).toEqual([
      ['2026-09', '2026-10-05T06:00', 'p/hourly/20260901-20261001/hourly-00001.csv.gz'],
    ]);
    const key = 'p/athena/athena/year=2026/month=9/athena-00001.snappy.parquet';
    double.put(BUCKET, key, 'x', { modifiedAt: new Date('2026-10-05T05:00:00Z') });
    double.put(BUCKET, 'p/athena/athena/cost_and_usage_data_status/cost_and_usage_data_status.parquet', 'status');
    const manifest = JSON.stringify({ assemblyId: 'a', reportKeys: [key] });
    double.put(BUCKET, 'p/athena/20260901-20261001/athena-Manifest.json', manifest, {
      modifiedAt: new Date('2026-10-05T06:00:00Z'),
    });
    expect((await listing(await connect({ prefix: 'p/athena' }))).found).toEqual([
      ['2026-09', '2026-10-05T06:00', key],
    ]);
  });

  test('of a legacy report that is kept: the newest assembly, by whichever manifest', async () => {
    report({ version: '20261004T060000Z', at: '2026-10-04T06:00:00Z' });
    report({ version: '20261005T060000Z' });
    const key = 'p/hourly/20260901-20261001/20261005T060000Z/hourly-00001.csv.gz';
    expect((await listing()).found).toEqual([['2026-09', '2026-10-05T06:00', key]]);
    double.remove(BUCKET, 'p/hourly/20260901-20261001/hourly-Manifest.json');
    expect((await listing()).found).toEqual([['2026-09', '2026-10-05T06:00', key]]);
  });

  test.each([
    ['the bucket’s root', { prefix: '' }, 'focus'],
    ['the export’s own folder', { prefix: '/p/focus/' }, 'p/focus'],
    ['no prefix at all', { prefix: undefined }, 'p/focus'],
  ])('is found with %s', async (_what, settings, root) => {
    focus({ root });
    expect((await listing(await connect(settings))).found).toHaveLength(1);
  });

  test('of another month than a backfill asks for is left', async () => {
    for (const month of ['2026-07', '2026-08', '2026-09']) focus({ month });
    const { found } = await listing(connection, { range: { start: '2026-08-15', end: '2026-09-01' } });
    expect(found.map(([month]) => month)).toEqual(['2026-08']);
  });
});

describe('what is waited for', () => {
  const waiting = async (known = NOTHING) => listing(connection, { known });

  test('is a first delivery', async () => {
    expect(await waiting()).toEqual({
      found: [],
      waiting: ['no export lies below bills/p/ yet; AWS delivers a new one within 24 hours'],
    });
  });

  test('is a month whose manifest is not there yet', async () => {
    focus({ without: 'manifest' });
    expect(await waiting()).toEqual({ found: [], waiting: ['2026-09 has files but no manifest yet'] });
  });

  test('is a file that the manifest names and that is not there', async () => {
    focus({ files: { 'a.csv.gz': 'x', 'b.csv.gz': 'y', 'c.csv.gz': 'z' }, without: ['b.csv.gz', 'c.csv.gz'] });
    expect(await waiting()).toEqual({
      found: [],
      waiting: ['2026-09 lacks b.csv.gz and 1 more, which its manifest names'],
    });
  });

  test('is the next version; until then the one before is read', async () => {
    focus({ version: '2026-10-04T05:00:00.000Z-1', at: '2026-10-04T06:00:00Z' });
    focus({ version: '2026-10-05T05:00:00.000Z-2', without: ['focus-00001.csv.gz'] });
    const { found, waiting: words } = await waiting();
    expect(found).toMatchObject([['2026-09', '2026-10-04T06:00', expect.stringContaining('Z-1/')]]);
    expect(words).toEqual(['2026-09 lacks focus-00001.csv.gz, which its manifest names']);
  });

  test('is a delivery that overwrites the last and has not come to its manifest', async () => {
    focus({ files: { 'a.csv.gz': 'x', 'b.csv.gz': 'y' } });
    focus({ files: { 'a.csv.gz': 'xx' }, at: '2026-10-06T07:50:00Z', without: 'manifest' });
    expect(await waiting()).toEqual({
      found: [],
      waiting: ['2026-09 is being delivered anew: a.csv.gz was written after its manifest'],
    });
  });

  test('is what was read as part of a delivery and is another now, however short the time between', async () => {
    focus();
    const key = 'p/focus/data/BILLING_PERIOD=2026-09/focus-00001.csv.gz';
    const [manifest] = (await connection.list({ known: NOTHING })).manifests;
    const known = new Map([
      [key, { version: manifest?.files[0]?.version ?? '', fetchedAt: new Date('2026-10-05T06:00:10Z') }],
    ]);
    const rewrite = (content: string) =>
      double.put(BUCKET, key, gzipSync(content, { level: 1 }), { modifiedAt: new Date('2026-10-05T06:00:20Z') });
    rewrite('x');
    expect((await waiting(known)).found).toHaveLength(1);
    rewrite('y');
    expect((await waiting(known)).waiting).toEqual([
      '2026-09 is being delivered anew: focus-00001.csv.gz was written after its manifest',
    ]);
  });

  test('is a manifest that was replaced since it was listed', async () => {
    focus();
    double.faults.push({ operation: 'GetObject', kind: 'error', status: 412, code: 'PreconditionFailed' });
    expect(await waiting()).toEqual({ found: [], waiting: ['2026-09 is being delivered right now'] });
  });

  test('is a manifest that cannot be read, or names nothing', async () => {
    const put = (text: string) =>
      double.put(BUCKET, 'p/focus/metadata/BILLING_PERIOD=2026-09/focus-Manifest.json', text, {
        modifiedAt: new Date('2026-10-05T06:00:00Z'),
      });
    for (const text of ['{"dataFiles": ["s3://b/p/foc', '<html>', '{"dataFiles": [1]}', 'null']) {
      put(text);
      expect((await waiting()).waiting).toMatchObject([
        expect.stringContaining('2026-09 has a manifest that cannot be read'),
      ]);
    }
    put('{"dataFiles": []}');
    expect((await waiting()).waiting).toMatchObject([expect.stringContaining('2026-09 names no file in its manifest')]);
  });

  test('is not a copied bucket, whose files and manifest came in any order', async () => {
    focus();
    const key = 'p/focus/data/BILLING_PERIOD=2026-09/focus-00001.csv.gz';
    double.put(BUCKET, key, 'x', { modifiedAt: new Date('2026-10-05T06:10:00Z') });
    expect((await waiting()).found).toHaveLength(1);
  });

  test('is not a month that was read and whose files were then taken away', async () => {
    focus({ without: ['focus-00001.csv.gz'] });
    const key = 'p/focus/data/BILLING_PERIOD=2026-09/focus-00001.csv.gz';
    const known = (fetchedAt: string) => new Map([[key, { version: 'v', fetchedAt: new Date(fetchedAt) }]]);
    expect(await waiting(known('2026-10-05T07:00:00Z'))).toEqual({ found: [], waiting: [] });
    // An older content of that name is another delivery.
    expect((await waiting(known('2026-10-04T07:00:00Z'))).waiting).toHaveLength(1);
  });
});

describe('a delivery of this very moment', () => {
  test('is listed a second time, since the first list may show its files as they were before it', async () => {
    focus({ at: '2026-10-06T07:59:50Z' });
    expect((await listing()).found).toHaveLength(1);
    expect(double.calls.map(({ operation }) => operation)).toEqual(['ListObjectsV2', 'ListObjectsV2', 'GetObject']);
  });
});

describe('what is refused', () => {
  test('are several exports below one prefix, by name, with what to write', async () => {
    focus();
    focus({ root: 'p/cur2' });
    await expect(listing()).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringMatching(/Several exports lie below bills\/p\/: p\/cur2, p\/focus\..*prefix: p\/cur2$/),
    });
    expect((await listing(await connect({ prefix: 'p/focus' }))).found).toHaveLength(1);
    expect((await checked()).at(-1)).toMatchObject({
      subject: 'export',
      state: 'wrong',
      message: expect.stringContaining('p/cur2, p/focus'),
    });
  });

  test('is an export that begins with the same letters, not', async () => {
    focus();
    focus({ root: 'p/focus-old' });
    expect((await listing(await connect({ prefix: 'p/focus' }))).found).toHaveLength(1);
  });

  test('is a report as ZIP; where its later months are not, only the former are passed over', async () => {
    report({ files: { 'hourly-00001.csv.zip': 'x' } });
    const words =
      '2026-09 delivers hourly-00001.csv.zip, which cannot be read: set the compression of the export to GZIP (CSV) or Parquet in AWS';
    await expect(listing()).rejects.toMatchObject({ code: 'source_refused', message: `${words}.` });
    expect((await checked()).at(-1)).toMatchObject({ subject: 'delivery', state: 'note', message: words });
    report({ month: '2026-10' });
    const { found, waiting } = await listing();
    expect(found.map(([month]) => month)).toEqual(['2026-10']);
    expect(waiting).toEqual([words]);
  });
});

describe('a check', () => {
  test('names the export, its months and its newest delivery', async () => {
    focus({ month: '2026-08' });
    focus();
    expect(await checked()).toEqual([
      { subject: 'export', state: 'ok', message: 'p/focus holds a Data Export: 2 billing periods, 2026-08 to 2026-09' },
      { subject: 'delivery', state: 'ok', message: '2026-09 was delivered 2026-10-05T06:00:00.000Z: 1 file' },
    ]);
  });

  test('notes what is not complete, and what is not there yet', async () => {
    expect(await checked()).toMatchObject([{ subject: 'export', state: 'note' }]);
    report({ without: ['hourly-00001.csv.gz'] });
    expect(await checked()).toMatchObject([
      { subject: 'export', message: 'p/hourly holds a legacy Cost and Usage Report: 2026-09' },
      { subject: 'delivery', state: 'note', message: expect.stringContaining('lacks hourly-00001.csv.gz') },
    ]);
  });

  test('notes columns that an export of CUR 2.0 leaves out and its bills will need', async () => {
    focus({
      columns: ['line_item_line_item_type', 'reservation_effective_cost', 'savings_plan_savings_plan_effective_cost'],
    });
    const [, , columns] = await checked();
    expect(columns).toMatchObject({ subject: 'columns', state: 'note' });
    expect(columns?.message).toContain('savings_plan_used_commitment');
    expect(columns?.message).not.toContain('reservation_effective_cost');
  });

  test('ends with the permission that is missing', async () => {
    double.denied.add('s3:ListBucket');
    expect(await checked()).toEqual([]);
  });
});
