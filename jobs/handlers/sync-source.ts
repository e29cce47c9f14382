/** sync-source: looks at what a source has delivered and starts a flow for every billing period that changed. */
import { dirname } from 'node:path';
import { listFolderSource } from '../../connectors/focus-files/list-folder-source.ts';
import { AppError } from '../../services/kernel/errors.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { enqueueLoad } from '../load-flow.ts';
import { receiveDelivery } from '../receive-delivery.ts';

export async function syncSource(payload: JobPayload<'sync-source'>, context: JobContext): Promise<void> {
  const { queue } = context;
  if (queue === undefined) throw new Error('sync-source runs in a worker; a command ingests inline');
  const loads = await receiveDelivery(context, {
    sourceId: payload.sourceId,
    paths: [await sourceFolder(context, payload.sourceId)],
    mayDropAccounts: payload.mayDropAccounts,
  });
  for (const load of loads) {
    if (!load.unchanged) await enqueueLoad(context, queue, load.loadId);
  }
}

/**
 * The folder of a configured source.
 * @throws AppError not_found for an unknown source, invalid_input for a kind this version cannot read by itself.
 */
export async function sourceFolder(context: Pick<JobContext, 'db' | 'settings'>, sourceId: string): Promise<string> {
  const source = await context.db
    .selectFrom('source')
    .select(['id', 'kind', 'settings'])
    .where('id', '=', sourceId)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (source === undefined) {
    throw new AppError(
      'not_found',
      `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
    );
  }
  return listFolderSource(source, dirname(context.settings.configPath));
}
