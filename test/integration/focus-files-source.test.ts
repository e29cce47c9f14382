/**
 * FOCUS files of any producer, from a folder and from each cloud's object storage, through the whole product: the same bills give the same
 * figures wherever they lie, only what is new is fetched, and nothing that was published goes silently.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { useAwsKeysOf } from '../support/aws-exports.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { type BillLine, billLine, csvOf } from '../support/billing.ts';
import { type GcsDouble, startGcsDouble } from '../support/gcs-server/gcs-server.ts';
import { useGoogleCredentialsOf } from '../support/google-credentials.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;

let keys: string;
let gcs: GcsDouble;
let s3: S3Double;
let azurite: Azurite;
let scene: SyncedSource;

beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), 'outturn-keys-'));
  [gcs, s3, azurite] = await Promise.all([startGcsDouble(), startS3Double(), startAzurite()]);
  await azurite.createContainer('bills');
  s3.createBucket('s3-bills');
  gcs.createBucket('gcs-bills');
  await useGoogleCredentialsOf(gcs, keys);
  useAwsKeysOf(s3);
  process.env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString;
});
afterAll(async () => {
  await Promise.all([gcs.stop(), s3.stop(), azurite.stop()]);
  await rm(keys, { recursive: true });
});
afterEach(() => scene.drop());

function month(name: string, ...costs: string[]): string {
  return billOf(
    name,
    costs.map((BilledCost) => ({ BilledCost })),
  );
}

function billOf(name: string, lines: readonly BillLine[]): string {
  const end = new Date(Date.UTC(Number(name.slice(0, 4)), Number(name.slice(5)), 1)).toISOString();
  const period = {
    BillingPeriodStart: `${name}-01T00:00:00Z`,
    BillingPeriodEnd: end,
    ChargePeriodStart: `${name}-14T00:00:00Z`,
    ChargePeriodEnd: `${name}-15T00:00:00Z`,
  };
  return csvOf(lines.map((cells) => billLine({ ...period, ...cells })));
}

async function open(settings: (folder: string) => object): Promise<void> {
  scene = await createSyncedSource({ id: 'lake', kind: 'focus-files', settings });
  // Files were written just now.
  scene.now = new Date(Date.now() + HOUR_MS);
}

const billed = async () => (await scene.published()).map((one) => `${one.period} ${one.billed}`);
const later = () => (scene.now = new Date(scene.now.getTime() + HOUR_MS));
const lastRun = async () => (await scene.status()).lastRun;

/** Each place by its path and how a file is put there and taken away. */
const PLACES: Readonly<
  Record<
    string,
    () => { settings: object; put(name: string, content: string | Buffer): Promise<void>; calls(): number }
  >
> = {
  's3://': () => ({
    settings: { path: 's3://s3-bills/focus/', region: 'us-east-1', endpoint: s3.url, forcePathStyle: true },
    put: async (name, content) => void s3.put('s3-bills', `focus/${name}`, content),
    calls: () => s3.calls.length,
  }),
  'gs://': () => ({
    settings: { path: 'gs://gcs-bills/focus', endpoint: gcs.url },
    put: async (name, content) => void gcs.put('gcs-bills', `focus/${name}`, content),
    calls: () => gcs.calls.filter(({ operation }) => operation !== 'token').length,
  }),
  'https://': () => ({
    settings: { path: 'https://devstoreaccount1.blob.core.windows.net/bills/focus', endpoint: azurite.endpoint },
    put: async (name, content) => void (await azurite.put('bills', `focus/${name}`, content)),
    calls: () => azurite.gate.calls.length,
  }),
};

describe.each(Object.keys(PLACES))('%s', (name) => {
  test('is published, looked at without a fetch, restated by what is new, and checked', async () => {
    const { settings, put, calls } = PLACES[name]?.() ?? { settings: {}, put: async () => {}, calls: () => 0 };
    await put('2026-08.csv', month('2026-08', '1', '0.125'));
    await put('deep/2026-09.csv.gz', gzipSync(month('2026-09', '3')));
    await put('2026-10.csv.tmp', month('2026-10', '9'));
    await open(() => settings);
    await scene.sync();
    expect(await billed()).toEqual(['2026-08 1.125', '2026-09 3']);
    expect(await lastRun()).toMatchObject({ outcome: 'changed', filesFetched: 2 });
    expect((await lastRun())?.waiting).toEqual(['2026-10.csv.tmp is still being written']);

    later();
    const before = calls();
    await scene.sync();
    expect(calls() - before).toBe(1);
    expect(await lastRun()).toMatchObject({ filesFetched: 0, bytesFetched: '0' });
    expect((await scene.status()).latest).toMatchObject({ billingPeriod: '2026-09', finality: 'estimated' });

    later();
    await put('deep/2026-09.csv.gz', gzipSync(billOf('2026-09', [{ BilledCost: '4', InvoiceId: 'I-1' }])));
    await scene.sync();
    expect((await scene.status()).latest).toMatchObject({ billingPeriod: '2026-09', finality: 'final' });
    expect(await billed()).toEqual(['2026-08 1.125', '2026-09 4']);
    expect(await lastRun()).toMatchObject({ filesFetched: 1 });

    const checks = await checkSource(scene.context, 'lake');
    expect(checks.map(({ state }) => state)).not.toContain('wrong');
    expect(checks.filter(({ subject }) => subject === 'bills')[0]?.message).toBe('2 files');
  });
});

describe('an object store', () => {
  test('whose connection breaks in the middle of a file goes on from there', async () => {
    const large = month('2026-09', ...Array.from({ length: 20_000 }, () => '0.01'));
    gcs.createBucket('cut');
    gcs.put('cut', 'a.csv', large);
    gcs.faults.push({ operation: 'get', kind: 'cut', afterBytes: 2_000_000 });
    await open(() => ({ path: 'gs://cut', endpoint: gcs.url }));
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    later();
    await scene.sync();
    expect(await billed()).toEqual(['2026-09 200']);
    const reads = gcs.calls.filter(({ bucket, operation }) => bucket === 'cut' && operation === 'get');
    const offset = Number(/\d+/.exec(reads[1]?.range ?? '')?.[0]);
    expect(offset).toBeGreaterThan(1_000_000);
    expect(reads[1]?.bytesSent).toBe(large.length - offset);
  });

  test('that throttles or refuses says so, and when it is asked again', async () => {
    gcs.createBucket('busy');
    await open(() => ({ path: 'gs://busy', endpoint: gcs.url }));
    gcs.faults.push({ operation: 'list', kind: 'throttle', retryAfterSeconds: 7_200 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    const { nextRunAt } = await scene.status();
    expect(Date.parse(nextRunAt ?? '') - scene.now.getTime()).toBeGreaterThanOrEqual(2 * HOUR_MS);
    gcs.denied.add('storage.objects.list');
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_refused' });
    expect((await scene.status()).summary).toContain('Grant storage.objects.list on gs://busy');
    gcs.denied.clear();
  });

  test('whose credentials are spent half-way keeps what was read, and gives only the rest afterwards', async () => {
    gcs.createBucket('spent');
    gcs.put('spent', 'billing_period=2026-08/a.csv', month('2026-08', '1'));
    await open(() => ({ path: 'gs://spent', endpoint: gcs.url }));
    await scene.sync();
    gcs.put('spent', 'billing_period=2026-09/b.csv', month('2026-09', '2'));
    gcs.faults.push({ operation: 'get', kind: 'error', status: 401, reason: 'authError' });
    later();
    await expect(scene.sync()).rejects.toThrow('does not know the credentials (401). Renew them');
    expect(await billed()).toEqual(['2026-08 1']);
    later();
    await scene.sync();
    expect(await billed()).toEqual(['2026-08 1', '2026-09 2']);
    const read = gcs.calls.filter(({ bucket, operation }) => bucket === 'spent' && operation === 'get');
    expect(read.map(({ name, status }) => `${status} ${name}`)).toEqual([
      '200 billing_period=2026-08/a.csv',
      '401 billing_period=2026-09/b.csv',
      '200 billing_period=2026-09/b.csv',
    ]);
  });
});

describe('a folder', () => {
  const put = async (name: string, content: string) => {
    const path = join(scene.folder, 'bills', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const remove = (name: string) => rm(join(scene.folder, 'bills', name));
  const openFolder = () => open((folder) => ({ path: join(folder, 'bills') }));

  test('that loses a file keeps what was published, says so at every look, and replaces it when asked', async () => {
    await openFolder();
    await put('a.csv', month('2026-09', '1'));
    await put('b.csv', month('2026-09', '2'));
    await put('2026-08.csv', month('2026-08', '4'));
    await scene.sync();
    await remove('b.csv');
    await remove('2026-08.csv');
    for (let look = 0; look < 2; look += 1) {
      later();
      await scene.sync();
      expect(await billed()).toEqual(['2026-08 4', '2026-09 3']);
      expect((await lastRun())?.waiting).toEqual([
        '2026-08 has no file there any more (2026-08.csv went); its charges stay as published',
        expect.stringMatching(
          /^2026-09 lacks b\.csv, .* \(outturn ingest --source lake --replace, mayDropAccounts over HTTP\)$/,
        ),
      ]);
    }
    later();
    await scene.sync({ mayDropAccounts: true });
    expect(await billed()).toEqual(['2026-08 4', '2026-09 1']);
    expect((await lastRun())?.waiting).toHaveLength(1);
  });

  test('whose files have other names at each delivery holds one delivery, not their sum', async () => {
    await openFolder();
    await put('part-0-aaa.csv', month('2026-09', '1'));
    await put('part-1-aaa.csv', month('2026-09', '2'));
    await scene.sync();
    await remove('part-0-aaa.csv');
    await remove('part-1-aaa.csv');
    await put('part-0-bbb.csv', month('2026-09', '3.5'));
    later();
    await scene.sync();
    expect(await billed()).toEqual(['2026-09 3.5']);
  });

  test('with a folder for each billing period delivers them one by one: a fault of one leaves the others', async () => {
    await openFolder();
    await put('billing_period=2026-08/a.csv', month('2026-08', '1'));
    await put('billing_period=2026-09/a.csv', month('2026-09', '2'));
    await scene.sync();
    later();
    await put('billing_period=2026-08/a.csv', month('2026-08', 'much'));
    await put('billing_period=2026-09/b.csv', month('2026-09', '5'));
    await expect(scene.sync()).rejects.toMatchObject({ code: 'invalid_bill' });
    expect(await billed()).toEqual(['2026-08 1', '2026-09 7']);
    await put('billing_period=2026-08/a.csv', month('2026-08', '1'));
    await remove('billing_period=2026-09/a.csv');
    await remove('billing_period=2026-09/b.csv');
    later();
    await scene.sync();
    expect(await billed()).toEqual(['2026-08 1', '2026-09 7']);
    expect((await lastRun())?.waiting).toEqual([expect.stringContaining('2026-09 has no file there any more')]);
  });

  test('that is not there is said so, in the run and in the check', async () => {
    await openFolder();
    await expect(scene.sync()).rejects.toThrow('is not there. Create it, or correct path in the organisation file');
    expect(await checkSource(scene.context, 'lake')).toMatchObject([{ subject: 'folder', state: 'wrong' }]);
  });

  test.runIf(isAvailable('bills'))('with the FOCUS sample has its known sums', async () => {
    await openFolder();
    await put('focus_sample.csv', await readFile(join(realBills(), 'focus-sample-1.0/focus_sample.csv'), 'utf8'));
    await scene.sync();
    expect(await scene.published()).toEqual([
      { period: '2024-09', lines: '999', billed: '20.28022672899', effective: '14.97651418586' },
      { period: '2024-10', lines: '1', billed: '0.24', effective: '0' },
    ]);
  });

  test('of a producer with its own spellings is read: nulls, times, further columns, equal lines', async () => {
    await openFolder();
    const line = {
      BilledCost: '1.5',
      EffectiveCost: '1.5',
      ListCost: '1.5',
      ContractedCost: '0',
      BillingCurrency: 'EUR',
      BillingAccountId: '7',
      BillingPeriodStart: '2026-09-01 00:00:00',
      BillingPeriodEnd: '2026-10-01 00:00:00',
      ChargePeriodStart: '9/14/26',
      ChargePeriodEnd: '9/15/26',
      ChargeCategory: 'Usage',
      ProviderName: 'Databricks',
      ServiceName: 'Jobs',
      ResourceId: '(null)',
      Tags: 'NULL',
      Id: '12',
      x_Workspace: 'w',
    };
    await put('a.csv', csvOf([line, line]));
    await scene.sync();
    expect(await scene.published()).toEqual([{ period: '2026-09', lines: '2', billed: '3', effective: '3' }]);
  });
});
