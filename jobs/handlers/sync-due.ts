/** sync-due: asks for a look at every source whose time has come. The due instant is part of the job's id, so that it is asked for once. */
import { listDueSources } from '../../services/sources/source-runs.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { jobId } from '../job-id.ts';

export async function syncDue(_payload: JobPayload<'sync-due'>, context: JobContext): Promise<void> {
  const { db, clock, queue } = context;
  if (queue === undefined) throw new Error('sync-due runs in a worker');
  for (const { sourceId, dueAt } of await listDueSources(db, clock.now())) {
    const first = jobId('sync-source', sourceId, dueAt.getTime());
    const state = await queue.state('sync-source', first);
    if (state === 'waiting' || state === 'active') continue;
    // Ended without a result being recorded: its id is used up.
    const id = state === 'absent' ? first : jobId('sync-source', sourceId, clock.now().getTime());
    await queue.add('sync-source', { sourceId, reason: 'schedule', mayDropAccounts: false }, { id });
  }
}
