/**
 * A server on loopback that speaks the part of Amazon S3's REST API that readers use: ListObjectsV2 page by page, GetObject with ranges and
 * conditions, HEAD. It wants signed requests, keeps what was called, and does what the real one does at times: refuse, throttle, cut off,
 * answer with nonsense.
 *
 * Source: Amazon S3 API reference, "ListObjectsV2", "GetObject", "Error responses".
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorXml, listXml } from './s3-answers.ts';

export interface StoredContent {
  readonly sizeBytes: number;
  /** Bytes from `offset` on; made anew for each call. */
  read(offset: number): Readable;
}

export interface S3Object {
  readonly key: string;
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly content: StoredContent;
  /** As S3 names it: `AES256` or `aws:kms`, whose ETags are no MD5. */
  readonly encryption?: string;
}

export type S3Operation = 'ListObjectsV2' | 'GetObject' | 'HeadObject' | 'HeadBucket' | 'unknown';

export interface S3Call {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  readonly prefix: string;
  readonly range: string | undefined;
  status: number;
  bytesSent: number;
}

/** Meets one call of its operation, after `skip` others of it. */
export type S3Fault = { readonly operation: S3Operation; skip?: number } & (
  | { readonly kind: 'throttle'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Bytes that are not the object's, as many of them. */
  | { readonly kind: 'damage' }
  /** The whole object, whatever was asked for. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'reset' }
  /** Something else's page, with the status of success. */
  | { readonly kind: 'nonsense' }
);

export interface S3Double {
  /** For `endpoint`, with `forcePathStyle: true`. */
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly calls: S3Call[];
  readonly faults: S3Fault[];
  /** Actions that the key may not take. */
  readonly denied: Set<'s3:ListBucket' | 's3:GetObject' | 'kms:Decrypt'>;
  /** The region that its buckets are in. */
  region: string;
  pageSize: number;
  /** 1: a vendor's that does not know the second version of lists, and answers with the first. */
  listVersion: 1 | 2;
  createBucket(bucket: string): void;
  put(bucket: string, key: string, content: string | Buffer | StoredContent, options?: PutOptions): S3Object;
  remove(bucket: string, key: string): void;
  keys(bucket: string): string[];
  stop(): Promise<void>;
}

export interface PutOptions {
  readonly modifiedAt?: Date;
  /** Uploaded in so many parts: its ETag is then no MD5. */
  readonly parts?: number;
  readonly encryption?: string;
  readonly etag?: string;
}

export interface S3DoubleOptions {
  readonly port?: number;
  readonly now?: () => Date;
  /** Before a list is answered: a folder that is served is read anew. */
  readonly beforeList?: (double: S3Double) => Promise<void>;
  readonly onCall?: (call: S3Call) => void;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=(?<key>[^/]+)\/\d{8}\/(?<region>[^/]+)\/s3\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/;
const PAGE_SIZE = 1_000;
const UPLOAD_SIZE = 65_536;

/** Starts it; the caller stops it. */
export async function startS3Double(options: S3DoubleOptions = {}): Promise<S3Double> {
  const now = options.now ?? (() => new Date());
  const buckets = new Map<string, Map<string, S3Object>>();
  const bucketOf = (name: string) => {
    const bucket = buckets.get(name) ?? new Map<string, S3Object>();
    buckets.set(name, bucket);
    return bucket;
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const double: S3Double = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessKeyId: options.accessKeyId ?? `AKIA${randomUUID().slice(0, 8).toUpperCase()}`,
    secretAccessKey: options.secretAccessKey ?? randomUUID(),
    calls: [],
    faults: [],
    denied: new Set(),
    region: 'us-east-1',
    pageSize: PAGE_SIZE,
    listVersion: 2,
    createBucket: (bucket) => void bucketOf(bucket),
    put: (bucket, key, content, put = {}) => {
      const object = { ...toObject(key, content, put), modifiedAt: put.modifiedAt ?? now() };
      bucketOf(bucket).set(key, object);
      return object;
    },
    remove: (bucket, key) => void bucketOf(bucket).delete(key),
    keys: (bucket) => [...bucketOf(bucket).keys()].sort(),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', double.url);
    const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const call: S3Call = {
      operation: operationOf(request.method ?? '', key),
      bucket,
      key,
      prefix: url.searchParams.get('prefix') ?? '',
      range: request.headers.range,
      status: 0,
      bytesSent: 0,
    };
    double.calls.push(call);
    try {
      await serve(request, response, url, call);
    } finally {
      call.status ||= response.statusCode;
      options.onCall?.(call);
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse, url: URL, call: S3Call): Promise<void> {
    const fault = takeFault(call.operation);
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'nonsense') return send(response, 200, '<html><body>Sign in to the network</body></html>');
    if (fault?.kind === 'throttle') {
      const { retryAfterSeconds } = fault;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
      return refuse(response, 503, 'SlowDown', 'Please reduce your request rate.');
    }
    if (fault?.kind === 'error') return refuse(response, fault.status, fault.code, fault.message ?? fault.code);
    const refusal = refusalOf(request, response, call);
    if (refusal !== null) return refuse(response, ...refusal);
    const objects = buckets.get(call.bucket) ?? new Map<string, S3Object>();
    switch (call.operation) {
      case 'ListObjectsV2':
        await options.beforeList?.(double);
        return send(response, 200, listXml(call.bucket, [...objects.values()], url.searchParams, double));
      case 'HeadBucket':
        return send(response, 200, '');
      case 'GetObject':
      case 'HeadObject': {
        const object = objects.get(call.key);
        if (object === undefined) return refuse(response, 404, 'NoSuchKey', 'The specified key does not exist.');
        return sendObject(request, response, object, call, fault);
      }
      case 'unknown':
        return refuse(response, 501, 'NotImplemented', `${request.method} is not one of the calls this server knows.`);
    }
  }

  function takeFault(operation: S3Operation): S3Fault | undefined {
    const index = double.faults.findIndex((fault) => fault.operation === operation);
    const fault = double.faults[index];
    if (fault === undefined) return undefined;
    if ((fault.skip ?? 0) > 0) {
      fault.skip = (fault.skip ?? 0) - 1;
      return undefined;
    }
    double.faults.splice(index, 1);
    return fault;
  }

  function refusalOf(
    request: IncomingMessage,
    response: ServerResponse,
    call: S3Call,
  ): [status: number, code: string, message: string] | null {
    const signed = SIGNED.exec(request.headers.authorization ?? '')?.groups;
    if (signed === undefined || request.headers['x-amz-date'] === undefined) {
      return [403, 'AccessDenied', 'Anonymous requests are not served.'];
    }
    if (signed['key'] !== double.accessKeyId) {
      return [403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'];
    }
    if (!buckets.has(call.bucket)) return [404, 'NoSuchBucket', 'The specified bucket does not exist.'];
    response.setHeader('x-amz-bucket-region', double.region);
    if (signed['region'] !== double.region) {
      return [400, 'AuthorizationHeaderMalformed', `The region is wrong; expecting '${double.region}'`];
    }
    if (call.operation === 'ListObjectsV2' && double.denied.has('s3:ListBucket')) return DENIED;
    if (call.operation === 'GetObject' && double.denied.has('s3:GetObject')) return DENIED;
    if (call.operation === 'GetObject' && double.denied.has('kms:Decrypt')) {
      return [
        403,
        'AccessDenied',
        'User is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext',
      ];
    }
    return null;
  }
}

const DENIED: [number, string, string] = [403, 'AccessDenied', 'Access Denied'];

function operationOf(method: string, key: string): S3Operation {
  if (method === 'GET') return key === '' ? 'ListObjectsV2' : 'GetObject';
  if (method === 'HEAD') return key === '' ? 'HeadBucket' : 'HeadObject';
  return 'unknown';
}

async function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  object: S3Object,
  call: S3Call,
  fault: S3Fault | undefined,
): Promise<void> {
  const { content, etag, modifiedAt, encryption } = object;
  const asked = request.headers['if-match'];
  if (asked !== undefined && asked.replaceAll('"', '') !== etag) {
    return refuse(response, 412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  const range = fault?.kind === 'whole' ? '' : (call.range ?? '');
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === '' ? content.sizeBytes - 1 : Math.min(Number(last), content.sizeBytes - 1);
  if (first !== undefined && start >= content.sizeBytes) {
    return refuse(response, 416, 'InvalidRange', 'The requested range is not satisfiable');
  }
  const length = end - start + 1;
  response.writeHead(first === undefined ? 200 : 206, {
    'content-length': length,
    'content-type': 'binary/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${etag}"`,
    'last-modified': modifiedAt.toUTCString(),
    ...(encryption === undefined ? {} : { 'x-amz-server-side-encryption': encryption }),
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${content.sizeBytes}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const stopAfter = fault?.kind === 'cut' ? Math.min(fault.afterBytes, length) : length;
  const body = Readable.from(firstBytes(content.read(start), stopAfter, call, fault?.kind === 'damage'));
  if (fault?.kind !== 'cut') {
    // The caller may go away in the middle; that is its own matter.
    await pipeline(body, response).catch(() => {});
    return;
  }
  for await (const chunk of body) if (!response.write(chunk)) await once(response, 'drain');
  // What was written so far leaves before the connection breaks.
  await new Promise<void>((resolve) => response.write('', () => resolve()));
  request.socket.destroy();
}

async function* firstBytes(source: Readable, bytes: number, call: S3Call, isDamaged: boolean): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    const part = (chunk as Buffer).subarray(0, bytes - call.bytesSent);
    call.bytesSent += part.length;
    yield isDamaged ? Buffer.alloc(part.length, 'x') : part;
    if (call.bytesSent >= bytes) return;
  }
}

function toObject(
  key: string,
  given: string | Buffer | StoredContent,
  options: PutOptions,
): Omit<S3Object, 'modifiedAt'> {
  const { parts, encryption } = options;
  const buffer = typeof given === 'string' ? Buffer.from(given) : Buffer.isBuffer(given) ? given : null;
  const content = buffer === null ? (given as StoredContent) : contentOf(buffer);
  const digest = createHash('md5')
    .update(buffer ?? `${key} of ${content.sizeBytes}`)
    .digest('hex');
  const etag = options.etag ?? (buffer === null || parts !== undefined ? `${digest}-${parts ?? 1}` : digest);
  return { key, etag, content, ...(encryption === undefined ? {} : { encryption }) };
}

function contentOf(buffer: Buffer): StoredContent {
  return {
    sizeBytes: buffer.length,
    read: (offset) =>
      Readable.from(
        (function* chunks() {
          for (let at = offset; at < buffer.length; at += UPLOAD_SIZE) yield buffer.subarray(at, at + UPLOAD_SIZE);
        })(),
      ),
  };
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, errorXml(code, message));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': randomUUID() });
  response.end(body);
}
