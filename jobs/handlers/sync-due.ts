/**
 * sync-due: asks for a look at every source whose time has come, and for the looks that somebody asked for and the queue forgot or met a
 * busy source with. The due instant, or the request, is part of the job's id, so that it is asked for once.
 */
import { listSourceRequests } from '../../services/sources/source-requests.ts';
import { listDueSources } from '../../services/sources/source-runs.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { jobId } from '../job-id.ts';
import type { JobQueue } from '../queue.ts';

export async function syncDue(_payload: JobPayload<'sync-due'>, context: JobContext): Promise<void> {
  const { db, clock, queue } = context;
  if (queue === undefined) throw new Error('sync-due runs in a worker');
  const now = clock.now();
  for (const { jobId: requestId, ...request } of await listSourceRequests(db, now)) {
    await remind(queue, requestId, { ...request, requestId }, now);
  }
  for (const { sourceId, dueAt } of await listDueSources(db, now)) {
    const id = jobId('sync-source', sourceId, dueAt.getTime());
    await remind(queue, id, { sourceId, reason: 'schedule', mayDropAccounts: false }, now);
  }
}

async function remind(queue: JobQueue, first: string, payload: JobPayload<'sync-source'>, now: Date): Promise<void> {
  const state = await queue.state('sync-source', first);
  if (state === 'waiting' || state === 'active') return;
  // Ended without a result being recorded: its id is used up. Should several come to wait, the first of them is the look.
  const id = state === 'absent' ? first : `${first}_${now.getTime()}`;
  await queue.add('sync-source', payload, { id });
}
