/** Inspects one delivered file in a child process: archive, checks, billing periods. */
import type { Logger } from '../kernel/ports.ts';
import type { DialectHint } from './dialects/dialect.ts';
import type { InspectedFile } from './inspected-file.ts';
import { type ChildRun, runInChild } from './run-in-child.ts';

export type { InspectedFile };

export interface InspectBillOptions extends ChildRun {
  readonly path: string;
  /** What messages and reports call the file. */
  readonly name: string;
  readonly archiveDir: string;
  /** Where the inspection makes a folder of its own for as long as it takes. */
  readonly workDir: string;
  /** What its source knows and the file does not say. */
  readonly hint?: DialectHint;
  readonly logger: Logger;
}

/**
 * Copies the file into the archive under its SHA-256 (CSV as Parquet with every cell as text, in file order; delivered Parquet as it
 * came) and checks every line.
 * @throws AppError invalid_bill (missing columns, faulty lines: `faults`, their number in `details.faultCount`), bill_unreadable (no CSV,
 * cut off, not UTF-8, a line without end) or bill_changed_while_read. Nothing is kept that a later run would trip over.
 */
export async function inspectBill(options: InspectBillOptions): Promise<InspectedFile> {
  const { path, name, archiveDir, workDir, hint, logger } = options;
  const given = { path, name, archiveDir, workDir, ...(hint === undefined ? {} : { hint }) };
  const file = await runInChild('inspect', given, options);
  logger.info(
    { file: file.name, sha256: file.sha256, rows: file.rowCount, periods: file.periods.length },
    'bill inspected',
  );
  return file;
}
