/** stage-file: reads one file of a load into the load's own charge table. Done again it finds its mark and does nothing. */
import { join } from 'node:path';
import { stageFile as stageLoadFile } from '../../services/billing/stage-file.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { failingLoad } from '../load-progress.ts';

export async function stageFile(payload: JobPayload<'stage-file'>, context: JobContext): Promise<void> {
  await failingLoad(context, payload.loadId, 'staging', () =>
    stageLoadFile({
      databaseUrl: context.databaseUrl,
      loadId: payload.loadId,
      ordinal: payload.ordinal,
      workDir: join(context.settings.dataDir, 'work'),
      progress: context.progress,
      logger: context.logger,
      signal: context.signal,
    }),
  );
}
