/** One look at a source at a time, over all processes: a session-level advisory lock that PostgreSQL releases when its holder dies. */
import pg from 'pg';
import { SOURCE_RUN_LOCK_CLASS } from '../services/kernel/advisory-locks.ts';

/** Runs `work` while nobody else looks at the source; null where somebody does. */
export async function withSourceLock<Result>(
  databaseUrl: string,
  sourceId: string,
  work: () => Promise<Result>,
): Promise<Result | null> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'outturn source lock' });
  client.on('error', () => {}); // The lock is gone with its session; the work's own connections tell of what happened.
  await client.connect();
  try {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as taken', [
      SOURCE_RUN_LOCK_CLASS,
      sourceId,
    ]);
    return rows[0]?.taken === true ? await work() : null;
  } finally {
    await client.end();
  }
}
