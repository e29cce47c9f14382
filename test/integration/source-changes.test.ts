/**
 * What happens around a look while it runs or between two of them: settings, clock, lock, disk and deliveries change in ways nobody
 * planned. Nothing is lost, nothing counts twice, and whoever looks is told what to change.
 */
import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSource } from '../../jobs/connected-source.ts';
import { partialDownload } from '../../jobs/fetch-file.ts';
import { runIngest } from '../../jobs/run-ingest.ts';
import { listRuns } from '../../services/sources/list-runs.ts';
import { listDueSources } from '../../services/sources/source-runs.ts';
import { placeOf } from '../../services/sources/source-place.ts';
import { type AwsDelivery, BUCKET, deliverDataExport, useAwsKeysOf } from '../support/aws-exports.ts';
import { type BillLine, billLine, csvOf, writeBill } from '../support/billing.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FILE = 'focus-00001.csv';
const OTHER_BUCKET = 'other-bills';

let double: S3Double;
let scene: SyncedSource;
/** Once, before the next list is answered. */
let meanwhile: (() => Promise<unknown>) | null;

beforeEach(async () => {
  meanwhile = null;
  double = await startS3Double({
    now: () => scene.now,
    beforeList: async () => {
      const change = meanwhile;
      meanwhile = null;
      await change?.();
    },
  });
  double.createBucket(BUCKET);
  double.createBucket(OTHER_BUCKET);
  useAwsKeysOf(double);
  const place = { bucket: BUCKET, prefix: 'p', region: 'us-east-1', endpoint: double.url, forcePathStyle: true };
  scene = await createSyncedSource({ id: 'aws', kind: 'aws-data-export', settings: () => place });
});
afterEach(async () => {
  await scene.drop();
  await double.stop();
});

function billOf(month: string, cells: readonly BillLine[]): string {
  const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString();
  const day = {
    BillingPeriodStart: `${month}-01T00:00:00Z`,
    BillingPeriodEnd: end,
    ChargePeriodStart: `${month}-05T00:00:00Z`,
    ChargePeriodEnd: `${month}-06T00:00:00Z`,
  };
  return csvOf(cells.map((one) => billLine({ ...day, ...one })));
}

function deliver(month: string, cells: BillLine = {}, more: Partial<AwsDelivery> = {}): void {
  const files = { [FILE]: billOf(month, [cells]) };
  deliverDataExport(double, { root: 'p/focus', month, files, at: minutesAgo(30), ...more });
}

const minutesAgo = (minutes: number) => new Date(scene.now.getTime() - minutes * MINUTE_MS).toISOString();
const later = (ms = HOUR_MS) => (scene.now = new Date(scene.now.getTime() + ms));
const billed = async () => (await scene.published()).map(({ period, billed }) => [period, billed]);
const fetched = () => double.calls.splice(0).flatMap(({ key }) => (key.includes('/data/') ? [key] : []));
const loadStates = async () =>
  (await sql<{ state: string }>`select state from load order by id`.execute(scene.database.db)).rows.map(
    ({ state }) => state,
  );
const set = (settings: object) =>
  sql`update source set settings = settings || ${JSON.stringify(settings)}::jsonb where id = 'aws'`.execute(
    scene.database.db,
  );
const isDue = async () => (await listDueSources(scene.database.db, scene.now)).length > 0;

describe('a source whose settings change', () => {
  test('is due at once, reads the new place anew, and lets it replace the former, though it was delivered before', async () => {
    const etag = 'c0ffee-1';
    deliver('2026-09');
    const key = `p/focus/data/BILLING_PERIOD=2026-09/${FILE}`;
    const at = new Date(minutesAgo(31));
    double.put(BUCKET, key, billOf('2026-09', [{ BilledCost: '1.5' }]), { etag, modifiedAt: at });
    await scene.sync();
    expect(await isDue()).toBe(false);
    const manifest = double.keys(BUCKET).find((name) => name.endsWith('Manifest.json')) ?? '';
    const old = new Date(minutesAgo(3000));
    const text = JSON.stringify({ dataFiles: [`s3://${OTHER_BUCKET}/${key}`], columns: [] });
    double.put(OTHER_BUCKET, manifest, text, { modifiedAt: old });
    double.put(OTHER_BUCKET, key, billOf('2026-09', [{ BilledCost: '7.5' }]), { etag, modifiedAt: old });
    await set({ bucket: OTHER_BUCKET });
    expect(await isDue()).toBe(true);
    fetched();
    later();
    await scene.sync();
    expect(fetched()).toEqual([key]);
    expect(await billed()).toEqual([['2026-09', '7.5']]);
    expect(await isDue()).toBe(false);
    await scene.sync();
    expect(fetched()).toEqual([]);
    expect(await loadStates()).toEqual(['superseded', 'published']);
  });

  test('while it is looked at keeps the place of what was read, and is due again', async () => {
    deliver('2026-09');
    meanwhile = () => set({ prefix: 'elsewhere' });
    await scene.sync();
    expect(await isDue()).toBe(true);
    const { rows } = await sql<{ place: string }>`select place from source_file`.execute(scene.database.db);
    const source = await readSource(scene.context, 'aws');
    expect(rows.map(({ place }) => place === source.place)).toEqual([false]);
  });

  test('has the same place whatever its schedule, its budget and who asks', () => {
    const place = placeOf('k', { bucket: 'b', prefix: 'p' });
    expect(
      placeOf('k', { prefix: 'p', bucket: 'b', schedule: { manual: true }, requestsPerDayMax: 3, profile: 'x' }),
    ).toBe(place);
    expect(placeOf('k', { bucket: 'b', prefix: 'q' })).not.toBe(place);
  });

  test('and is removed while it is looked at publishes nothing, and says so', async () => {
    deliver('2026-09');
    meanwhile = () => sql`update source set removed_at = now()`.execute(scene.database.db);
    await expect(scene.sync()).rejects.toMatchObject({ code: 'not_found' });
    expect(await loadStates()).toEqual([]);
    const [run] = await listRuns(scene.database.db, { sourceId: 'aws', before: null, limit: 5 });
    expect(run).toMatchObject({ outcome: 'failed', error: { code: 'not_found' } });
  });
});

describe('an older delivery that arrives after a newer one', () => {
  test('is superseded at birth, and read once', async () => {
    deliver('2026-09', { BilledCost: '2' });
    await scene.sync();
    deliver('2026-09', { BilledCost: '1' }, { at: minutesAgo(600) });
    await scene.sync();
    later();
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '2']]);
    expect(await loadStates()).toEqual(['published', 'superseded']);
  });

  test('replaces where the newer one is refused for an account that it would drop, once it is allowed', async () => {
    deliver('2026-09', { BillingAccountId: '1' });
    await scene.sync();
    later();
    deliver('2026-09', { BillingAccountId: '2', BilledCost: '4' });
    deliver('2026-10', { BillingAccountId: '1', BilledCost: '3' });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'would_drop_account' });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'would_drop_account' });
    expect(await loadStates()).toEqual(['published', 'failed', 'published']);
    const status = await scene.status();
    expect(status).toMatchObject({ refused: { billingPeriod: '2026-09' }, lastRun: { outcome: 'failed' } });
    await scene.sync({ mayDropAccounts: true, reason: 'command' });
    expect(await billed()).toEqual([
      ['2026-09', '4'],
      ['2026-10', '3'],
    ]);
    expect((await scene.status()).refused).toBeNull();
  });
});

describe('a clock that goes back', () => {
  test('neither hides what is delivered then nor puts the next look off for long', async () => {
    const folder = join(scene.folder, 'bills');
    await mkdir(folder);
    await sql`update source set kind = 'focus-files', settings = ${JSON.stringify({ path: folder })}::jsonb where id = 'aws'`.execute(
      scene.database.db,
    );
    await writeBill(folder, 'september.csv', billOf('2026-09', [{}]));
    scene.now = new Date('2031-01-01T00:00:00Z');
    await scene.sync();
    scene.now = new Date('2026-10-06T08:00:00Z');
    expect(await isDue()).toBe(true);
    await writeBill(folder, 'september.csv', billOf('2026-09', [{ BilledCost: '8' }]));
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '8']]);
    expect(await isDue()).toBe(false);
  });
});

describe('a look that is broken off', () => {
  test('by the loss of its lock ends without a result, and the next one goes on', async () => {
    deliver('2026-09');
    meanwhile = () =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'outturn source lock' and datname = current_database()`.execute(scene.database.db);
    await expect(scene.sync()).rejects.toThrow();
    expect((await scene.status()).lastRun?.error?.code).toBe('interrupted');
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1.5']]);
  });

  test('by credentials that expire half-way keeps what was read, and fetches only the rest', async () => {
    deliver('2026-09');
    deliver('2026-10', { BilledCost: '2' });
    // Two manifests, then the first file.
    double.faults.push({ operation: 'GetObject', kind: 'error', status: 400, code: 'ExpiredToken', skip: 3 });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_refused' });
    expect(await billed()).toEqual([['2026-09', '1.5']]);
    fetched();
    later();
    await scene.sync();
    expect(fetched()).toEqual([`p/focus/data/BILLING_PERIOD=2026-10/${FILE}`]);
    expect(await billed()).toEqual([
      ['2026-09', '1.5'],
      ['2026-10', '2'],
    ]);
  });

  test('by a full disk says which, and goes on when there is room', async () => {
    deliver('2026-09');
    const key = `p/focus/data/BILLING_PERIOD=2026-09/${FILE}`;
    const bill = billOf('2026-09', [{}]);
    double.put(BUCKET, key, bill, { etag: 'abc-1', modifiedAt: new Date(minutesAgo(31)) });
    const file = { key, name: FILE, version: 'abc-1', sizeBytes: bill.length };
    const part = partialDownload(scene.context, await readSource(scene.context, 'aws'), file);
    await mkdir(dirname(part), { recursive: true });
    await symlink('/dev/full', part);
    await expect(scene.sync()).rejects.toThrow(/^The disk of .*data is full, so focus-00001.csv .* OUTTURN_DATA/);
    await rm(part);
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1.5']]);
  });
});

describe('a file that is delivered', () => {
  test('with no byte in it is waited for, and the other months are read', async () => {
    deliver('2026-09', {}, { files: { [FILE]: '' } });
    deliver('2026-10');
    const { waiting } = await scene.sync();
    expect(waiting).toEqual([`${FILE} holds nothing yet (0 bytes)`]);
    expect((await billed()).map(([period]) => period)).toEqual(['2026-10']);
  });

  test('and may not be read, alone of all, leaves the months after it', async () => {
    deliver('2026-09');
    deliver('2026-10', { BilledCost: '2' });
    double.faults.push({ operation: 'GetObject', kind: 'error', status: 403, code: 'AccessDenied', skip: 2 });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_refused' });
    expect(await billed()).toEqual([['2026-10', '2']]);
  });

  test('under a strange name is read like any other, and no name leads out of the folder of downloads', async () => {
    const name = `${'é %2e%2e \\ '.repeat(14)}'"..csv`;
    deliver('2026-09', {}, { files: { [name]: billOf('2026-09', [{}]) } });
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1.5']]);
    const source = await readSource(scene.context, 'aws');
    const downloads = join(scene.context.settings.dataDir, 'downloads');
    for (const strange of ['..', '../../../etc/passwd.csv', 'x'.repeat(4000), '/a.csv', 'a/..']) {
      const path = partialDownload(scene.context, source, { key: strange, name: strange, version: '1', sizeBytes: 1 });
      expect(relative(downloads, path)).toMatch(/^[0-9a-f]{32}\/[0-9a-f]{32}\/bill(\.csv)?\.part$/);
    }
  });
});

test('files that a command names for a source come after what it delivered before, by the order of commands', async () => {
  deliver('2026-09');
  await scene.sync();
  later();
  const path = await writeBill(scene.folder, 'corrected.csv', billOf('2026-09', [{ BilledCost: '6' }]));
  await runIngest(scene.context, { sourceId: 'aws', paths: [path], mayDropAccounts: false });
  await scene.sync();
  expect(await billed()).toEqual([['2026-09', '6']]);
});
