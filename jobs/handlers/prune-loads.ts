/** prune-loads: drops the charges of superseded loads that no report can ask for any more. */
import { dropLoadCharges } from '../../services/billing/charge-partition.ts';
import { listExpiredLoads } from '../../services/billing/list-expired-loads.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

export async function pruneLoads(_payload: JobPayload<'prune-loads'>, context: JobContext): Promise<void> {
  for (const loadId of await listExpiredLoads(context.db, context.clock.now())) {
    await dropLoadCharges(context.db, loadId);
    context.logger.info({ loadId }, 'the charges of a superseded load were dropped');
  }
}
