/** publish-load: makes a rolled-up load current in one small transaction, then asks for the alerts it caused to be delivered. */
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad as publish } from '../../services/billing/publish-load.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { failingLoad } from '../load-progress.ts';
import { watchFigures } from '../watch-figures.ts';

export async function publishLoad(payload: JobPayload<'publish-load'>, context: JobContext): Promise<void> {
  const { loadId } = payload;
  await failingLoad(context, loadId, 'staged', async () => {
    await attachLoad(context.db, loadId);
    const published = await publish(context.db, loadId, { at: context.clock.now(), principal: context.principal });
    context.logger.info({ loadId, ...published }, 'load published');
  });
  try {
    await watchFigures(context, true);
  } catch (error) {
    // The bill is published; the hourly job looks again.
    context.logger.error({ err: error, loadId }, 'drift and late sources could not be looked for');
  }
  await context.queue?.add('deliver-alert', {});
}
