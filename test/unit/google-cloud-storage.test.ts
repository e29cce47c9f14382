/**
 * Google Cloud Storage through the SDK against a server that speaks its protocol: pages, ranges and generations; what each refusal says and
 * which of them pass by themselves.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SourceCheck, Spending } from '../../connectors/connector.ts';
import { openGoogleCloudStorage } from '../../connectors/google-cloud-storage/google-cloud-storage.ts';
import type { ObjectStore, StoredObject } from '../../connectors/object-store.ts';
import { connectionContext } from '../support/connection-context.ts';
import { type GcsDouble, type GcsFault, startGcsDouble } from '../support/gcs-server/gcs-server.ts';
import { useGoogleCredentialsOf } from '../support/google-credentials.ts';
import { askedOfProxy } from '../support/connect-proxy.ts';

const NOW = '2026-10-06T08:00:00Z';
const MEGABYTE = 1024 * 1024;

let double: GcsDouble;
let folder: string;
let path: string;
let spent: Spending[];
let store: ObjectStore;

beforeEach(async () => {
  double = await startGcsDouble({ now: () => new Date(NOW) });
  double.createBucket('bills');
  folder = await mkdtemp(join(tmpdir(), 'outturn-gcs-'));
  path = join(folder, 'bill.part');
  spent = [];
  await useGoogleCredentialsOf(double, folder);
  store = open();
});
afterEach(async () => {
  await store.close();
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

function open(bucket = 'bills', context = connectionContext(NOW, spent), endpoint = double.url): ObjectStore {
  return openGoogleCloudStorage({ bucket, endpoint }, context);
}

async function listed(from: ObjectStore, prefix = ''): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of from.list(prefix)) objects.push(object);
  return objects;
}

async function only(key: string): Promise<StoredObject> {
  const [object] = await listed(store, key);
  if (object === undefined) throw new Error(`${key} is not there`);
  return object;
}

async function checks(of: ObjectStore): Promise<SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of of.check('')) found.push(check);
  return found;
}

const fetch = (object: StoredObject, offset = 0, seen: number[] = []) =>
  store.fetch(object, { path, offset, report: (bytes) => void seen.push(bytes) });
const sizeOf = async () => (await stat(path)).size;
const calls = (operation: string) => double.calls.filter((call) => call.operation === operation);

describe('a list', () => {
  test('goes through every page, in order, and counts each as a request', async () => {
    for (const name of ['b', 'a', 'd&<é>', 'c d', 'e']) double.put('bills', `p/${name}.csv`, name);
    double.put('bills', 'q/other.csv', 'x');
    double.put('bills', 'p/folder/', '');
    double.pageSize = 2;
    const objects = await listed(store, 'p/');
    expect(objects.map(({ key }) => key)).toEqual(['p/a.csv', 'p/b.csv', 'p/c d.csv', 'p/d&<é>.csv', 'p/e.csv']);
    expect(objects[0]).toEqual({
      key: 'p/a.csv',
      sizeBytes: 1,
      modifiedAt: new Date(NOW),
      version: expect.stringMatching(/^\d{16}$/),
      md5: createHash('md5').update('a').digest('hex'),
    });
    expect(calls('list')).toHaveLength(3);
    expect(spent).toEqual([{ requests: 1 }, { requests: 1 }, { requests: 1 }]);
  });

  test('is not begun where the day’s budget is used up', async () => {
    const refusal = new Error('the budget is used up');
    const context = { ...connectionContext(NOW), spend: () => Promise.reject(refusal) };
    await expect(listed(open('bills', context))).rejects.toBe(refusal);
    expect(double.calls).toEqual([]);
  });
});

describe('a file', () => {
  test('is written as it is, and its progress told', async () => {
    const content = randomBytes(300_000);
    double.put('bills', 'a folder/bill#1.parquet', content);
    const seen: number[] = [];
    await fetch(await only('a folder/'), 0, seen);
    expect(content.equals(await readFile(path))).toBe(true);
    expect(seen.at(-1)).toBe(300_000);
    double.put('bills', 'empty.csv', '');
    expect(await store.readText(await only('empty.csv'))).toBe('');
    double.put('bills', 'manifest.json', '{"é":1}');
    expect(await store.readText(await only('manifest.json'))).toBe('{"é":1}');
  });

  test('that was cut off goes on from where it broke, and the bytes before are not sent again', async () => {
    const content = randomBytes(4 * MEGABYTE);
    double.put('bills', 'bill.parquet', content);
    const object = await only('bill.parquet');
    double.faults.push({ operation: 'get', kind: 'cut', afterBytes: 3 * MEGABYTE });
    await expect(fetch(object)).rejects.toMatchObject({
      name: 'TransientError',
      message: expect.stringContaining('broke off'),
    });
    const offset = await sizeOf();
    expect(offset).toBeGreaterThan(2 * MEGABYTE);
    await fetch(object, offset);
    expect(content.equals(await readFile(path))).toBe(true);
    expect(double.calls.at(-1)).toMatchObject({ range: `bytes=${offset}-`, bytesSent: 4 * MEGABYTE - offset });
  });

  test('is taken no faster than it is written, so that memory does not grow with it', async () => {
    const [block, size] = [Buffer.alloc(65_536, 'outturn'), 64 * MEGABYTE];
    const read = (offset: number) => Readable.from(Array.from({ length: (size - offset) / block.length }, () => block));
    double.put('bills', 'large.parquet', { sizeBytes: size, read });
    const object = await only('large.parquet');
    let waiting = 0;
    const report = (done: number) => {
      waiting = Math.max(waiting, (double.calls.at(-1)?.bytesSent ?? 0) - done);
    };
    await store.fetch(object, { path, offset: 0, report });
    expect(await sizeOf()).toBe(size);
    expect(waiting).toBeLessThan(16 * MEGABYTE);
  });

  test('is refused where it is another one by now, or gone', async () => {
    double.put('bills', 'bill.csv', 'before');
    const object = await only('bill.csv');
    double.put('bills', 'bill.csv', 'after!');
    await expect(fetch(object)).rejects.toMatchObject({ code: 'source_changed' });
    double.remove('bills', 'bill.csv');
    await expect(fetch(object)).rejects.toMatchObject({ code: 'source_changed' });
  });

  test('composed of parts has no MD5, and is taken by its size', async () => {
    double.put('bills', 'bill.csv', 'some bytes', { isComposed: true });
    const object = await only('bill.csv');
    expect(object.md5).toBeUndefined();
    await fetch(object);
    expect(await sizeOf()).toBe(10);
  });

  test('is left in the middle where the run is stopped', async () => {
    const stopped = new AbortController();
    double.put('bills', 'bill.csv', randomBytes(8 * MEGABYTE));
    const stopping = open('bills', { ...connectionContext(NOW), signal: stopped.signal });
    const report = () => stopped.abort();
    await expect(stopping.fetch(await only('bill.csv'), { path, offset: 0, report })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await sizeOf()).toBeLessThan(8 * MEGABYTE);
    await expect(listed(stopping)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('what goes wrong', () => {
  test.each([
    ['a throttled call', { kind: 'throttle', retryAfterSeconds: 90 }, 90_000, 'asked to be called less often'],
    ['a throttled call without a time', { kind: 'throttle' }, 60_000, 'asked to be called less often'],
    [
      'a failure of the service',
      { kind: 'error', status: 503, reason: 'backendError' },
      60_000,
      'failed to answer (503)',
    ],
    ['a broken connection', { kind: 'reset' }, 60_000, 'broke off (ECONNRESET)'],
    ['a page of something else', { kind: 'nonsense' }, 60_000, 'could not be reached'],
  ])('%s passes by itself, for a list and for a file', async (_what, given, retryAfterMs, message) => {
    double.faults.push({ operation: 'list', ...(given as object) } as GcsFault);
    const failure = { name: 'TransientError', retryAfterMs };
    await expect(listed(store)).rejects.toMatchObject({ ...failure, message: expect.stringContaining(message) });
    double.put('bills', 'bill.csv', 'x'.repeat(100));
    const object = await only('bill.csv');
    double.faults.push({ operation: 'get', ...(given as object) } as GcsFault);
    await expect(fetch(object)).rejects.toMatchObject(failure);
  });

  test('a bucket that is not there is said so, and nobody at the address passes by itself', async () => {
    await expect(listed(open('bils'))).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('There is no bucket bils.'),
    });
    await listed(store);
    const away = open('bills', connectionContext(NOW), 'http://127.0.0.1:1');
    await expect(listed(away)).rejects.toMatchObject({
      name: 'TransientError',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a network that only a proxy leads out of is left through it', async () => {
    const away = open('bills', connectionContext(NOW), 'https://storage.example');
    const asked = await askedOfProxy(() => expect(listed(away)).rejects.toMatchObject({ name: 'TransientError' }));
    expect(asked).toEqual(['storage.example:443']);
    const file = { key: 'bill.csv', version: '1', sizeBytes: 1, modifiedAt: new Date(NOW) };
    const target = { path, offset: 0, report: () => {} };
    expect(
      await askedOfProxy(() => expect(away.fetch(file, target)).rejects.toMatchObject({ name: 'TransientError' })),
    ).toEqual(['storage.example:443']);
  });

  test('what nobody expected is refused without the SDK’s own words', async () => {
    double.faults.push({ operation: 'list', kind: 'error', status: 409, reason: 'odd', message: 'raw words' });
    const failure = await listed(store).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'source_refused', message: expect.stringContaining('(409)') });
    expect((failure as Error).message).not.toContain('raw words');
  });
});

describe('a check', () => {
  test('says of each permission that it is there', async () => {
    double.put('bills', 'bill.csv', 'x');
    expect((await checks(store)).map(({ subject, state }) => [subject, state])).toEqual([
      ['credentials', 'ok'],
      ['storage.objects.list', 'ok'],
      ['storage.objects.get', 'ok'],
    ]);
  });

  test('notes that there is nothing to read yet', async () => {
    expect((await checks(store)).at(-1)).toMatchObject({ subject: 'storage.objects.get', state: 'note' });
  });

  test.each(['storage.objects.list', 'storage.objects.get'] as const)(
    'says that %s is missing, and ends there',
    async (permission) => {
      double.put('bills', 'bill.csv', 'x');
      double.denied.add(permission);
      expect((await checks(store)).at(-1)).toMatchObject({
        subject: permission,
        state: 'wrong',
        message: expect.stringContaining(`Grant ${permission} on gs://bills`),
      });
    },
  );

  test('says that credentials are missing, or that nobody takes them', async () => {
    await writeFile(join(folder, 'subject-token'), 'of somebody else');
    expect(await checks(open())).toMatchObject([
      { subject: 'credentials', state: 'wrong', message: expect.stringContaining('gives no token') },
    ]);
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] = join(folder, 'nowhere.json');
    expect(await checks(open())).toMatchObject([
      { subject: 'credentials', state: 'wrong', message: expect.stringContaining('No credentials of Google Cloud') },
    ]);
  });
});
