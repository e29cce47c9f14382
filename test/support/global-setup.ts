/**
 * Prepares the database tests once per run: a server (TEST_DATABASE_URL, else an embedded one in a folder of this run with fsync
 * off, for speed) and one migrated template that every test file copies. At the end it says what was left out and takes everything away;
 * with OUTTURN_TEST_KEEP=1 the embedded server of a run stays, with the databases of failed files.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../db/database.ts';
import { startEmbedded, stopUnusedServer } from '../../db/embedded.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import { formatIdentity, isAlive, ownIdentity, parseIdentity } from '../../db/process-identity.ts';
import { migrateQueue } from '../../jobs/queue.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { describeLeftOut } from './requirements.ts';
import { withDatabase } from './test-server.ts';

const FOLDER_PREFIX = 'outturn-test.';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepKilledRuns();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${formatIdentity(ownIdentity())}.`));
  await chmod(folder, 0o755); // As root, the server's user must be able to enter it.
  const leftOutFolder = join(folder, 'left-out');
  await mkdir(leftOutFolder);
  const server = await openServer(folder);
  const template = `outturn_template_${randomUUID().replaceAll('-', '')}`;
  await runSql(server.url, `create database ${template}`);
  const templateUrl = withDatabase(server.url, template);
  const { db, close } = openDatabase(templateUrl, { poolMax: 1 });
  try {
    await migrateToLatest(db);
    // The queue's tables with it: making them anew in each database that has a queue takes 0.16 s.
    await migrateQueue({ databaseUrl: templateUrl });
  } finally {
    await close();
  }
  const keepsFailed = process.env['OUTTURN_TEST_KEEP'] === '1' || !server.isEmbedded;
  project.provide('testServer', { url: server.url, template, leftOutFolder, keepsFailed });
  return async () => {
    for (const sentence of describeLeftOut(leftOutFolder)) console.log(sentence);
    if (server.isEmbedded && process.env['OUTTURN_TEST_KEEP'] === '1') {
      console.log(`Kept: ${server.url}; its folder is ${folder}. The next run of the tests sweeps it.`);
      return;
    }
    await runSql(server.url, `drop database if exists ${template} with (force)`);
    await server.release();
    await rm(folder, { recursive: true, force: true });
  };
}

async function openServer(folder: string): Promise<{ url: string; isEmbedded: boolean; release(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') return { url: given, isEmbedded: false, release: async () => {} };
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    // Whole pages of new indexes still go to the log: compressing them takes a thirtieth of the server's time.
    wal_compression: 'off',
    synchronous_commit: 'off',
    // Databases live for seconds; what it would find out about them comes too late and at random.
    autovacuum: 'off',
  };
  const { url, release } = await startEmbedded({ dataDir: folder, logger: silentLogger, settings });
  // A run opens thousands of connections, and each would hash the password 4096 times on both sides, a quarter of what it costs.
  const { username, password } = new URL(url);
  await runSql(url, `set scram_iterations = 1; alter role ${username} password '${password}'`);
  return { url, isEmbedded: true, release };
}

/** A run that was killed leaves its server and its folder; the next run takes both away. */
async function sweepKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const owner = parseIdentity(name.split('.')[1] ?? '');
    if (owner === null || isAlive(owner)) continue;
    const folder = join(tmpdir(), name);
    if (existsSync(join(folder, 'postgres'))) await stopUnusedServer(folder, silentLogger);
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSql(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
