/**
 * Azurite, Microsoft's emulator of Azure Storage, as a child process that keeps everything in memory, behind a gate that counts what is
 * called and does what the real service does at times: refuse, throttle, cut off, answer with nonsense. Blobs are put through its REST
 * interface with signed requests, as any writer would.
 *
 * By hand: `npx azurite-blob --inMemoryPersistence --skipApiVersionCheck --disableTelemetry`.
 * Source: Azure Storage REST API, "Authorize with Shared Key", "Put Blob", "Create Container".
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BlobGate, openBlobGate } from './blob-gate.ts';

/** The account that Azurite has of its own, with its published key. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const VERSION = '2024-11-04';

export interface Azurite {
  readonly account: string;
  /** The account's address, through the gate. */
  readonly endpoint: string;
  readonly connectionString: string;
  readonly gate: BlobGate;
  createContainer(name: string): Promise<void>;
  /** @returns the blob's ETag. */
  put(container: string, key: string, content: string | Uint8Array, options?: { md5?: boolean }): Promise<string>;
  remove(container: string, key: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startAzurite(): Promise<Azurite> {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.resolve('azurite/dist/src/blob/main.js')),
      '--blobHost=127.0.0.1',
      '--blobPort=0',
      '--extentMemoryLimit=256',
      '--inMemoryPersistence',
      '--silent',
      '--skipApiVersionCheck',
      '--disableTelemetry',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const azurite = await addressOf(child);
  const gate = await openBlobGate(azurite);
  const call = (method: string, path: string, content: Uint8Array, headers: Readonly<Record<string, string>>) =>
    signedCall(azurite, { method, path, content, headers });
  return {
    account: ACCOUNT,
    endpoint: `${gate.url}/${ACCOUNT}`,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${gate.url}/${ACCOUNT};`,
    gate,
    createContainer: async (name) => {
      await call('PUT', `/${ACCOUNT}/${name}?restype=container`, new Uint8Array(), {});
    },
    put: async (container, key, content, { md5 = true } = {}) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      const digest = createHash('md5').update(bytes).digest('base64');
      const answer = await call('PUT', blobPath(container, key), bytes, {
        'x-ms-blob-type': 'BlockBlob',
        ...(md5 ? { 'x-ms-blob-content-md5': digest } : {}),
      });
      return answer.headers.get('etag') ?? '';
    },
    remove: async (container, key) => {
      await call('DELETE', blobPath(container, key), new Uint8Array(), {});
    },
    stop: async () => {
      await gate.close();
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('azurite has no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const address = /listens on (http:\/\/\S+?:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stdout.resume();
    return address;
  }
  throw new Error('azurite ended before it listened');
}

function blobPath(container: string, key: string): string {
  return `/${ACCOUNT}/${container}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

async function signedCall(
  azurite: string,
  call: { method: string; path: string; content: Uint8Array; headers: Readonly<Record<string, string>> },
): Promise<Response> {
  const { method, path, content } = call;
  const named: Record<string, string> = {
    ...call.headers,
    'x-ms-date': new Date().toUTCString(),
    'x-ms-version': VERSION,
  };
  const url = new URL(path, azurite);
  const length = content.length === 0 ? '' : String(content.length);
  const headers = Object.keys(named)
    .sort()
    .map((name) => `${name}:${named[name]}\n`)
    .join('');
  const query = [...url.searchParams].map(([name, value]) => `\n${name}:${value}`).join('');
  const text = `${method}\n\n\n${length}\n\n\n\n\n\n\n\n\n${headers}/${ACCOUNT}${url.pathname}${query}`;
  const signature = createHmac('sha256', Buffer.from(KEY, 'base64')).update(text).digest('base64');
  const answer = await fetch(url, {
    method,
    headers: { ...named, authorization: `SharedKey ${ACCOUNT}:${signature}` },
    ...(content.length === 0 ? {} : { body: content as Uint8Array<ArrayBuffer> }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
