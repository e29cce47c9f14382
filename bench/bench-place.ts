/**
 * Where a bench runs: a temporary folder with an embedded PostgreSQL of its own. It is durable, and it logs a bare COPY as it logs
 * ours: with wal_level minimal a COPY into a new table would be spared its log. Both sides of every ratio run here.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedServer, startEmbedded } from '../db/embedded.ts';
import { silentLogger } from '../services/kernel/ports.ts';

const SERVER_SETTINGS = { wal_level: 'replica', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };
const STATED_SETTINGS = [
  ...Object.keys(SERVER_SETTINGS),
  'wal_compression',
  'shared_buffers',
  'max_wal_size',
  'work_mem',
  'jit',
];

export interface BenchPlace {
  /** For bills, archives and work folders. */
  readonly folder: string;
  /** The server's version and the settings that matter, as it states them. */
  readonly server: string;
  /** The server's first process, whose descendants all others are. */
  readonly serverPid: number;
  urlOf(database: string): string;
  /** Replaces the database, as a copy of `template` where given. */
  createDatabase(database: string, template?: string): Promise<string>;
  dropDatabase(database: string): Promise<void>;
  /** Everything before is on disk, so that no timed side pays for what ran before it. */
  checkpoint(): Promise<void>;
  /** Stops the server and removes the folder, or says where it is kept; calling again does nothing. */
  close(): Promise<void>;
}

/** Opens a place. The caller closes it, on Ctrl-C too. */
export async function openBenchPlace({ keep }: { keep: boolean }): Promise<BenchPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-bench-'));
  // As root the server runs as another user, who must be able to enter.
  await chmod(folder, 0o755);
  const dataDir = join(folder, 'server');
  let server: EmbeddedServer;
  try {
    server = await startEmbedded({ dataDir, logger: silentLogger, settings: SERVER_SETTINGS });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  pool.on('error', () => {}); // Ctrl-C stops the server under it.
  const run = async (statement: string) => {
    await pool.query(statement);
  };
  const dropDatabase = (database: string) => run(`drop database if exists ${database} with (force)`);
  const urlOf = (database: string) => {
    const url = new URL(server.url);
    url.pathname = `/${database}`;
    return url.href;
  };
  let closed: Promise<void> | undefined;
  const close = async () => {
    // A query may hang on to its connection for minutes; stopping the server ends it.
    const ended = pool.end();
    await server.release();
    await ended;
    if (keep)
      console.log(`Kept: ${dataDir} (startEmbedded of db/embedded.ts starts it again). Delete ${folder} when done.`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return {
    folder,
    server: await describeServer(pool),
    serverPid: Number((await readFile(join(server.folder, 'postmaster.pid'), 'utf8')).split('\n')[0]),
    urlOf,
    dropDatabase,
    createDatabase: async (database, template) => {
      await dropDatabase(database);
      await run(`create database ${database} ${template === undefined ? '' : `template ${template}`}`);
      return urlOf(database);
    },
    checkpoint: () => run('checkpoint'),
    close: () => (closed ??= close()),
  };
}

async function describeServer(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ version: string; settings: string }>(
    `select current_setting('server_version') as version,
      (select string_agg(name || '=' || current_setting(name), ' ') from unnest($1::text[]) as name) as settings`,
    [STATED_SETTINGS],
  );
  return `PostgreSQL ${rows[0]?.version}, embedded: ${rows[0]?.settings}`;
}
