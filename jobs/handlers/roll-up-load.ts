/**
 * roll-up-load: all files are staged; proves that what arrived is what the files say, attributes the load's new origins and
 * rolls its charges up under the rulebook in force.
 */
import { attributeLoadOrigins } from '../../services/attribution/attribute-origins.ts';
import { rollUpLoad as rollUp } from '../../services/attribution/roll-up.ts';
import { currentRulebook } from '../../services/attribution/store-rulebook.ts';
import { finishStaging } from '../../services/billing/finish-staging.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { failingLoad } from '../load-progress.ts';

export async function rollUpLoad(payload: JobPayload<'roll-up-load'>, context: JobContext): Promise<void> {
  const { db } = context;
  const { loadId } = payload;
  const rulebook = await currentRulebook(db);
  let isAttributed = false;
  await failingLoad(context, loadId, 'staging', async () => {
    // Neither needs the other; rows of attribution are right whatever becomes of the load. Both have ended before either's failure counts.
    const [finished, attributed] = await Promise.allSettled([
      db.transaction().execute((trx) => finishStaging(trx, loadId)),
      db.transaction().execute((trx) => attributeLoadOrigins(trx, rulebook.id, loadId)),
    ]);
    if (finished.status === 'rejected') throw finished.reason;
    if (attributed.status === 'rejected') throw attributed.reason;
    isAttributed = true;
  });
  await failingLoad(context, loadId, 'staged', () =>
    db.transaction().execute(async (trx) => {
      if (!isAttributed) await attributeLoadOrigins(trx, rulebook.id, loadId);
      await rollUp(trx, loadId, rulebook.id);
    }),
  );
}
