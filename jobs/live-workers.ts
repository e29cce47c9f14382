/** Whether somebody takes jobs: what a command asks before it hands its work over. Apart from the worker, whose handlers it need not load. */
import { hostname } from 'node:os';
import type { JobContext } from './job-context.ts';

/** A worker not seen for this long is taken for dead. */
const HEARTBEAT_STALE_MS = 45_000;

/** True where some worker has been seen lately: then commands may hand their work over. One killed on this machine is known to be dead. */
export async function hasLiveWorker(context: Pick<JobContext, 'db' | 'clock'>): Promise<boolean> {
  const since = new Date(context.clock.now().getTime() - HEARTBEAT_STALE_MS);
  const seen = await context.db
    .selectFrom('worker')
    .select(['host_name', 'process_id'])
    .where('seen_at', '>', since)
    .execute();
  return seen.some((worker) => worker.host_name !== hostname() || isRunning(worker.process_id));
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    // It runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
