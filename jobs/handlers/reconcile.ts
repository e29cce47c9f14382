/**
 * reconcile: finds the work that PostgreSQL says is due and the queue forgot (it was emptied, a flow failed half-way, a command
 * died), and reminds the queue of it. A load that a living command works on is held by that command's advisory lock.
 */
import { sql } from 'kysely';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { enqueueLoad, publishJobId } from '../load-flow.ts';
import { LOAD_LOCK_CLASS } from '../../services/kernel/advisory-locks.ts';

/** More than this many at once are left for the next run, a minute later. */
const LOADS_PER_RUN_MAX = 500;

export async function reconcile(_payload: JobPayload<'reconcile'>, context: JobContext): Promise<void> {
  const { queue } = context;
  if (queue === undefined) throw new Error('reconcile runs in a worker');
  const unfinished = await context.db
    .selectFrom('load')
    .select(['id', 'attempt'])
    .where('state', 'in', ['staging', 'staged'])
    .orderBy('id')
    .limit(LOADS_PER_RUN_MAX)
    .execute();
  for (const load of unfinished) {
    const state = await queue.state('publish-load', publishJobId(load.id, load.attempt));
    if (state === 'waiting' || state === 'active') continue;
    const isFree = await context.db.transaction().execute(async (trx) => {
      const lock = await sql<{
        taken: boolean;
      }>`select pg_try_advisory_xact_lock(${LOAD_LOCK_CLASS}, ${Number(load.id)}) as taken`.execute(trx);
      if (lock.rows[0]?.taken !== true) return false;
      // A new attempt only where the old ids are used up: an absent job's id is still good.
      if (state !== 'absent') {
        await trx
          .updateTable('load')
          .set({ attempt: load.attempt + 1 })
          .where('id', '=', load.id)
          .where('attempt', '=', load.attempt)
          .execute();
      }
      return true;
    });
    if (!isFree) continue;
    await enqueueLoad(context, queue, load.id);
    context.logger.warn({ loadId: load.id, state }, 'the queue had forgotten an unfinished load; it was reminded');
  }
}
