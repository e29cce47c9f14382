/**
 * Opens PostgreSQL: one small pool, and Kysely on top of it. Every session runs in UTC and is ready for Citus (which plain
 * PostgreSQL ignores). Nothing connects before the first query; `checkConnection` does so at start, to refuse with a sentence.
 */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { AppError } from '../services/kernel/errors.ts';
import { PG_TYPES } from './pg-types.ts';
import { nameStatements } from './prepared.ts';
import type { DB } from './schema.gen.ts';
import { errorCodeOf, SQL_STATE } from './sql-state.ts';

const POOL_MAX_DEFAULT = 5;
const CONNECT_TIMEOUT_MS = 15_000;
const SESSION_OPTIONS = '-c citus.multi_shard_modify_mode=sequential -c TimeZone=UTC';

export interface DatabaseOptions {
  /** Shown in pg_stat_activity; say which process it is. */
  readonly applicationName?: string;
  /** Connections at most; 5 by default, because every process of ours has such a pool beside the queue's. */
  readonly poolMax?: number;
  /** Told of connections that broke while nobody used them; the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

export interface Database {
  readonly db: Kysely<DB>;
  /** The pool beneath `db`, for COPY, which Kysely does not speak. */
  readonly pool: pg.Pool;
  /** Waits for running queries and closes every connection; calling again does nothing. */
  close(): Promise<void>;
}

/** Opens the database of a postgres:// URL. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.poolMax ?? POOL_MAX_DEFAULT,
    application_name: options.applicationName ?? 'outturn',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: SESSION_OPTIONS,
    types: PG_TYPES,
  });
  pool.on('connect', nameStatements);
  // Without a listener, an idle connection that breaks (a server restarted) would end the process.
  pool.on('error', options.onIdleError ?? (() => {}));
  // Nor one that breaks between two statements of a transaction: the next statement fails and says so.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  let closed: Promise<void> | undefined;
  return { db, pool, close: () => (closed ??= db.destroy().then(() => endPool(pool))) };
}

/**
 * Connects once. Throws AppError `database_unreachable` (nothing answers) or `database_refused` (user, password or database
 * is wrong), naming the place but never the password.
 */
export async function checkConnection(pool: pg.Pool, url: string): Promise<void> {
  try {
    const client = await pool.connect();
    client.release();
  } catch (error) {
    throw describeConnectionFailure(error, url);
  }
}

/** The refusal for a failed connection. `url` is the setting's value; its password stays out of the message. */
export function describeConnectionFailure(error: unknown, url: string): AppError {
  const place = describePlace(url);
  const reason = reasonOf(error);
  const code = errorCodeOf(error);
  if (code === SQL_STATE.invalidPassword || code === SQL_STATE.invalidAuthorization) {
    return new AppError(
      'database_refused',
      `PostgreSQL at ${place} refused the user or password: ${reason}. Correct them in DATABASE_URL.`,
      { cause: error },
    );
  }
  if (code === SQL_STATE.invalidCatalogName) {
    return new AppError(
      'database_refused',
      `PostgreSQL at ${place} has no such database: ${reason}. Create it, or correct its name in DATABASE_URL.`,
      { cause: error },
    );
  }
  return new AppError(
    'database_unreachable',
    `PostgreSQL at ${place} cannot be reached: ${reason}. Start it, or correct DATABASE_URL; without DATABASE_URL the embedded database is used.`,
    { cause: error },
  );
}

/** `grace@db.example.com:5432/outturn`, as far as the URL can be read. */
function describePlace(url: string): string {
  if (!URL.canParse(url)) return 'the address in DATABASE_URL (which is not a postgres:// URL)';
  const { username, hostname, port, pathname } = new URL(url);
  return `${username === '' ? '' : `${username}@`}${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

/** A refused connection to a name with several addresses arrives as an AggregateError without a message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Kysely ends the pool only where it has used it; ending it twice is an error of pg's. */
async function endPool(pool: pg.Pool): Promise<void> {
  if (!pool.ended) await pool.end();
}
