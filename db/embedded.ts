/**
 * Embedded PostgreSQL 18: the database of a machine where DATABASE_URL is not set. Any number of commands and `up` share one
 * server per data folder; the first starts it, a later one adopts it, the last one out stops it. A killed command leaves at
 * most a running server, which the next one adopts; a killed server is recovered by the next start.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { AppError } from '../services/kernel/errors.ts';
import type { Logger } from '../services/kernel/ports.ts';
import {
  EMBEDDED_USER,
  ensureCluster,
  findPostmaster,
  readFormerPort,
  readPassword,
  startServer,
  stopServer,
} from './embedded-cluster.ts';
import { withHomeLock } from './embedded-lock.ts';
import { choosePlace, clusterFolder, type EmbeddedPlace } from './embedded-place.ts';
import { registerUser, sweepUsers } from './embedded-users.ts';
import { errorCodeOf, SQL_STATE } from './sql-state.ts';

const DATABASE = 'outturn';
const JOIN_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export interface EmbeddedOptions {
  /** OUTTURN_DATA; the cluster lives in its `postgres/` folder (db/embedded-place.ts tells the exception). */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Server settings on top of the product's, for the one who starts it (tests turn fsync off). Values without spaces. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedServer {
  /** postgres://… on 127.0.0.1 with the password, to the database `outturn`. */
  readonly url: string;
  readonly port: number;
  /** Where the cluster is, for messages. */
  readonly folder: string;
  /** Leaves the server and stops it when nobody else uses it. Close every connection first; calling again does nothing. */
  release(): Promise<void>;
}

/**
 * Starts or joins the embedded server of a data folder and waits until it takes connections.
 * Throws AppError `embedded_database_failed` with PostgreSQL's own words and what to change.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { logger, settings = {} } = options;
  const place = await choosePlace(options.dataDir, logger);
  const { userFile, port, password } = await withHomeLock(place.home, async () => {
    sweepUsers(place.home);
    await ensureCluster(place, settings['fsync'] !== 'off');
    const served = await adoptOrStart(place, settings, logger);
    return { userFile: registerUser(place.home), ...served };
  });
  let released: Promise<void> | undefined;
  return {
    url: urlOf(port, password, DATABASE),
    port,
    folder: clusterFolder(place),
    release: () => (released ??= leave(place, userFile, logger)),
  };
}

/** Stops the server of a data folder unless a living process uses it: for what a killed command left behind. */
export async function stopUnusedServer(dataDir: string, logger: Logger): Promise<void> {
  const place = await choosePlace(dataDir, logger);
  await withHomeLock(place.home, () => stopIfUnused(place, logger));
}

async function leave(place: EmbeddedPlace, userFile: string, logger: Logger): Promise<void> {
  await withHomeLock(place.home, async () => {
    await rm(userFile, { force: true });
    await stopIfUnused(place, logger);
  });
}

async function stopIfUnused(place: EmbeddedPlace, logger: Logger): Promise<void> {
  const others = sweepUsers(place.home);
  if (others > 0) {
    logger.debug({ others }, 'The embedded database goes on running for other commands');
    return;
  }
  await stopServer(place);
  logger.debug({ folder: clusterFolder(place) }, 'The embedded database is stopped');
}

/**
 * A server that is starting, recovering or stopping (its command killed half-way through) is waited for: it becomes ready and is
 * adopted, or it ends and a new one is started.
 */
async function adoptOrStart(
  place: EmbeddedPlace,
  settings: Readonly<Record<string, string>>,
  logger: Logger,
): Promise<{ port: number; password: string }> {
  const password = await readPassword(place);
  const deadline = Date.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const found = findPostmaster(place);
    const postmaster = found ?? (await startServer(place, settings, readFormerPort(place)));
    const problem = await tryToUse(postmaster.port, password);
    if (problem === null) {
      const how = found === null ? 'started' : 'joined';
      logger.debug({ ...postmaster, folder: clusterFolder(place) }, `The embedded database is ${how}`);
      return { port: postmaster.port, password };
    }
    if (Date.now() > deadline) {
      throw new AppError(
        'embedded_database_failed',
        `The embedded database (process ${postmaster.pid}, port ${postmaster.port}, folder ${clusterFolder(place)}) ` +
          `has not taken a connection for ${JOIN_TIMEOUT_MS / 1000} s: ${problem}. Look into ${place.home}/server.log.`,
      );
    }
    await delay(POLL_MS);
  }
}

/** Null when the product's database is there and answers; otherwise why not (yet). What waiting cannot heal is thrown. */
async function tryToUse(port: number, password: string): Promise<string | null> {
  const client = new pg.Client({
    connectionString: urlOf(port, password, 'postgres'),
    application_name: 'outturn start',
    connectionTimeoutMillis: 5000,
  });
  client.on('error', () => {}); // A server that ends while we look fails the query below as well.
  try {
    await client.connect();
    const present = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (present.rowCount === 0) await client.query(`create database ${DATABASE}`);
    return null;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === SQL_STATE.duplicateDatabase) return null;
    if (code === SQL_STATE.invalidPassword) {
      throw new AppError(
        'embedded_database_failed',
        `The embedded database on port ${port} refuses the password kept beside it in the file "password". ` +
          'Put the original file back, or move the folder away to begin with an empty database.',
        { cause: error },
      );
    }
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end().catch(() => undefined); // The connection may be gone already; nothing is lost with it.
  }
}

function urlOf(port: number, password: string, database: string): string {
  return `postgres://${EMBEDDED_USER}:${password}@127.0.0.1:${port}/${database}`;
}
