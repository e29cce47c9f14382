/** Reads and checks the bills of some paths into the archive, one after the other: the first thing done with any delivery. */
import { join } from 'node:path';
import { discoverBillFiles } from '../services/billing/discover-files.ts';
import { inspectBill } from '../services/billing/inspect-bill.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import type { JobContext } from './job-context.ts';

/**
 * Needs no database.
 * @throws AppError invalid_bill and its kin, with every fault located.
 */
export async function inspectFiles(
  paths: readonly string[],
  context: Pick<JobContext, 'settings' | 'logger' | 'progress' | 'signal'>,
): Promise<InspectedFile[]> {
  const inspected: InspectedFile[] = [];
  for (const { path, name } of await discoverBillFiles(paths)) {
    inspected.push(
      await inspectBill({
        path,
        name,
        archiveDir: context.settings.archiveDir,
        workDir: join(context.settings.dataDir, 'work'),
        progress: context.progress,
        logger: context.logger,
        signal: context.signal,
      }),
    );
  }
  return inspected;
}
