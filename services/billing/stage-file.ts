/** Stages one file of a load in a child process. */
import type { Logger } from '../kernel/ports.ts';
import { type ChildRun, runInChild } from './run-in-child.ts';

export interface StageFileOptions extends ChildRun {
  readonly databaseUrl: string;
  readonly loadId: string;
  readonly ordinal: number;
  /** Where staging makes a folder of its own for as long as it takes. */
  readonly workDir: string;
  readonly logger: Logger;
}

/**
 * Sums the file's lines of the load's billing period to charges and stores them in `charge_<load>`, with new origins, the file's own
 * sums and its mark, in one transaction. Idempotent; may be killed anywhere and run again, also by two at once.
 * @throws AppError not_found, conflict (the load is beyond staging), bill_unreadable (the archive is gone); TransientError.
 */
export async function stageFile(options: StageFileOptions): Promise<void> {
  const { databaseUrl, loadId, ordinal, workDir, logger } = options;
  const { staged } = await runInChild('stage', { databaseUrl, loadId, ordinal, workDir }, options);
  logger.info({ loadId, ordinal, staged }, staged ? 'file staged' : 'file was staged before');
}
