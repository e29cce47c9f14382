/**
 * Amazon S3 as object storage. Objects are told apart by their ETag: a read names the one it means and is refused where the object is
 * another by then. An ETag is the MD5 of an object that was put in one part and is not encrypted with a KMS key, which only the answer to
 * a read tells; so it is compared here, while the bytes pass, and not by whoever listed them.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext, FetchTarget } from '../connector.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { awsClientOptions } from '../aws/aws-client-options.ts';
import { checkAmazonS3 } from './check-amazon-s3.ts';
import { type S3Call, s3Failure } from './s3-failure.ts';
import type { S3Place } from './s3-place.ts';

const RETRY_MS = 60_000;
const KEYS_PER_PAGE = 1_000;
/** A million objects; a prefix with more is a mistake such as the root of a data lake. */
const PAGES_MAX = 1_000;
const TEXT_BYTES_MAX = 16 * 1024 * 1024;
const MD5 = /^[0-9a-f]{32}$/;

/** Where a page of a list begins; empty: the first. */
interface PageStart {
  readonly token?: string;
  readonly marker?: string;
}

type ListPage = Pick<ListObjectsV2CommandOutput, 'Name' | 'Contents' | 'IsTruncated'> & {
  readonly NextContinuationToken?: string | undefined;
};

/** One bucket, as connectors read it. @throws nothing: no call is made yet. */
export function openAmazonS3Store(place: S3Place, context: ConnectionContext): ObjectStore {
  const client = new S3Client({
    ...awsClientOptions(),
    // The SDK's default would ask for checksums that ranged reads do not have.
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(place.region === undefined ? {} : { region: place.region }),
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
    ...(place.forcePathStyle === undefined ? {} : { forcePathStyle: place.forcePathStyle }),
    ...(place.profile === undefined ? {} : { profile: place.profile }),
  });
  const calls = { list: listPage, get: getObject };

  async function listPage(prefix: string, { token, marker }: PageStart = {}): Promise<ListPage> {
    const asked = { Bucket: place.bucket, Prefix: prefix, MaxKeys: KEYS_PER_PAGE };
    const options = { abortSignal: context.signal };
    return called({ action: 's3:ListBucket', prefix }, () =>
      marker === undefined
        ? client.send(
            new ListObjectsV2Command({ ...asked, ...(token === undefined ? {} : { ContinuationToken: token }) }),
            options,
          )
        : client.send(new ListObjectsCommand({ ...asked, Marker: marker }), options),
    );
  }

  async function getObject({ key, version }: StoredObject, range?: string): Promise<GetObjectCommandOutput> {
    return called({ action: 's3:GetObject', key }, () =>
      client.send(
        new GetObjectCommand({
          Bucket: place.bucket,
          Key: key,
          IfMatch: `"${version}"`,
          ...(range === undefined ? {} : { Range: range }),
        }),
        { abortSignal: context.signal },
      ),
    );
  }

  async function called<Answer>(call: S3Call, send: () => Promise<Answer>): Promise<Answer> {
    await context.spend({ requests: 1 });
    return translated(call, send);
  }

  async function translated<Answer>(call: S3Call, work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      throw s3Failure(error, call, place, context.now);
    }
  }

  async function* list(prefix: string): AsyncIterable<StoredObject> {
    let start: PageStart = {};
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await listPage(prefix, start);
      // A page of a proxy is read as an empty list.
      if (answer.Name === undefined)
        throw new TransientError('Amazon S3 answered with something that is no list.', RETRY_MS);
      for (const { Key, ETag, Size, LastModified } of answer.Contents ?? []) {
        if (Key === undefined || ETag === undefined || Size === undefined || LastModified === undefined) {
          throw new TransientError('Amazon S3 answered with a list that cannot be read.', RETRY_MS);
        }
        // A folder as the console makes it.
        if (Size === 0 && Key.endsWith('/')) continue;
        yield { key: Key, sizeBytes: Size, version: ETag.replaceAll('"', ''), modifiedAt: LastModified };
      }
      if (answer.IsTruncated !== true) return;
      start = nextPage(answer, start);
    }
    throw new AppError(
      'source_refused',
      `More than ${PAGES_MAX * KEYS_PER_PAGE} objects begin with "${prefix}" in ${place.bucket}. Name a narrower prefix.`,
    );
  }

  async function readText(object: StoredObject): Promise<string> {
    if (object.sizeBytes > TEXT_BYTES_MAX) {
      throw new AppError(
        'source_refused',
        `${object.key} is larger than ${TEXT_BYTES_MAX} bytes, which no manifest is.`,
      );
    }
    const { Body } = await getObject(object);
    return translated({ action: 's3:GetObject', key: object.key }, async () => (await Body?.transformToString()) ?? '');
  }

  async function fetch(object: StoredObject, { path, offset, report }: FetchTarget): Promise<void> {
    const answer = await getObject(object, offset === 0 ? undefined : `bytes=${offset}-`);
    const isRest = offset === 0 || answer.ContentRange?.startsWith(`bytes ${offset}-`) === true;
    if (!(answer.Body instanceof Readable) || !isRest) {
      throw new TransientError(`Amazon S3 answered with other bytes of ${object.key} than it was asked for.`, RETRY_MS);
    }
    const { Body } = answer;
    const hash = isMd5(object, answer) ? await hashOfFirst(path, offset) : null;
    const chunks = addAbortSignal(context.signal, Body)[Symbol.asyncIterator]();
    const file = await open(path, 'a');
    let done = offset;
    try {
      for (;;) {
        // Each chunk is on disk before the next is taken: what a cut leaves is what a later attempt goes on from.
        const next = await translated({ action: 's3:GetObject', key: object.key }, () => chunks.next());
        if (next.done === true) break;
        const chunk = next.value as Buffer;
        await file.writeFile(chunk);
        hash?.update(chunk);
        done += chunk.length;
        report(done);
      }
    } finally {
      await file.close();
    }
    if (done !== object.sizeBytes) {
      throw new TransientError(`${object.key} was cut off after ${done} of ${object.sizeBytes} bytes.`, RETRY_MS);
    }
    if (hash === null || hash.digest('hex') === object.version) return;
    await rm(path, { force: true });
    throw new TransientError(`${object.key} arrived with another MD5 than S3 names. It is fetched again.`, RETRY_MS);
  }

  return {
    list,
    readText,
    fetch,
    check: (prefix) =>
      checkAmazonS3(place, prefix, { credentials: () => client.config.credentials(), ...calls }, context),
    close: async () => client.destroy(),
  };
}

/** Storage of other vendors may answer with a list of the first version, which has no token and goes on after the last name. */
function nextPage(answer: ListPage, { token: before, marker }: PageStart): PageStart {
  const token = answer.NextContinuationToken;
  if (token !== undefined && token !== before) return { token };
  const last = answer.Contents?.at(-1)?.Key;
  if (token === undefined && last !== undefined && last !== marker) return { marker: last };
  throw new TransientError('Amazon S3 answered with a list that does not say how it goes on.', RETRY_MS);
}

function isMd5({ version }: StoredObject, answer: GetObjectCommandOutput): boolean {
  const isKeyed = answer.ServerSideEncryption?.startsWith('aws:') === true || answer.SSECustomerAlgorithm !== undefined;
  return MD5.test(version) && !isKeyed;
}

async function hashOfFirst(path: string, bytes: number): Promise<Hash> {
  const hash = createHash('md5');
  if (bytes > 0) for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash;
}
