/**
 * A server on loopback that speaks the part of Google Cloud Storage's JSON API that readers use: objects.list page by page, objects.get with
 * ranges and generations, and the exchange of a workload's token for one of Google's. It wants such tokens, keeps what was called, and does
 * what the real one does at times: refuse, throttle, cut off, answer with nonsense.
 *
 * Source: Cloud Storage JSON API reference, "Objects: list", "Objects: get", "Status and error codes"; Security Token Service, "token".
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorBody, listBody } from './gcs-answers.ts';

export interface GcsContent {
  readonly sizeBytes: number;
  /** Bytes from `offset` on; made anew for each call. */
  read(offset: number): Readable;
}

export interface GcsObject {
  readonly name: string;
  readonly generation: string;
  /** Base64; absent of an object composed of parts. */
  readonly md5Hash?: string;
  readonly updatedAt: Date;
  readonly content: GcsContent;
}

export type GcsOperation = 'list' | 'get' | 'token' | 'unknown';

export interface GcsCall {
  readonly operation: GcsOperation;
  readonly bucket: string;
  readonly name: string;
  readonly prefix: string;
  readonly range: string | undefined;
  status: number;
  bytesSent: number;
}

/** Meets the next call of its operation. */
export type GcsFault = { readonly operation: GcsOperation } & (
  | { readonly kind: 'throttle'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'error'; readonly status: number; readonly reason: string; readonly message?: string }
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'reset' }
  /** Something else's page, with the status of success. */
  | { readonly kind: 'nonsense' }
);

export interface GcsDouble {
  /** For `endpoint`. */
  readonly url: string;
  /** The token that a workload shows to be given one of Google's. */
  readonly subjectToken: string;
  readonly calls: GcsCall[];
  readonly faults: GcsFault[];
  readonly denied: Set<'storage.objects.list' | 'storage.objects.get'>;
  pageSize: number;
  createBucket(bucket: string): void;
  put(bucket: string, name: string, content: string | Buffer | GcsContent, options?: PutOptions): GcsObject;
  remove(bucket: string, name: string): void;
  names(bucket: string): string[];
  /** The content of a credential file (GOOGLE_APPLICATION_CREDENTIALS) whose subject token lies in a file. */
  credentials(subjectTokenPath: string): string;
  stop(): Promise<void>;
}

export interface PutOptions {
  readonly updatedAt?: Date;
  /** Composed of parts: it then has no MD5. */
  readonly isComposed?: boolean;
  readonly generation?: string;
}

export interface GcsDoubleOptions {
  readonly port?: number;
  readonly now?: () => Date;
  readonly subjectToken?: string;
  /** Before a list is answered: a folder that is served is read anew. */
  readonly beforeList?: (double: GcsDouble) => Promise<void>;
  readonly onCall?: (call: GcsCall) => void;
}

const PAGE_SIZE = 1_000;
const UPLOAD_SIZE = 65_536;
const TOKEN_SECONDS = 3_600;
const OBJECTS = /^\/(?:download\/)?storage\/v1\/b\/([^/]+)\/o(?:\/(.+))?$/;

/** Starts it; the caller stops it. */
export async function startGcsDouble(options: GcsDoubleOptions = {}): Promise<GcsDouble> {
  const now = options.now ?? (() => new Date());
  const accessToken = `ya29.${randomUUID()}`;
  const buckets = new Map<string, Map<string, GcsObject>>();
  let generation = 1_700_000_000_000_000;
  const bucketOf = (name: string) => {
    const bucket = buckets.get(name) ?? new Map<string, GcsObject>();
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
  const double: GcsDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subjectToken: options.subjectToken ?? randomUUID(),
    calls: [],
    faults: [],
    denied: new Set(),
    pageSize: PAGE_SIZE,
    createBucket: (bucket) => void bucketOf(bucket),
    put: (bucket, name, given, put = {}) => {
      const content = typeof given === 'string' || Buffer.isBuffer(given) ? contentOf(Buffer.from(given)) : given;
      const hasMd5 = put.isComposed !== true && (typeof given === 'string' || Buffer.isBuffer(given));
      generation += 1;
      const object: GcsObject = {
        name,
        content,
        generation: put.generation ?? String(generation),
        updatedAt: put.updatedAt ?? now(),
        ...(hasMd5 ? { md5Hash: createHash('md5').update(given).digest('base64') } : {}),
      };
      bucketOf(bucket).set(name, object);
      return object;
    },
    remove: (bucket, name) => void bucketOf(bucket).delete(name),
    names: (bucket) => [...bucketOf(bucket).keys()].sort(),
    credentials: (subjectTokenPath) =>
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${double.url}/v1/token`,
        credential_source: { file: subjectTokenPath },
      }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', double.url);
    const [, bucket = '', name = ''] = OBJECTS.exec(url.pathname) ?? [];
    const call: GcsCall = {
      operation: operationOf(request.method ?? '', url.pathname, name),
      bucket,
      name: decodeURIComponent(name),
      prefix: url.searchParams.get('prefix') ?? '',
      range: request.headers.range,
      status: 0,
      bytesSent: 0,
    };
    double.calls.push(call);
    try {
      await serve(request, response, url, call);
    } finally {
      call.status = response.statusCode;
      options.onCall?.(call);
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse, url: URL, call: GcsCall): Promise<void> {
    const index = double.faults.findIndex((one) => one.operation === call.operation);
    const [fault] = index < 0 ? [] : double.faults.splice(index, 1);
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'nonsense') return send(response, 200, '<html><body>Sign in to the network</body></html>');
    if (fault?.kind === 'throttle') {
      const { retryAfterSeconds } = fault;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
      return refuse(response, 429, 'rateLimitExceeded', 'The rate of requests is too high.');
    }
    if (fault?.kind === 'error') return refuse(response, fault.status, fault.reason, fault.message ?? fault.reason);
    if (call.operation === 'token') return sendToken(request, response);
    const refusal = refusalOf(request, call);
    if (refusal !== null) return refuse(response, ...refusal);
    const objects = bucketOf(call.bucket);
    if (call.operation === 'list') {
      await options.beforeList?.(double);
      return send(response, 200, listBody(call.bucket, [...objects.values()], url.searchParams, double.pageSize));
    }
    const object = objects.get(call.name);
    const asked = url.searchParams.get('generation');
    if (object === undefined || (asked !== null && asked !== object.generation)) {
      return refuse(response, 404, 'notFound', `No such object: ${call.bucket}/${call.name}`);
    }
    const match = url.searchParams.get('ifGenerationMatch');
    if (match !== null && match !== object.generation) {
      return refuse(response, 412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
    }
    if (url.searchParams.get('alt') !== 'media') {
      return refuse(response, 501, 'notImplemented', 'This server knows the bytes of objects only (alt=media).');
    }
    return sendObject(request, response, object, call, fault);
  }

  async function sendToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (new URLSearchParams(body).get('subject_token') !== double.subjectToken) {
      return send(
        response,
        400,
        JSON.stringify({ error: 'invalid_grant', error_description: 'The subject token is not known.' }),
      );
    }
    const token = { access_token: accessToken, token_type: 'Bearer', expires_in: TOKEN_SECONDS };
    send(
      response,
      200,
      JSON.stringify({ ...token, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
    );
  }

  function refusalOf(
    request: IncomingMessage,
    call: GcsCall,
  ): [status: number, reason: string, message: string] | null {
    if (call.operation === 'unknown')
      return [501, 'notImplemented', `${request.method} ${request.url} is not one of the calls this server knows.`];
    if (request.headers.authorization !== `Bearer ${accessToken}`) return [401, 'authError', 'Invalid Credentials'];
    if (!buckets.has(call.bucket)) return [404, 'notFound', 'The specified bucket does not exist.'];
    const permission = call.operation === 'list' ? 'storage.objects.list' : 'storage.objects.get';
    return double.denied.has(permission)
      ? [403, 'forbidden', `The caller does not have ${permission} access to the Google Cloud Storage object.`]
      : null;
  }
}

function operationOf(method: string, path: string, name: string): GcsOperation {
  if (method === 'POST' && path === '/v1/token') return 'token';
  if (method !== 'GET' || !OBJECTS.test(path)) return 'unknown';
  return name === '' ? 'list' : 'get';
}

async function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  { content, generation, md5Hash }: GcsObject,
  call: GcsCall,
  fault: GcsFault | undefined,
): Promise<void> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(call.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === '' ? content.sizeBytes - 1 : Math.min(Number(last), content.sizeBytes - 1);
  if (first !== undefined && start >= content.sizeBytes) {
    return refuse(response, 416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable');
  }
  const length = end - start + 1;
  response.writeHead(first === undefined ? 200 : 206, {
    'content-length': length,
    'content-type': 'application/octet-stream',
    'x-goog-generation': generation,
    'x-goog-stored-content-encoding': 'identity',
    'x-goog-stored-content-length': content.sizeBytes,
    ...(md5Hash === undefined ? {} : { 'x-goog-hash': `md5=${md5Hash}` }),
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${content.sizeBytes}` }),
  });
  const stopAfter = fault?.kind === 'cut' ? Math.min(fault.afterBytes, length) : length;
  const body = Readable.from(firstBytes(content.read(start), stopAfter, call));
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

async function* firstBytes(source: Readable, bytes: number, call: GcsCall): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    const part = (chunk as Buffer).subarray(0, bytes - call.bytesSent);
    call.bytesSent += part.length;
    yield part;
    if (call.bytesSent >= bytes) return;
  }
}

function contentOf(buffer: Buffer): GcsContent {
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

function refuse(response: ServerResponse, status: number, reason: string, message: string): void {
  send(response, status, errorBody(status, reason, message));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(body);
}
