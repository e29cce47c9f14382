/** One look at a source at a time, over all processes: a session-level advisory lock that PostgreSQL releases when its holder dies. */
import pg from 'pg';
import { SOURCE_RUN_LOCK_CLASS } from '../services/kernel/advisory-locks.ts';
import { TransientError } from '../services/kernel/errors.ts';

/**
 * Runs `work` while nobody else looks at the source; null where somebody does. The signal it is given aborts when the lock is lost, for
 * another process may begin then.
 */
export async function withSourceLock<Result>(
  databaseUrl: string,
  sourceId: string,
  work: (lost: AbortSignal) => Promise<Result>,
): Promise<Result | null> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'outturn source lock' });
  const lost = new AbortController();
  client.on('error', (error) =>
    lost.abort(new TransientError(`the lock of the source was lost: ${error.message}`, 0, error)),
  );
  await client.connect();
  try {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as taken', [
      SOURCE_RUN_LOCK_CLASS,
      sourceId,
    ]);
    return rows[0]?.taken === true ? await work(lost.signal) : null;
  } finally {
    await client.end().catch(() => undefined); // It may be gone already.
  }
}
