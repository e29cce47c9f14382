/**
 * What some tests need beyond Node and PostgreSQL: redis-server, a browser, the real bills. Where one is missing the tests that need
 * it are left out and the run says so at its end, with the fix; named in OUTTURN_TEST_REQUIRE (a comma list: redis,browser,bills),
 * its absence fails them instead.
 *
 *     describe.runIf(isAvailable('redis'))('the queue on Redis', () => { … startRedis() … });
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import './test-server.ts';

type Requirement = 'redis' | 'browser' | 'bills';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const REAL_BILLS = resolve(process.env['OUTTURN_REAL_BILLS'] ?? join(import.meta.dirname, '../../../shared/data'));
const REDIS_START_TIMEOUT_MS = 10_000;

/** Null where it is there, else what is missing and how to get it. */
const FIND_MISSING: Record<Requirement, () => string | null> = {
  redis: () =>
    findOnPath(['redis-server']) === null
      ? 'redis-server is not on PATH; install it with apt-get install redis-server'
      : null,
  browser: () =>
    findOnPath(BROWSERS) === null ? 'no Chromium is on PATH; install it with apt-get install chromium' : null,
  bills: () =>
    existsSync(join(REAL_BILLS, 'focus-sample-1.0', 'focus_sample.csv'))
      ? null
      : `the real bills are not in ${REAL_BILLS}; set OUTTURN_REAL_BILLS to their folder`,
};

/** Whether the tests that need it can run. Notes the absence for the run's summary; throws where it was required. */
export function isAvailable(requirement: Requirement): boolean {
  const missing = FIND_MISSING[requirement]();
  if (missing === null) return true;
  if (listRequired().includes(requirement)) {
    throw new Error(`OUTTURN_TEST_REQUIRE names ${requirement}, but ${missing}`);
  }
  noteLeftOut(requirement, missing);
  return false;
}

/** Makes the run say at its end what was not tested and why. */
export function noteLeftOut(subject: string, reason: string): void {
  writeFileSync(join(inject('testServer').leftOutFolder, subject), reason);
}

/** The folder of the real bills, which are never part of the repository: ../shared/data or OUTTURN_REAL_BILLS. */
export function realBills(): string {
  return REAL_BILLS;
}

/** One sentence per subject that some test file left out, for the end of the run. */
export function describeLeftOut(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((subject) => `left out: ${subject}: ${readFileSync(join(folder, subject), 'utf8')}`);
}

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A Redis of the caller's own on a random port of 127.0.0.1 that keeps nothing on disk. The caller stops it. */
export async function startRedis(): Promise<RedisServer> {
  const port = await findFreePort();
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
    },
  );
  const url = `redis://127.0.0.1:${port}`;
  try {
    await waitUntilReady(url);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return { url, stop: () => stop(child) };
}

async function waitUntilReady(url: string): Promise<void> {
  const deadline = Date.now() + REDIS_START_TIMEOUT_MS;
  const client = new Redis(url, {
    retryStrategy: () => (Date.now() < deadline ? 50 : null),
    maxRetriesPerRequest: null,
  });
  client.on('error', () => {}); // Refused until it listens; the ping below fails if it never does.
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function listRequired(): string[] {
  const required = (process.env['OUTTURN_TEST_REQUIRE'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = required.find((name) => !(name in FIND_MISSING));
  if (unknown !== undefined) {
    throw new Error(`OUTTURN_TEST_REQUIRE names "${unknown}"; it knows ${Object.keys(FIND_MISSING).join(', ')}`);
  }
  return required;
}

function findOnPath(programs: readonly string[]): string | null {
  const candidates = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => programs.map((program) => join(folder, program)));
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port was given');
  return address.port;
}
