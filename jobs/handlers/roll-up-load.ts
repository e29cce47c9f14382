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
  const { loadId } = payload;
  await failingLoad(context, loadId, 'staging', () =>
    context.db.transaction().execute((trx) => finishStaging(trx, loadId)),
  );
  await failingLoad(context, loadId, 'staged', async () => {
    const rulebook = await currentRulebook(context.db);
    await context.db.transaction().execute(async (trx) => {
      await attributeLoadOrigins(trx, rulebook.id, loadId);
      await rollUp(trx, loadId, rulebook.id);
    });
  });
}
