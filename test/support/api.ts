/**
 * The API for tests: the real app on a test database with its real queue, a clock that a test can move, and tokens that were made
 * the way an operator makes them.
 */
import { pino } from 'pino';
import { buildApp } from '../../api/app.ts';
import type { ApiApp } from '../../api/context.ts';
import { checkSource } from '../../jobs/check-source.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { type JobQueue, migrateQueue, openQueue } from '../../jobs/queue.ts';
import { createToken, type TokenRole } from '../../services/access/tokens.ts';
import { localOperator, silentProgress } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import type { TestDatabase } from './database.ts';

const TOKEN_DAYS = 30;

export interface TestApi {
  readonly app: ApiApp;
  readonly queue: JobQueue;
  readonly clock: { now(): Date; set(instant: string): void };
  /** The lines the API logged. */
  readonly logged: readonly Record<string, unknown>[];
  /** The header of a new token. */
  authorise(
    role: TokenRole,
    options?: { pods?: readonly string[]; principal?: string },
  ): Promise<{ authorization: string }>;
  close(): Promise<void>;
}

export async function startTestApi(database: TestDatabase, workDir = '/nonexistent'): Promise<TestApi> {
  let instant = new Date('2026-09-15T12:00:00Z');
  const clock = {
    now: () => instant,
    set: (text: string) => {
      instant = new Date(text);
    },
  };
  const logged: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'info', base: null },
    { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  );
  await migrateQueue({ databaseUrl: database.url });
  const queue = await openQueue({ databaseUrl: database.url, logger });
  const settings = readSettings({ OUTTURN_DATA: workDir }, workDir);
  const context: JobContext = {
    db: database.db,
    databaseUrl: database.url,
    settings,
    clock,
    logger,
    progress: silentProgress,
    principal: localOperator,
    signal: new AbortController().signal,
  };
  const app = await buildApp({
    db: database.db,
    clock,
    queue,
    checkSource: (sourceId) => checkSource(context, sourceId),
    workDir,
    version: '0.0.0',
    logger,
  });
  return {
    app,
    queue,
    clock,
    logged,
    authorise: async (role, { pods = [], principal = `${role}@example.com` } = {}) => {
      const expiresAt = new Date(instant.getTime() + TOKEN_DAYS * 86_400_000);
      const { token } = await database.db
        .transaction()
        .execute((trx) => createToken(trx, { principal, role, pods, expiresAt }, localOperator, instant));
      return { authorization: `Bearer ${token}` };
    },
    close: async () => {
      await app.close();
      await queue.close();
    },
  };
}
