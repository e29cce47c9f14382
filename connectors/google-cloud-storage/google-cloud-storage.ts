/**
 * Google Cloud Storage as object storage. An object's generation is its version: a read names the one it means, and an object that was
 * replaced or deleted since has none of that number any more.
 */
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { Storage } from '@google-cloud/storage';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext, FetchTarget } from '../connector.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { checkGoogleCloudStorage } from './check-google-cloud-storage.ts';
import { type GcsCall, type GcsPlace, gcsFailure, headerOf } from './gcs-failure.ts';

const RETRY_MS = 60_000;
/** Of silence, not of the whole answer: a large file may take hours. */
const SILENCE_TIMEOUT_MS = 60_000;
const OBJECTS_PER_PAGE = 1_000;
/** A million objects; a prefix with more is a mistake such as the root of a data lake. */
const PAGES_MAX = 1_000;
const TEXT_BYTES_MAX = 16 * 1024 * 1024;

/** What objects.list tells of an object; numbers are texts in JSON. */
interface ListedObject {
  readonly name?: string;
  readonly generation?: string;
  readonly size?: string;
  readonly updated?: string;
  readonly md5Hash?: string;
}

/** One bucket, as connectors read it; credentials are those of the SDK's own chain. No call is made yet. */
export function openGoogleCloudStorage(place: GcsPlace, context: ConnectionContext): ObjectStore {
  const storage = new Storage({
    // Reading needs no project; where none is given, the SDK asks yet another service which one it is.
    projectId: 'none',
    retryOptions: { autoRetry: false, maxRetries: 0 },
    ...(place.endpoint === undefined ? {} : { apiEndpoint: place.endpoint, useAuthWithCustomEndpoint: true }),
  });
  const bucket = storage.bucket(place.bucket);

  async function translated<Answer>(call: GcsCall, work: () => Promise<Answer>): Promise<Answer> {
    try {
      context.signal.throwIfAborted();
      return await work();
    } catch (error) {
      throw gcsFailure(error, call, place, context);
    }
  }

  async function listPage(prefix: string, pageToken?: string) {
    await context.spend({ requests: 1 });
    return translated({ permission: 'storage.objects.list', prefix }, async () => {
      const query = { prefix, maxResults: OBJECTS_PER_PAGE, autoPaginate: false };
      const [, , answer] = await unlessAborted(
        bucket.getFiles({ ...query, ...(pageToken === undefined ? {} : { pageToken }) }),
        context.signal,
      );
      return answer as { kind?: string; items?: ListedObject[]; nextPageToken?: string } | undefined;
    });
  }

  /**
   * The object's bytes as they lie there, never decompressed on the way. The SDK's client asks, without the SDK's own streams: these know
   * no signal, cost twice the processor time (8.3 s against 3.6 s a gigabyte) and warn of listeners at every download.
   */
  async function bytesOf({ key, version }: StoredObject, start: number, last?: number): Promise<Readable> {
    await context.spend({ requests: 1 });
    const name = `b/${encodeURIComponent(place.bucket)}/o/${encodeURIComponent(key)}`;
    const options = {
      url: `${storage.apiEndpoint}/storage/v1/${name}?alt=media&ifGenerationMatch=${version}`,
      responseType: 'stream' as const,
      headers: {
        'accept-encoding': 'gzip',
        ...(start === 0 && last === undefined ? {} : { range: `bytes=${start}-${last ?? ''}` }),
      },
      retry: false,
      signal: context.signal,
      // Passed on to node-fetch, whose default is to decompress; the library in between does not declare it.
      compress: false,
    };
    const { data, headers } = await translated({ permission: 'storage.objects.get', key }, () =>
      storage.authClient.request<Readable>(options),
    );
    const isRest = start === 0 || headerOf(headers, 'content-range')?.startsWith(`bytes ${start}-`) === true;
    if (isRest) return addAbortSignal(context.signal, data);
    data.destroy();
    throw new TransientError(`Google Cloud Storage answered with other bytes of ${key} than asked for.`, RETRY_MS);
  }

  async function* chunksOf(body: Readable, { key }: StoredObject): AsyncIterable<Buffer> {
    const silence = setTimeout(() => {
      body.destroy(new TransientError('Google Cloud Storage sent nothing for a minute.', RETRY_MS));
    }, SILENCE_TIMEOUT_MS);
    const chunks = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await translated({ permission: 'storage.objects.get', key }, () => chunks.next());
        if (next.done === true) return;
        silence.refresh();
        yield next.value as Buffer;
      }
    } finally {
      clearTimeout(silence);
      body.destroy();
    }
  }

  async function* list(prefix: string): AsyncIterable<StoredObject> {
    let token: string | undefined;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await listPage(prefix, token);
      // A page of a proxy is read as an empty list.
      if (answer?.kind !== 'storage#objects') {
        throw new TransientError('Google Cloud Storage answered with something that is no list.', RETRY_MS);
      }
      for (const object of answer.items ?? []) {
        const stored = toStoredObject(object);
        // A folder as the console makes it.
        if (stored.sizeBytes > 0 || !stored.key.endsWith('/')) yield stored;
      }
      if (answer.nextPageToken === undefined) return;
      token = answer.nextPageToken;
    }
    throw new AppError(
      'source_refused',
      `More than ${PAGES_MAX * OBJECTS_PER_PAGE} objects begin with "${prefix}" in ${place.bucket}. Name a narrower prefix.`,
    );
  }

  async function readText(object: StoredObject): Promise<string> {
    if (object.sizeBytes > TEXT_BYTES_MAX) {
      throw new AppError(
        'source_refused',
        `${object.key} is larger than ${TEXT_BYTES_MAX} bytes, which no manifest is.`,
      );
    }
    const chunks: Buffer[] = [];
    for await (const chunk of chunksOf(await bytesOf(object, 0), object)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  async function fetch(object: StoredObject, { path, offset, report }: FetchTarget): Promise<void> {
    const body = await bytesOf(object, offset);
    const file = await open(path, 'a');
    let done = offset;
    try {
      // Each chunk is on disk before the next is taken: what a cut leaves is what a later attempt goes on from.
      for await (const chunk of chunksOf(body, object)) {
        await file.writeFile(chunk);
        done += chunk.length;
        report(done);
      }
    } finally {
      await file.close();
    }
    if (done === object.sizeBytes) return;
    throw new TransientError(`${object.key} was cut off after ${done} of ${object.sizeBytes} bytes.`, RETRY_MS);
  }

  return {
    list,
    readText,
    fetch,
    check: (prefix) =>
      checkGoogleCloudStorage(place, prefix, {
        credentials: () =>
          translated({ permission: 'storage.objects.list', prefix }, async () => {
            await storage.authClient.getAccessToken();
            return (await storage.authClient.getCredentials().catch(() => null))?.client_email ?? null;
          }),
        first: async () => {
          const answer = await listPage(prefix);
          const object = answer?.items?.find(({ size }) => Number(size) > 0);
          return object === undefined ? null : toStoredObject(object);
        },
        read: async (object) => {
          (await bytesOf(object, 0, 0)).destroy();
        },
      }),
    close: async () => {},
  };
}

function toStoredObject({ name, generation, size, updated, md5Hash }: ListedObject): StoredObject {
  if (name === undefined || generation === undefined || size === undefined || updated === undefined) {
    throw new TransientError('Google Cloud Storage answered with a list that cannot be read.', RETRY_MS);
  }
  return {
    key: name,
    sizeBytes: Number(size),
    version: generation,
    modifiedAt: new Date(updated),
    ...(md5Hash === undefined ? {} : { md5: Buffer.from(md5Hash, 'base64').toString('hex') }),
  };
}

/** The SDK's own lists know no signal. */
async function unlessAborted<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
