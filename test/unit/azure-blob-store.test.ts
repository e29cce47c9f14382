/**
 * Azure Blob Storage through the real SDK: what is listed and read, and what each refusal and failure is to a run. The emulator answers; the
 * gate before it fails where a test asks.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAzureBlobStore } from '../../connectors/azure-blob/azure-blob-store.ts';
import { blobFailure } from '../../connectors/azure-blob/blob-failure.ts';
import { readBlobPlace } from '../../connectors/azure-blob/blob-place.ts';
import type { SourceCheck, Spending } from '../../connectors/connector.ts';
import type { ObjectStore, StoredObject } from '../../connectors/object-store.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import type { BlobFault } from '../support/blob-gate.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import { askedOfProxy } from '../support/connect-proxy.ts';

const CONTAINER = 'costs';
let azurite: Azurite;
let folder: string;
let spent: Spending[];

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await mkdtemp(join(tmpdir(), 'outturn-blob-'));
  await azurite.createContainer(CONTAINER);
});
afterAll(async () => {
  await azurite.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  spent = [];
  env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString;
});
afterEach(() => {
  azurite.gate.reset();
  for (const name of ['AZURE_STORAGE_CONNECTION_STRING', 'AZURE_TOKEN_CREDENTIALS']) delete env[name];
});

function open(settings: Readonly<Record<string, string>> = {}): ObjectStore {
  const place = { account: azurite.account, container: CONTAINER, endpoint: azurite.endpoint, ...settings };
  return openAzureBlobStore(
    readBlobPlace(connectedSource('azure-cost-export', place)),
    connectionContext('2026-10-06T08:00:00Z', spent),
  );
}

const listed = async (prefix: string, store = open()) => collect(store.list(prefix));
const fail = (fault: Partial<BlobFault>) => azurite.gate.fail({ times: 1, ...fault });
const pathOf = (name: string) => join(folder, name);

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function only(prefix: string): Promise<StoredObject> {
  const [first] = await listed(prefix);
  if (first === undefined) throw new Error(`nothing below ${prefix}`);
  return first;
}

describe('a list', () => {
  test('has name, size, version, time and MD5 of what begins with the prefix, and counts as one request', async () => {
    await azurite.put(CONTAINER, 'list/a b/ü.csv', 'abc');
    await azurite.put(CONTAINER, 'list/no-md5.csv', 'abcd', { md5: false });
    await azurite.put(CONTAINER, 'listed-elsewhere.csv', 'x');
    const [first, second, ...more] = await listed('list/');
    expect(first).toMatchObject({
      key: 'list/a b/ü.csv',
      sizeBytes: 3,
      md5: createHash('md5').update('abc').digest('hex'),
    });
    expect(first?.version).toMatch(/^[^"]+$/);
    expect(first?.modifiedAt).toBeInstanceOf(Date);
    expect(second).toMatchObject({ key: 'list/no-md5.csv', sizeBytes: 4 });
    expect(more).toEqual([]);
    expect(spent).toEqual([{ requests: 1 }]);
  });

  test('goes on where a page ends', async () => {
    await azurite.put(CONTAINER, 'pages/1.csv', 'a');
    await azurite.put(CONTAINER, 'pages/2.csv', 'b');
    const blob = `<Blob><Name>pages/0.csv</Name><Properties><Last-Modified>Mon, 05 Oct 2026 08:00:00 GMT</Last-Modified>
      <Etag>0x1</Etag><Content-Length>5</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>`;
    const body = `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x" ContainerName="costs"><Prefix>pages/</Prefix>
      <Blobs>${blob}</Blobs><NextMarker>pages/1.csv</NextMarker></EnumerationResults>`;
    fail({ operation: 'list', answer: { status: 200, body, headers: { 'content-type': 'application/xml' } } });
    const names = (await listed('pages/')).map(({ key }) => key);
    expect(names[0]).toBe('pages/0.csv');
    expect(names.at(-1)).toBe('pages/2.csv');
    expect(spent).toHaveLength(2);
  });

  test.each([
    ['a page of a proxy', '<html><body>Sign in</body></html>'],
    ['no XML', 'upstream failed & gave up'],
    ['an empty answer', ''],
  ])('that is %s is no empty list', async (_what, body) => {
    fail({ operation: 'list', answer: { status: 200, body } });
    await expect(listed('list/')).rejects.toMatchObject({ name: 'TransientError' });
  });
});

describe('a file', () => {
  test('is read in one call, and reported as it grows', async () => {
    await azurite.put(CONTAINER, 'read/whole.csv', 'line 1\nline 2\n');
    const reported: number[] = [];
    await open().fetch(await only('read/whole'), { path: pathOf('whole'), offset: 0, report: (b) => reported.push(b) });
    expect(await readFile(pathOf('whole'), 'utf8')).toBe('line 1\nline 2\n');
    expect(reported.at(-1)).toBe(14);
    expect(spent).toHaveLength(2);
  });

  test('that is cut off keeps its beginning, and is gone on with from there', async () => {
    await azurite.put(CONTAINER, 'read/cut.csv', Buffer.alloc(4_000_000, 'x'));
    // Far larger than what streams hold, which a cut takes with it.
    const object = await only('read/cut');
    fail({ operation: 'read', cutAfterBytes: 2_000_000 });
    await expect(open().fetch(object, { path: pathOf('cut'), offset: 0, report: () => {} })).rejects.toMatchObject({
      name: 'TransientError',
    });
    const { size } = await stat(pathOf('cut'));
    expect(size).toBeGreaterThan(0);
    await open().fetch(object, { path: pathOf('cut'), offset: size, report: () => {} });
    expect((await stat(pathOf('cut'))).size).toBe(4_000_000);
    const reads = azurite.gate.calls.filter(({ operation }) => operation === 'read');
    expect(reads.map(({ range }) => range)).toEqual([undefined, `bytes=${size}-`]);
    expect(reads.at(-1)?.bytesSent).toBe(4_000_000 - size);
  });

  test('that another has taken the place of is refused', async () => {
    await azurite.put(CONTAINER, 'read/replaced.csv', 'old');
    const object = await only('read/replaced');
    await azurite.put(CONTAINER, 'read/replaced.csv', 'new');
    const target = { path: pathOf('replaced'), offset: 0, report: () => {} };
    await expect(open().fetch(object, target)).rejects.toMatchObject({ code: 'source_changed' });
    await azurite.remove(CONTAINER, 'read/replaced.csv');
    await expect(open().fetch(object, target)).rejects.toMatchObject({ code: 'source_changed' });
  });

  test('of any size passes through bounded memory', async () => {
    const sizeBytes = 256 * 1024 * 1024;
    await azurite.put(CONTAINER, 'read/large.csv', 'x');
    const object = { ...(await only('read/large')), sizeBytes };
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    fail({ operation: 'read', content: { sizeBytes, read: () => Readable.from(repeat(chunk, 256)) } });
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    await open().fetch(object, {
      path: pathOf('large'),
      offset: 0,
      report: () => (most = Math.max(most, process.memoryUsage().arrayBuffers)),
    });
    expect((await stat(pathOf('large'))).size).toBe(sizeBytes);
    expect(most - before).toBeLessThan(sizeBytes / 2);
  });

  test('that the disk has no room for is not the provider’s fault', async () => {
    await azurite.put(CONTAINER, 'read/disk.csv', 'x');
    await writeFile(pathOf('file'), '');
    const target = { path: join(pathOf('file'), 'below'), offset: 0, report: () => {} };
    await expect(open().fetch(await only('read/disk'), target)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

function* repeat(chunk: Buffer, times: number): Iterable<Buffer> {
  for (let time = 0; time < times; time += 1) yield chunk;
}

describe('a refusal names what to change', () => {
  test.each([
    [403, 'AuthorizationPermissionMismatch', 'role Storage Blob Data Reader on the container costs'],
    [403, 'AuthorizationFailure', 'Allow this network (or a private endpoint) in its firewall'],
    [403, 'KeyBasedAuthenticationNotPermitted', 'allows no account keys'],
    [403, 'AuthenticationFailed', 'does not accept the credentials'],
    [401, 'InvalidAuthenticationInfo', 'does not accept the credentials'],
    [404, 'ContainerNotFound', 'There is no container costs'],
    [403, 'AccountIsDisabled', 'is disabled'],
    [400, 'InvalidUri', 'Check account, container and endpoint'],
  ])('%s %s', async (status, code, words) => {
    fail({ operation: 'list', answer: { status, code } });
    const refused = listed('list/');
    await expect(refused).rejects.toMatchObject({ code: 'source_refused' });
    await expect(refused).rejects.toThrow(words);
  });

  test('of credentials that expired', async () => {
    const message = 'Signature not valid in the specified time frame: Expiry 2026-10-01';
    fail({ operation: 'list', answer: { status: 403, code: 'AuthenticationFailed', message } });
    await expect(listed('list/')).rejects.toThrow('has expired. Renew it');
  });

  test('of an archived blob', async () => {
    await azurite.put(CONTAINER, 'read/archived.json', '{}');
    const object = await only('read/archived');
    fail({ operation: 'read', answer: { status: 409, code: 'BlobArchived' } });
    await expect(open().readText(object)).rejects.toThrow('was moved to the archive tier. Rehydrate it');
  });

  test('where nobody is signed in', async () => {
    delete env['AZURE_STORAGE_CONNECTION_STRING'];
    env['AZURE_TOKEN_CREDENTIALS'] = 'EnvironmentCredential';
    await expect(listed('list/', open({ endpoint: 'https://127.0.0.1:1' }))).rejects.toThrow(
      'No Azure identity was found, or it could not sign in.',
    );
  });

  test('where a token would go over plain HTTP', async () => {
    delete env['AZURE_STORAGE_CONNECTION_STRING'];
    await expect(listed('list/')).rejects.toThrow('only sent over https');
  });

  test('of a connection string that is none', () => {
    env['AZURE_STORAGE_CONNECTION_STRING'] = 'AccountName=only';
    expect(() => open()).toThrow('AZURE_STORAGE_CONNECTION_STRING is no connection string');
  });

  test('and a connection string of another account is not used', async () => {
    env['AZURE_TOKEN_CREDENTIALS'] = 'EnvironmentCredential';
    const other = open({ account: 'another', endpoint: 'https://127.0.0.1:1' });
    await expect(listed('list/', other)).rejects.toThrow('No Azure identity');
  });
});

describe('what passes by itself', () => {
  test.each([
    [503, 'ServerBusy', '90', 90_000],
    [429, 'TooManyRequests', 'Tue, 06 Oct 2026 08:02:00 GMT', 120_000],
    [500, 'OperationTimedOut', undefined, 60_000],
  ])('%s %s is tried again when Azure says', async (status, code, retryAfter, waitMs) => {
    fail({
      operation: 'list',
      answer: { status, code, ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }) },
    });
    await expect(listed('list/')).rejects.toMatchObject({ name: 'TransientError', retryAfterMs: waitMs });
    expect(azurite.gate.calls).toHaveLength(1);
  });

  test('a service that signs identities in and is not reached', () => {
    // As the SDK has it after four attempts of its own, seconds apart.
    const error = Object.assign(
      new Error('EnvironmentCredential authentication failed. Status code: 400\nnetwork_error'),
      {
        name: 'AuthenticationError',
        statusCode: 400,
      },
    );
    const place = { sourceId: 'azure', account: 'acme', container: CONTAINER };
    expect(blobFailure(error, { action: 'sign in' }, place, new Date())).toMatchObject({
      name: 'TransientError',
      message: expect.stringContaining('could not be asked for a token'),
    });
  });

  test('an address that nothing listens on', async () => {
    const endpoint = 'http://127.0.0.1:1/devstoreaccount1';
    await expect(listed('list/', open({ endpoint }))).rejects.toThrow('could not be reached');
  });
});

test('a network that only a proxy leads out of is left through it', async () => {
  const endpoint = 'https://acme.blob.example';
  const away = (connection: string) => {
    env['AZURE_STORAGE_CONNECTION_STRING'] = connection;
    return open({ account: azurite.account, endpoint });
  };
  const asked = await askedOfProxy(() =>
    expect(listed('list/', away(azurite.connectionString))).rejects.toMatchObject({ name: 'TransientError' }),
  );
  expect(asked).toEqual(['acme.blob.example:443']);
});

describe('a check', () => {
  const check = async (store: ObjectStore, prefix = 'list/') =>
    (await collect(store.check(prefix))).map(({ subject, state }: SourceCheck) => `${subject}: ${state}`);

  test('tries one thing after the other, and stops at the first that is wrong', async () => {
    await azurite.put(CONTAINER, 'list/a.csv', 'abc');
    expect(await check(open())).toEqual(['credentials: ok', 'list blobs: ok', 'read blobs: ok']);
    expect(await check(open(), 'nothing/')).toEqual(['credentials: ok', 'list blobs: ok', 'read blobs: note']);
    fail({ operation: 'read', answer: { status: 403, code: 'AuthorizationPermissionMismatch' } });
    expect(await check(open())).toEqual(['credentials: ok', 'list blobs: ok', 'read blobs: wrong']);
    expect(await check(open({ container: 'missing' }))).toEqual(['credentials: ok', 'list blobs: wrong']);
    delete env['AZURE_STORAGE_CONNECTION_STRING'];
    env['AZURE_TOKEN_CREDENTIALS'] = 'EnvironmentCredential';
    expect(await check(open())).toEqual(['credentials: wrong']);
  });
});

test.each([
  [{ account: 'https://acme.blob.core.windows.net' }, 'Write the name alone'],
  [{ account: '' }, 'names no storage account'],
  [{ container: 'costs/focus' }, 'the path goes into prefix'],
  [{ endpoint: 'acme.blob.core.windows.net' }, 'Write it with its scheme'],
])('settings that are no place are refused: %j', (settings, words) => {
  expect(() => open(settings as Record<string, string>)).toThrow(words);
});
