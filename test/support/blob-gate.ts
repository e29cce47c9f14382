/**
 * A gate in front of an emulator of Azure Blob Storage: passes calls on, keeps what was called and how many bytes went back, and answers
 * some of them itself, as a test asks: an error, a page of a proxy, an answer that breaks off, a blob of any size made on the fly.
 *
 * Source: Azure Storage REST API, "Status and error codes".
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface BlobCall {
  readonly operation: 'list' | 'read' | 'other';
  /** Empty for a list. */
  readonly key: string;
  readonly range: string | undefined;
  readonly status: number;
  readonly bytesSent: number;
}

/** What happens to the next `times` calls that match; the first fault that does counts. */
export interface BlobFault {
  readonly operation?: BlobCall['operation'];
  readonly key?: RegExp;
  readonly times: number;
  /** An answer instead of the emulator's. */
  readonly answer?: {
    status: number;
    code?: string;
    message?: string;
    body?: string;
    headers?: Record<string, string>;
  };
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** The body instead of the emulator's, of any size. */
  readonly content?: { readonly sizeBytes: number; read(offset: number): Readable };
}

export interface BlobGate {
  readonly url: string;
  readonly calls: readonly BlobCall[];
  fail(fault: BlobFault): void;
  /** Forgets calls and faults. */
  reset(): void;
  close(): Promise<void>;
}

export async function openBlobGate(target: string): Promise<BlobGate> {
  const calls: BlobCall[] = [];
  const faults: { fault: BlobFault; left: number }[] = [];
  const server = createServer((incoming, outgoing) => {
    const call = callOf(incoming);
    const found = faults.find(({ fault, left }) => left > 0 && isMeant(fault, call));
    if (found !== undefined) found.left -= 1;
    let bytesSent = 0;
    const count = (bytes: number) => (bytesSent += bytes);
    outgoing.on('close', () => calls.push({ ...call, status: outgoing.statusCode, bytesSent }));
    const fault = found?.fault;
    if (incoming.headers.authorization === undefined && !incoming.url?.includes('sig=')) {
      refuse(outgoing, { status: 401, code: 'NoAuthenticationInformation' });
    } else if (fault?.answer !== undefined) refuse(outgoing, fault.answer);
    else void pass(target, { incoming, outgoing, fault, count }).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fail: (fault) => void faults.push({ fault, left: fault.times }),
    reset: () => {
      calls.length = 0;
      faults.length = 0;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Asked = Pick<BlobCall, 'operation' | 'key' | 'range'>;

function callOf({ method, url = '', headers }: IncomingMessage): Asked {
  const { pathname, searchParams } = new URL(url, 'http://gate');
  const [, , , ...key] = decodeURIComponent(pathname).split('/');
  const isList = searchParams.get('comp') === 'list';
  const range = headers['x-ms-range'] ?? headers.range;
  return {
    operation: isList ? 'list' : method === 'GET' ? 'read' : 'other',
    key: isList ? '' : key.join('/'),
    range: Array.isArray(range) ? range[0] : range,
  };
}

function isMeant({ operation, key }: BlobFault, call: Asked): boolean {
  return (operation === undefined || operation === call.operation) && (key === undefined || key.test(call.key));
}

function refuse(outgoing: ServerResponse, answer: NonNullable<BlobFault['answer']>): void {
  const { status, code, message = 'As the test asked.', headers = {} } = answer;
  const body =
    answer.body ??
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  outgoing.writeHead(status, {
    'content-type': answer.body === undefined ? 'application/xml' : 'text/html',
    ...(code === undefined ? {} : { 'x-ms-error-code': code }),
    ...headers,
  });
  outgoing.end(body);
}

async function pass(
  target: string,
  given: {
    incoming: IncomingMessage;
    outgoing: ServerResponse;
    fault: BlobFault | undefined;
    count: (bytes: number) => void;
  },
): Promise<void> {
  const { incoming, outgoing, fault, count } = given;
  const url = new URL(incoming.url ?? '', target);
  const onward = request(url, { method: incoming.method ?? 'GET', headers: incoming.headers });
  await pipeline(incoming, onward);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage];
  const offset = Number(/^bytes=(\d+)-/.exec(callOf(incoming).range ?? '')?.[1] ?? 0);
  const made = fault?.content?.read(offset);
  outgoing.writeHead(answer.statusCode ?? 502, {
    ...answer.headers,
    ...(fault?.content === undefined ? {} : { 'content-length': fault.content.sizeBytes - offset }),
  });
  if (made !== undefined) answer.resume();
  await pipeline(
    made ?? answer,
    async function* (chunks: AsyncIterable<Buffer>) {
      let left = fault?.cutAfterBytes ?? Number.POSITIVE_INFINITY;
      for await (const chunk of chunks) {
        const part = chunk.subarray(0, left);
        left -= part.length;
        count(part.length);
        yield part;
        if (left > 0) continue;
        await new Promise((resolve) => outgoing.write('', resolve));
        throw new Error('cut off');
      }
    },
    outgoing,
  );
}
