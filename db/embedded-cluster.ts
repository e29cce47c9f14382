/**
 * The life of one cluster on disk: created whole or not at all, started, stopped, and cleaned up after a crash. Only called
 * under the home's lock. Everything a killed command can leave (a half-made cluster, a postmaster.pid of a dead or a foreign
 * process, orphaned server processes that hold shared memory) is removed here before the next start.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../services/kernel/errors.ts';
import { clusterFolder, type EmbeddedPlace } from './embedded-place.ts';
import { isPostmasterOf, killServerProcesses } from './embedded-processes.ts';
import { runProgram } from './embedded-run.ts';

export const EMBEDDED_USER = 'outturn';
const START_ATTEMPTS_MAX = 5;
/** Crash recovery replays at most what max_wal_size lets pile up. */
const START_TIMEOUT_S = 120;
const STOP_TIMEOUT_S = 60;
const LOG_NAME = 'server.log';
const LOG_BYTES_MAX = 10 * 1024 * 1024;
const LOG_TAIL_CHARACTERS = 1500;

/**
 * Sized for a laptop or a small machine beside DuckDB. Locks: reports and attachments touch every live partition of `charge`.
 * No Unix socket: its path is limited to 107 bytes, and the data folder may be deep.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  max_locks_per_transaction: '256',
  shared_buffers: '256MB',
  work_mem: '32MB',
  maintenance_work_mem: '256MB',
  effective_cache_size: '1GB',
  random_page_cost: '1.1',
  max_wal_size: '4GB',
  wal_compression: 'on',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  log_checkpoints: 'off',
  timezone: 'UTC',
};

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** As PostgreSQL writes it on line 8: starting, ready, stopping or standby; empty at the very beginning. */
  readonly status: string;
}

/** The server that runs on this cluster, or null; a postmaster.pid that some other or no process stands behind counts as none. */
export function findPostmaster(place: EmbeddedPlace): Postmaster | null {
  const lines = readPidFile(place);
  if (lines === null) return null;
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || !Number.isInteger(port) || port === 0) return null;
  return isPostmasterOf(pid, clusterFolder(place)) ? { pid, port, status: (lines[7] ?? '').trim() } : null;
}

/** Creates the cluster in a folder of its own and renames it: a kill in the middle leaves only a folder to sweep. */
export async function ensureCluster(place: EmbeddedPlace, sync: boolean): Promise<void> {
  const folder = clusterFolder(place);
  await sweepDrafts(place);
  if (existsSync(folder)) {
    refuseOtherMajor(place);
    return;
  }
  const passwordFile = await ensurePassword(place);
  const draft = join(place.home, `initdb.${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  await giveToServer(place, draft);
  const made = await runProgram(
    place.binaries.initdb,
    [
      `--pgdata=${draft}`,
      `--username=${EMBEDDED_USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(sync ? [] : ['--no-sync']),
    ],
    { user: place.serverUser, timeoutMs: START_TIMEOUT_S * 1000 },
  );
  if (made.exitCode !== 0) throw failure(place, 'could not be created (initdb)', made.output);
  await rename(draft, folder);
}

/**
 * Starts the server and waits until it takes connections. Tries `preferredPort` first (the former one, so that pools of
 * commands that outlived a crash find the server again), then random ones.
 */
export async function startServer(
  place: EmbeddedPlace,
  settings: Readonly<Record<string, string>>,
  preferredPort: number | null,
): Promise<Postmaster> {
  const folder = clusterFolder(place);
  await killServerProcesses(folder);
  await rm(join(folder, 'postmaster.pid'), { force: true });
  await rotateLog(place);
  let output = '';
  for (let attempt = 1; attempt <= START_ATTEMPTS_MAX; attempt += 1) {
    const port = attempt === 1 && preferredPort !== null ? preferredPort : await findFreePort();
    const options = Object.entries({ ...SETTINGS, ...settings, port: String(port) })
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' ');
    // pg_ctl starts the server through a shell, so no path of ours is an argument: a quote or a dollar sign would be evaluated.
    const started = await runProgram(
      place.binaries.pgCtl,
      ['start', '-w', '-s', '-t', String(START_TIMEOUT_S), '-l', LOG_NAME, '-o', options],
      {
        user: place.serverUser,
        timeoutMs: (START_TIMEOUT_S + 30) * 1000,
        folder: place.home,
        variables: { PGDATA: folder },
      },
    );
    // Another start, orphaned by the kill of its command, may have won the race: then that server is the one.
    const postmaster = findPostmaster(place);
    if (postmaster !== null) return postmaster;
    output = `${started.output}\n${await readLogTail(place)}`;
    if (!output.includes('could not bind')) break;
  }
  throw failure(place, 'could not be started (pg_ctl start)', output);
}

/** Stops the server if it runs, with a checkpoint, so that the next start needs no recovery. */
export async function stopServer(place: EmbeddedPlace): Promise<void> {
  const folder = clusterFolder(place);
  if (!existsSync(folder)) return;
  for (const mode of ['fast', 'immediate']) {
    if (findPostmaster(place) === null) break;
    await runProgram(
      place.binaries.pgCtl,
      ['stop', '-w', '-s', '-m', mode, '-t', String(STOP_TIMEOUT_S), '-D', folder],
      {
        user: place.serverUser,
        timeoutMs: (STOP_TIMEOUT_S + 30) * 1000,
      },
    );
  }
  await killServerProcesses(folder);
}

/** The port of the last server, live or dead; null before the first start or after a clean stop. */
export function readFormerPort(place: EmbeddedPlace): number | null {
  const port = Number(readPidFile(place)?.[3]);
  return Number.isInteger(port) && port > 0 ? port : null;
}

/** The generated password of the superuser EMBEDDED_USER. */
export async function readPassword(place: EmbeddedPlace): Promise<string> {
  try {
    return (await readFile(join(place.home, 'password'), 'utf8')).trim();
  } catch (cause) {
    throw new AppError(
      'embedded_database_failed',
      `The password of the embedded database is missing: ${join(place.home, 'password')} cannot be read. ` +
        'Put the file back, or move the folder away to begin with an empty database.',
      { cause },
    );
  }
}

async function sweepDrafts(place: EmbeddedPlace): Promise<void> {
  for (const name of await readdir(place.home)) {
    if (!name.startsWith('initdb.')) continue;
    await killServerProcesses(join(place.home, name));
    await rm(join(place.home, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function ensurePassword(place: EmbeddedPlace): Promise<string> {
  const file = join(place.home, 'password');
  if (!existsSync(file)) {
    const draft = join(place.home, 'password.draft');
    await writeFile(draft, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
    await chmod(draft, 0o600);
    await giveToServer(place, draft);
    await rename(draft, file);
  }
  return file;
}

function refuseOtherMajor(place: EmbeddedPlace): void {
  const folder = clusterFolder(place);
  const onDisk = readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim();
  const major = place.binaries.version.split('.')[0];
  if (onDisk === major) return;
  throw new AppError(
    'embedded_database_failed',
    `The embedded database in ${folder} was made by PostgreSQL ${onDisk}; this release brings PostgreSQL ${major}. ` +
      `Dump it with the release that made it and restore it here, or move the folder away to begin with an empty database.`,
  );
}

function readPidFile(place: EmbeddedPlace): string[] | null {
  try {
    return readFileSync(join(clusterFolder(place), 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null; // No server, or none yet.
  }
}

async function giveToServer(place: EmbeddedPlace, path: string): Promise<void> {
  if (place.serverUser !== null) await chown(path, place.serverUser.uid, place.serverUser.gid);
}

function logFile(place: EmbeddedPlace): string {
  return join(place.home, LOG_NAME);
}

async function rotateLog(place: EmbeddedPlace): Promise<void> {
  const file = logFile(place);
  if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) await rename(file, `${file}.1`);
}

async function readLogTail(place: EmbeddedPlace): Promise<string> {
  if (!existsSync(logFile(place))) return '';
  return (await readFile(logFile(place), 'utf8')).slice(-LOG_TAIL_CHARACTERS);
}

/** Free at this moment; the caller tries again should somebody take it in between. */
async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function failure(place: EmbeddedPlace, what: string, output: string): AppError {
  return new AppError(
    'embedded_database_failed',
    `The embedded database in ${place.home} ${what}. PostgreSQL says: ${output.trim()}\n` +
      `The whole log is ${logFile(place)}. Set DATABASE_URL to use another PostgreSQL server.`,
  );
}
