/**
 * Whether this process can serve: the database answers and has this release's schema, and the queue answers. The reasons are
 * sentences without addresses, because anybody may ask; the log has the rest.
 */
import type { Kysely } from 'kysely';
import { pendingMigrations } from '../db/migrate.ts';
import type { DB } from '../db/schema.gen.ts';
import { AppError } from '../services/kernel/errors.ts';
import type { QueuePort } from './context.ts';
import { withinTime } from './within-time.ts';

const CHECK_TIMEOUT_MS = 3_000;

/** @throws AppError database_unreachable, database_outdated, database_newer or queue_unreachable. */
export async function checkReadiness(context: { db: Kysely<DB>; queue: QueuePort }): Promise<void> {
  const pending = await answer('database_unreachable', 'The database does not answer.', () =>
    pendingMigrations(context.db),
  );
  if (pending.length > 0) {
    throw new AppError(
      'database_outdated',
      `The database is older than this release: ${pending.length} migration(s) are pending. Run "outturn migrate".`,
    );
  }
  await answer('queue_unreachable', 'The queue does not answer.', () => context.queue.counts());
}

async function answer<Result>(
  code: 'database_unreachable' | 'queue_unreachable',
  sentence: string,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await withinTime(CHECK_TIMEOUT_MS, sentence, ask);
  } catch (cause) {
    if (cause instanceof AppError && cause.code === 'database_newer') throw cause;
    throw new AppError(code, `${sentence} The log has the reason.`, { cause });
  }
}
