/**
 * Says that a living command works on a load: a session-level advisory lock that PostgreSQL releases when the command dies.
 * The reconcile job leaves such loads alone.
 */
import pg from 'pg';
import { LOAD_LOCK_CLASS } from '../services/kernel/advisory-locks.ts';

export interface LoadLock {
  hold(loadId: string): Promise<void>;
  release(): Promise<void>;
}

/** Opens a connection of its own, because a session lock lives as long as its session. */
export async function openLoadLock(databaseUrl: string): Promise<LoadLock> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'outturn load lock' });
  await client.connect();
  return {
    hold: async (loadId) => {
      await client.query('select pg_advisory_lock($1, $2)', [LOAD_LOCK_CLASS, Number(loadId)]);
    },
    release: () => client.end(),
  };
}
