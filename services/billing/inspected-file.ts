/** What inspection found out about a delivered file: the input of registering a delivery. */
import type { BillPeriod } from './check-lines.ts';
import type { BillFormat } from './discover-files.ts';

export interface InspectedFile {
  readonly name: string;
  /** Of the file as delivered, in hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly format: BillFormat;
  readonly focusVersion: string;
  readonly rowCount: number;
  readonly archivePath: string;
  /** Ascending; empty for a file that has only a header. */
  readonly periods: readonly BillPeriod[];
}
