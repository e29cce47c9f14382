/**
 * The jobs of one load as a flow: publish-load waits for roll-up-load, which waits for every stage-file. Ids carry the load's
 * attempt, because the queue ignores an id it has already finished.
 */
import type { JobContext } from './job-context.ts';
import { jobId } from './job-id.ts';
import type { FlowStep, JobQueue } from './queue.ts';

/** Reminds the queue of everything a load still needs; steps already done find their marks and return at once. */
export async function enqueueLoad(context: JobContext, queue: JobQueue, loadId: string): Promise<void> {
  const load = await context.db.selectFrom('load').select('attempt').where('id', '=', loadId).executeTakeFirstOrThrow();
  const files = await context.db
    .selectFrom('load_file')
    .select('ordinal')
    .where('load_id', '=', loadId)
    .where('staged_at', 'is', null)
    .orderBy('ordinal')
    .execute();
  await queue.addFlow({
    job: 'publish-load',
    payload: { loadId },
    id: publishJobId(loadId, load.attempt),
    children: [
      {
        job: 'roll-up-load',
        payload: { loadId },
        id: jobId('roll-up-load', loadId, load.attempt),
        children: files.map(
          ({ ordinal }): FlowStep => ({
            job: 'stage-file',
            payload: { loadId, ordinal },
            id: jobId('stage-file', loadId, ordinal, load.attempt),
            children: [],
          }),
        ),
      },
    ],
  });
}

/** The id of the flow's root: while it is waiting or active, the queue remembers the load. */
export function publishJobId(loadId: string, attempt: number): string {
  return jobId('publish-load', loadId, attempt);
}
