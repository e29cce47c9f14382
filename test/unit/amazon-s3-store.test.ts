/**
 * Amazon S3 through the SDK against a server that speaks its protocol: pages, ranges and conditions; what each refusal says and which of
 * them pass by themselves; and that a file which arrived otherwise than S3 says is never taken for it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openAmazonS3Store } from '../../connectors/amazon-s3/amazon-s3-store.ts';
import { readS3Place, s3Arn, type S3Place } from '../../connectors/amazon-s3/s3-place.ts';
import type { SourceCheck, Spending } from '../../connectors/connector.ts';
import type { ObjectStore, StoredObject } from '../../connectors/object-store.ts';
import { BUCKET, useAwsKeysOf } from '../support/aws-exports.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import { type S3Double, type S3Fault, startS3Double } from '../support/s3-server/s3-server.ts';

const NOW = '2026-10-06T08:00:00Z';
const MEGABYTE = 1024 * 1024;

let double: S3Double;
let folder: string;
let path: string;
let spent: Spending[];
let store: ObjectStore;

beforeEach(async () => {
  double = await startS3Double({ now: () => new Date(NOW) });
  double.createBucket(BUCKET);
  useAwsKeysOf(double);
  folder = await mkdtemp(join(tmpdir(), 'outturn-s3-'));
  path = join(folder, 'bill.part');
  spent = [];
  store = open();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store.close();
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

function open(place: Partial<S3Place> = {}, context = connectionContext(NOW, spent)): ObjectStore {
  const identity = { sourceId: 'aws', sourceKind: 'aws-data-export' };
  const here = { bucket: BUCKET, region: 'us-east-1', endpoint: double.url, forcePathStyle: true };
  return openAmazonS3Store({ ...identity, ...here, ...place }, context);
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

async function checks(of: ObjectStore, prefix = ''): Promise<SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of of.check(prefix)) found.push(check);
  return found;
}

const fetch = (object: StoredObject, offset = 0, seen: number[] = []) =>
  store.fetch(object, { path, offset, report: (bytes) => void seen.push(bytes) });
const sizeOf = async () => (await stat(path)).size;

describe('a list', () => {
  test('goes through every page, in order, and counts each as a request', async () => {
    for (const name of ['b', 'a', 'd&<é>', 'c d', 'e']) double.put(BUCKET, `p/${name}.csv`, name);
    double.put(BUCKET, 'q/other.csv', 'x');
    double.put(BUCKET, 'p/folder/', '');
    double.pageSize = 2;
    const objects = await listed(store, 'p/');
    expect(objects.map(({ key }) => key)).toEqual(['p/a.csv', 'p/b.csv', 'p/c d.csv', 'p/d&<é>.csv', 'p/e.csv']);
    expect(objects[0]).toMatchObject({
      sizeBytes: 1,
      modifiedAt: new Date(NOW),
      version: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(double.calls).toHaveLength(3);
    expect(spent).toEqual([{ requests: 1 }, { requests: 1 }, { requests: 1 }]);
  });

  test('is not begun where the day’s budget is used up', async () => {
    const refusal = new Error('the budget is used up');
    const context = { ...connectionContext(NOW), spend: () => Promise.reject(refusal) };
    await expect(listed(open({}, context))).rejects.toBe(refusal);
    expect(double.calls).toEqual([]);
  });
});

describe('a file', () => {
  test('is written as it is, and its progress told', async () => {
    const content = randomBytes(300_000);
    double.put(BUCKET, 'bill.parquet', content);
    const seen: number[] = [];
    await fetch(await only('bill.parquet'), 0, seen);
    expect(
      createHash('md5')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(createHash('md5').update(content).digest('hex'));
    expect(seen.at(-1)).toBe(300_000);
  });

  test('that was cut off goes on from where it broke, and the bytes before are not sent again', async () => {
    const content = randomBytes(4 * MEGABYTE);
    double.put(BUCKET, 'bill.parquet', content);
    const object = await only('bill.parquet');
    double.faults.push({ operation: 'GetObject', kind: 'cut', afterBytes: 3 * MEGABYTE });
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
    double.put(BUCKET, 'large.parquet', { sizeBytes: size, read });
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
    double.put(BUCKET, 'bill.csv', 'before');
    const object = await only('bill.csv');
    double.put(BUCKET, 'bill.csv', 'after!');
    await expect(fetch(object)).rejects.toMatchObject({ code: 'source_changed' });
    double.remove(BUCKET, 'bill.csv');
    await expect(fetch(object)).rejects.toMatchObject({ code: 'source_changed' });
  });

  test('of another size than was listed, or from another byte than was asked for, is fetched again', async () => {
    double.put(BUCKET, 'bill.csv', 'twelve bytes', { parts: 1 });
    const object = await only('bill.csv');
    await expect(fetch({ ...object, sizeBytes: 20 })).rejects.toMatchObject({
      name: 'TransientError',
      message: 'bill.csv was cut off after 12 of 20 bytes.',
    });
    double.faults.push({ operation: 'GetObject', kind: 'whole' });
    await expect(fetch(object, 6)).rejects.toMatchObject({
      message: expect.stringContaining('other bytes of bill.csv'),
    });
  });

  test('with other bytes than its MD5 says is thrown away, also where only its beginning is wrong', async () => {
    double.put(BUCKET, 'bill.csv', 'twelve bytes');
    const object = await only('bill.csv');
    double.faults.push({ operation: 'GetObject', kind: 'damage' });
    await expect(fetch(object)).rejects.toMatchObject({
      name: 'TransientError',
      message: expect.stringContaining('MD5'),
    });
    await expect(sizeOf()).rejects.toThrow('ENOENT');
    await writeFile(path, 'eleven');
    await expect(fetch(object, 6)).rejects.toMatchObject({ name: 'TransientError' });
    await expect(sizeOf()).rejects.toThrow('ENOENT');
  });

  test.each([
    ['uploaded in parts', { parts: 3 }],
    ['encrypted with a KMS key', { encryption: 'aws:kms', etag: '0123456789abcdef0123456789abcdef' }],
  ])('%s has an ETag that is no MD5, and is taken by its size', async (_how, options) => {
    double.put(BUCKET, 'bill.csv', 'some bytes', options);
    await fetch(await only('bill.csv'));
    expect(await sizeOf()).toBe(10);
  });

  test('is left in the middle where the run is stopped', async () => {
    const stopped = new AbortController();
    double.put(BUCKET, 'bill.csv', randomBytes(8 * MEGABYTE));
    const stopping = open({}, { ...connectionContext(NOW), signal: stopped.signal });
    const object = await only('bill.csv');
    const report = () => stopped.abort();
    await expect(stopping.fetch(object, { path, offset: 0, report })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await sizeOf()).toBeLessThan(8 * MEGABYTE);
  });
});

describe('what goes wrong', () => {
  const fault = (given: Omit<S3Fault, 'operation'>) =>
    double.faults.push({ operation: 'ListObjectsV2', ...given } as S3Fault);

  test.each([
    ['a throttled call', { kind: 'throttle', retryAfterSeconds: 90 }, 90_000, 'asked to be called less often'],
    ['a throttled call without a time', { kind: 'throttle' }, 60_000, 'asked to be called less often'],
    [
      'a failure of the service',
      { kind: 'error', status: 500, code: 'InternalError' },
      60_000,
      'failed to answer (500)',
    ],
    ['a broken connection', { kind: 'reset' }, 60_000, 'broke off (ECONNRESET)'],
    ['a page of something else', { kind: 'nonsense' }, 60_000, 'something that is no list'],
  ])('%s passes by itself', async (_what, given, retryAfterMs, message) => {
    fault(given as Omit<S3Fault, 'operation'>);
    const failure = { name: 'TransientError', retryAfterMs, message: expect.stringContaining(message) };
    await expect(listed(store)).rejects.toMatchObject(failure);
  });

  test.each([
    ['expired credentials', { kind: 'error', status: 400, code: 'ExpiredToken' }, 'have expired. Renew them'],
    [
      'a wrong secret',
      { kind: 'error', status: 403, code: 'SignatureDoesNotMatch' },
      'does not know the AWS credentials',
    ],
    ['a wrong clock', { kind: 'error', status: 403, code: 'RequestTimeTooSkewed' }, 'Set the clock'],
    [
      'what nobody expected',
      { kind: 'error', status: 409, code: 'Odd', message: 'raw words' },
      'refused s3:ListBucket on bills (Odd)',
    ],
  ])('%s is refused with the fix, without the SDK’s own words', async (_what, given, message) => {
    fault(given as Omit<S3Fault, 'operation'>);
    const failure = await listed(store).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'source_refused', message: expect.stringContaining(message) });
    expect((failure as Error).message).not.toContain('raw words');
  });

  test('a bucket that is not there, or is elsewhere, is said so', async () => {
    await expect(listed(open({ bucket: 'bils' }))).rejects.toThrow('There is no bucket bils.');
    double.region = 'eu-central-1';
    await expect(listed(store)).rejects.toThrow('is in the region eu-central-1. Write region: eu-central-1');
  });

  test('nobody at the address passes by itself', async () => {
    const away = open({ endpoint: 'http://127.0.0.1:1' });
    await expect(listed(away)).rejects.toMatchObject({
      name: 'TransientError',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('the place', () => {
  const place = (settings: object) => readS3Place(connectedSource('aws-data-export', { ...settings }));

  test.each([
    [{}, 'names no bucket'],
    [{ bucket: 's3://bills/focus' }, 'without s3:// and without a path'],
    [{ bucket: 'bills', endpoint: 'minio:9000' }, 'Write it with its scheme'],
  ])('%j is refused', (settings, message) => {
    expect(() => place(settings)).toThrow(message);
  });

  test('names the region’s own partition in policies', async () => {
    double.denied.add('s3:ListBucket');
    double.region = 'cn-north-1';
    await expect(listed(open({ region: 'cn-north-1' }))).rejects.toThrow(
      'Allow s3:ListBucket on arn:aws-cn:s3:::bills.',
    );
  });

  test('is reached through the proxy of the environment', async () => {
    const proxy = await startConnectProxy();
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    const away = () => listed(open({ endpoint: 'https://s3.invalid' }));
    await expect(away()).rejects.toMatchObject({ name: 'TransientError' });
    expect(proxy.asked).toEqual(['s3.invalid:443']);
    vi.stubEnv('NO_PROXY', '.invalid');
    await expect(away()).rejects.toMatchObject({ name: 'TransientError' });
    expect(proxy.asked).toHaveLength(1);
    proxy.stop();
  });

  test('may be an access point', async () => {
    const arn = 'arn:aws:s3:us-east-1:000000000017:accesspoint/bills';
    expect(place({ bucket: arn }).bucket).toBe(arn);
    expect(s3Arn(place({ bucket: arn }), 'p/')).toBe(`${arn}/object/p/*`);
  });
});

describe('a check', () => {
  const states = (found: SourceCheck[]) => found.map(({ subject, state }) => [subject, state]);

  test('says of each permission that it is there, and with which key', async () => {
    double.put(BUCKET, 'p/bill.csv', 'x');
    const found = await checks(store, 'p/');
    expect(states(found)).toEqual([
      ['credentials', 'ok'],
      ['s3:ListBucket', 'ok'],
      ['s3:GetObject', 'ok'],
    ]);
    expect(found[0]?.message).toBe(`access key ${double.accessKeyId}`);
  });

  test.each([
    ['s3:ListBucket', 'Allow s3:ListBucket on arn:aws:s3:::bills.'],
    ['s3:GetObject', 'Allow s3:GetObject on arn:aws:s3:::bills/*'],
    ['kms:Decrypt', 'Allow kms:Decrypt on the key'],
  ] as const)('says that %s is missing, and ends there', async (action, message) => {
    double.put(BUCKET, 'p/bill.csv', 'x');
    double.denied.add(action);
    expect((await checks(store, 'p/')).at(-1)).toMatchObject({
      state: 'wrong',
      message: expect.stringContaining(message),
    });
  });

  test('points to the page of the source’s own kind', async () => {
    double.denied.add('s3:ListBucket');
    for (const sourceKind of ['aws-data-export', 'focus-files']) {
      expect((await checks(open({ sourceKind }))).at(-1)?.message).toContain(`docs/clouds/${sourceKind}.md has`);
    }
  });

  test('says that there are no credentials, or that nobody knows them', async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAUNKNOWN';
    expect(await checks(open())).toMatchObject([
      { state: 'ok' },
      { state: 'wrong', message: expect.stringContaining('InvalidAccessKeyId') },
    ]);
    delete process.env['AWS_ACCESS_KEY_ID'];
    expect(await checks(open())).toMatchObject([
      { subject: 'credentials', state: 'wrong', message: expect.stringContaining('No AWS credentials') },
    ]);
  });

  test('notes that there is nothing to read yet', async () => {
    expect((await checks(store)).at(-1)).toMatchObject({ subject: 's3:GetObject', state: 'note' });
  });
});

describe('the server that stands in for S3', () => {
  test('wants signed requests', async () => {
    const answer = await globalThis.fetch(`${double.url}/${BUCKET}?list-type=2`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>AccessDenied</Code>');
  });
});
