/**
 * Azure Blob Storage as object storage. Blobs are told apart by their ETag: a read names the one it means and is refused where the blob is
 * another by then. The MD5 is the one the writer stored; blobs written in blocks often have none.
 */
import { open } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { BlobDownloadResponseParsed, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext, FetchTarget } from '../connector.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { type BlobConnection, connectBlob } from './blob-client.ts';
import { type BlobCall, blobFailure } from './blob-failure.ts';
import type { BlobPlace } from './blob-place.ts';
import { checkAzureBlob } from './check-azure-blob.ts';

const RETRY_MS = 60_000;
/** Of silence, not of the whole answer: a large file may take hours. */
const SILENCE_MS_MAX = 60_000;
const BLOBS_PER_PAGE = 5_000;
/** A million blobs; a prefix with more is a mistake such as the root of a data lake. */
const PAGES_MAX = 200;
const TEXT_BYTES_MAX = 16 * 1024 * 1024;

/** One container, as connectors read it. @throws AppError source_refused for a connection string that is none; no call is made yet. */
export function openAzureBlobStore(place: BlobPlace, context: ConnectionContext): ObjectStore {
  const { container, identify } = opened(place, context.now);

  async function called<Answer>(call: BlobCall, send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    await context.spend({ requests: 1 });
    return translated(call, send);
  }

  /** The SDK itself would wait for an answer for ever. */
  async function translated<Answer>(call: BlobCall, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const silence = AbortSignal.timeout(SILENCE_MS_MAX);
    try {
      return await work(AbortSignal.any([context.signal, silence]));
    } catch (error) {
      if (silence.aborted && !context.signal.aborted) {
        throw silent(error);
      }
      throw blobFailure(error, call, place, context.now);
    }
  }

  async function listPage(prefix: string, token?: string, size = BLOBS_PER_PAGE): Promise<ListPage> {
    return called({ action: 'list', prefix }, async (abortSignal) => {
      const pages = container
        .listBlobsFlat({ prefix, abortSignal })
        .byPage({ maxPageSize: size, ...(token === undefined ? {} : { continuationToken: token }) });
      const { value } = (await pages.next()) as { value: ListPage | undefined };
      // A page of a proxy is read as an empty list.
      if (value?.containerName === undefined) {
        throw new TransientError('Azure Blob Storage answered with something that is no list.', RETRY_MS);
      }
      return value;
    });
  }

  async function download(
    { key, version }: StoredObject,
    offset: number,
    count?: number,
  ): Promise<BlobDownloadResponseParsed> {
    return called({ action: 'read', key }, () =>
      container.getBlobClient(key).download(offset, count, {
        conditions: { ifMatch: `"${version}"` },
        maxRetryRequests: 0,
        // Not the timed signal: it would end the reading of the body too.
        abortSignal: context.signal,
      }),
    );
  }

  async function* list(prefix: string): AsyncIterable<StoredObject> {
    let token: string | undefined;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await listPage(prefix, token);
      for (const blob of answer.segment.blobItems) yield* storedObject(blob);
      const next = answer.continuationToken;
      if (next === undefined || next === '') return;
      if (next === token) {
        throw new TransientError('Azure Blob Storage answered with a list that does not go on.', RETRY_MS);
      }
      token = next;
    }
    throw new AppError(
      'source_refused',
      `More than ${PAGES_MAX * BLOBS_PER_PAGE} blobs begin with "${prefix}" in ${place.container}. Name a narrower prefix.`,
    );
  }

  async function readText(object: StoredObject): Promise<string> {
    if (object.sizeBytes > TEXT_BYTES_MAX) {
      throw new AppError(
        'source_refused',
        `${object.key} is larger than ${TEXT_BYTES_MAX} bytes, which no manifest is.`,
      );
    }
    const { readableStreamBody: body } = await download(object, 0);
    if (!(body instanceof Readable)) return '';
    return translated({ action: 'read', key: object.key }, (signal) => text(addAbortSignal(signal, body)));
  }

  async function* chunksOf(body: Readable, { key }: StoredObject): AsyncIterable<Buffer> {
    const silence = setTimeout(() => body.destroy(silent()), SILENCE_MS_MAX);
    try {
      for await (const chunk of body) {
        silence.refresh();
        yield chunk as Buffer;
      }
    } catch (error) {
      if (context.signal.aborted || error instanceof TransientError) throw error;
      throw new TransientError(
        `${key} broke off while it was read. The next attempt goes on from there.`,
        RETRY_MS,
        error,
      );
    } finally {
      clearTimeout(silence);
    }
  }

  async function fetch(object: StoredObject, { path, offset, report }: FetchTarget): Promise<void> {
    const answer = await download(object, offset);
    const body = answer.readableStreamBody;
    const isRest = offset === 0 || answer.contentRange?.startsWith(`bytes ${offset}-`) === true;
    if (!(body instanceof Readable) || !isRest) {
      throw new TransientError(`Azure answered with other bytes of ${object.key} than it was asked for.`, RETRY_MS);
    }
    const file = await open(path, 'a');
    let done = offset;
    try {
      for await (const chunk of chunksOf(addAbortSignal(context.signal, body), object)) {
        // Each chunk is on disk before the next is taken: what a cut leaves is what a later attempt goes on from.
        await file.writeFile(chunk);
        done += chunk.length;
        report(done);
      }
    } finally {
      await file.close();
    }
    if (done !== object.sizeBytes) {
      throw new TransientError(`${object.key} was cut off after ${done} of ${object.sizeBytes} bytes.`, RETRY_MS);
    }
  }

  return {
    list,
    readText,
    fetch,
    check: (prefix) =>
      checkAzureBlob(place, prefix, {
        identify: () => translated({ action: 'sign in' }, identify),
        first: async () => firstWithContent(await listPage(prefix, undefined, FIRST_MAX)),
        read: async (object) => {
          const { readableStreamBody: body } = await download(object, 0, 1);
          if (body instanceof Readable) body.destroy();
        },
      }),
    close: async () => {},
  };
}

/** So many blobs are looked at for one to try reading with. */
const FIRST_MAX = 100;

type ListPage = ContainerListBlobFlatSegmentResponse;

function firstWithContent(page: ListPage): StoredObject | null {
  return (
    page.segment.blobItems.flatMap((blob) => [...storedObject(blob)]).find(({ sizeBytes }) => sizeBytes > 0) ?? null
  );
}

function opened(place: BlobPlace, now: Date): BlobConnection {
  try {
    return connectBlob(place);
  } catch (error) {
    throw blobFailure(error, { action: 'sign in' }, place, now);
  }
}

function silent(cause?: unknown): TransientError {
  return new TransientError('Azure Blob Storage did not answer in time.', RETRY_MS, cause);
}

function* storedObject({ name, properties }: ListPage['segment']['blobItems'][number]): Iterable<StoredObject> {
  const { etag, contentLength, lastModified, contentMD5 } = properties;
  if (etag === undefined || contentLength === undefined || lastModified === undefined) {
    throw new TransientError('Azure Blob Storage answered with a list that cannot be read.', RETRY_MS);
  }
  // A folder of an account with a hierarchical namespace.
  if (
    contentLength === 0 &&
    (name.endsWith('/') || (properties as { ResourceType?: string }).ResourceType === 'directory')
  )
    return;
  yield {
    key: name,
    sizeBytes: contentLength,
    version: etag.replaceAll('"', ''),
    modifiedAt: lastModified,
    ...(contentMD5 === undefined || contentMD5.length === 0 ? {} : { md5: Buffer.from(contentMD5).toString('hex') }),
  };
}
