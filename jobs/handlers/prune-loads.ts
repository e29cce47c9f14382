/** prune-loads: drops the charges of superseded loads, and the attribution of former rulebooks, that no report can ask for any more. */
import { listUnneededRulebooks, pruneRulebook } from '../../services/attribution/prune-rulebooks.ts';
import { dropLoadCharges } from '../../services/billing/charge-partition.ts';
import { listExpiredLoads } from '../../services/billing/list-expired-loads.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

export async function pruneLoads(_payload: JobPayload<'prune-loads'>, context: JobContext): Promise<void> {
  for (const loadId of await listExpiredLoads(context.db, context.clock.now())) {
    await dropLoadCharges(context.db, loadId);
    context.logger.info({ loadId }, 'the charges of a superseded load were dropped');
  }
  const now = context.clock.now();
  for (const rulebookId of await listUnneededRulebooks(context.db, now)) {
    const isPruned = await context.db.transaction().execute((trx) => pruneRulebook(trx, rulebookId, now));
    if (isPruned) context.logger.info({ rulebookId }, 'the attribution of a former rulebook was dropped');
  }
}
