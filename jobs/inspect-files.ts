/** Reads and checks the bills of some paths into the archive, one after the other: the first thing done with any delivery. */
import { join, resolve, sep } from 'node:path';
import { discoverBillFiles } from '../services/billing/discover-files.ts';
import type { DialectHint } from '../services/billing/dialects/dialect.ts';
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
  hint: DialectHint = {},
): Promise<InspectedFile[]> {
  const inspected: InspectedFile[] = [];
  // The archive may lie below a folder of bills; what the product itself put there is no delivery.
  const archive = `${resolve(context.settings.archiveDir)}${sep}`;
  const files = await discoverBillFiles(paths);
  for (const { path, name } of files.filter((file) => !resolve(file.path).startsWith(archive))) {
    inspected.push(
      await inspectBill({
        path,
        name,
        archiveDir: context.settings.archiveDir,
        workDir: join(context.settings.dataDir, 'work'),
        progress: context.progress,
        logger: context.logger,
        signal: context.signal,
        hint,
      }),
    );
  }
  return inspected;
}
