/**
 * What a command runs on: settings, log, database and, where asked for, the queue. Without DATABASE_URL it shares or starts the
 * embedded server and brings it up to date by itself; a database of the user's own is only migrated by `outturn migrate` and `up`.
 */
import { mkdir } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import pino, { type Logger } from 'pino';
import { checkConnection, type Database, openDatabase } from '../db/database.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrateToLatest, pendingMigrations } from '../db/migrate.ts';
import type { DB } from '../db/schema.gen.ts';
import type { JobContext } from '../jobs/job-context.ts';
import type { JobQueue, QueueOptions } from '../jobs/queue.ts';
import { AppError } from '../services/kernel/errors.ts';
import { type Clock, localOperator, type Progress, silentProgress, systemClock } from '../services/kernel/ports.ts';
import { readSettings, type Settings } from '../services/kernel/settings.ts';
import { interruption } from './until-interrupted.ts';

export interface Runtime {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly db: Kysely<DB>;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly isEmbedded: boolean;
  /** Connects on first use; closed with the runtime. */
  queue(): Promise<JobQueue>;
  jobContext(progress?: Progress): JobContext;
  close(): Promise<void>;
}

export interface RuntimeOptions {
  /** A long-running process logs at `info`, a single command only what goes wrong; LOG_LEVEL overrides both. */
  readonly isService?: boolean;
  /** Brings a database of the user's own up to date too. */
  readonly migrate?: boolean;
  readonly poolMax?: number;
  readonly applicationName: string;
  /** Read instead of the process's environment: the demo brings its own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Opens everything a command needs; `close` gives it all back, the embedded server included where nobody else uses it. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const settings = readSettings(options.environment ?? process.env, process.cwd());
  const logger = openLogger(settings, options.isService ?? false);
  const server = settings.databaseUrl === undefined ? await startServer(settings, logger) : undefined;
  const databaseUrl = server?.url ?? settings.databaseUrl ?? '';
  let isClosing = false;
  const database = openDatabase(databaseUrl, {
    applicationName: options.applicationName,
    ...(options.poolMax === undefined ? {} : { poolMax: options.poolMax }),
    onIdleError: (error) => {
      // The embedded server may end before the last connection to it has.
      if (!isClosing) logger.warn({ err: error }, 'an idle database connection broke; it will be replaced');
    },
  });
  const queueOptions = {
    databaseUrl,
    ...(settings.redisUrl === undefined ? {} : { redisUrl: settings.redisUrl }),
    logger,
  };
  let queue: Promise<JobQueue> | undefined;
  const runtime: Runtime = {
    settings,
    logger,
    clock: systemClock,
    db: database.db,
    database,
    databaseUrl,
    isEmbedded: server !== undefined,
    queue: () => {
      queue ??= connectQueue(queueOptions, server !== undefined);
      return queue;
    },
    jobContext: (progress = silentProgress) => ({
      db: database.db,
      databaseUrl,
      settings,
      clock: systemClock,
      logger,
      progress,
      principal: localOperator,
      signal: interruption.signal,
    }),
    close: async () => {
      isClosing = true;
      if (queue !== undefined) await (await queue).close();
      await database.close();
      await server?.release();
    },
  };
  try {
    await checkConnection(database.pool, databaseUrl);
    await prepareSchema(runtime, options.migrate ?? false);
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return runtime;
}

/** Runs a command on a runtime of its own and closes it whatever happens. */
export async function withRuntime<Result>(
  options: RuntimeOptions,
  work: (runtime: Runtime) => Promise<Result>,
): Promise<Result> {
  const runtime = await openRuntime(options);
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

/** Applies what is pending to the product's schema and the queue's; the names of the migrations that ran. */
export async function migrate(runtime: Pick<Runtime, 'db' | 'databaseUrl' | 'settings'>): Promise<string[]> {
  const ran = await migrateToLatest(runtime.db);
  const { migrateQueue } = await import('../jobs/queue.ts');
  await migrateQueue({
    databaseUrl: runtime.databaseUrl,
    ...(runtime.settings.redisUrl === undefined ? {} : { redisUrl: runtime.settings.redisUrl }),
  });
  return ran;
}

async function prepareSchema(runtime: Runtime, mayMigrate: boolean): Promise<void> {
  if (mayMigrate) {
    await migrate(runtime);
    return;
  }
  if (runtime.isEmbedded) {
    await migrateToLatest(runtime.db);
    return;
  }
  const pending = await pendingMigrations(runtime.db);
  if (pending.length > 0) {
    throw new AppError(
      'database_outdated',
      `The database is older than this release: ${pending.length} migration(s) are pending, the first is ${pending[0] ?? ''}. Run "outturn migrate".`,
    );
  }
}

/** The queue is loaded and, in a database of our own, brought up to date only by the commands that use it. */
async function connectQueue(options: QueueOptions, mayMigrate: boolean): Promise<JobQueue> {
  const { migrateQueue, openQueue } = await import('../jobs/queue.ts');
  if (mayMigrate) await migrateQueue(options);
  return openQueue(options);
}

async function startServer(settings: Settings, logger: Logger) {
  await mkdir(settings.dataDir, { recursive: true });
  return startEmbedded({ dataDir: settings.dataDir, logger });
}

/** The log of a command or a service: JSON lines on stderr. */
export function openLogger(settings: Settings, isService: boolean): Logger {
  const isExplicit = (process.env['LOG_LEVEL'] ?? '') !== '';
  const level = isService || isExplicit ? settings.logLevel : 'warn';
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
