/** What inspection found out about a delivered file: the input of registering a delivery. */
import type { BillPeriod } from './check-lines.ts';
import type { BillFormat } from './discover-files.ts';

export interface InspectedFile {
  readonly name: string;
  /** Of the file as delivered, in hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly format: BillFormat;
  /** The bill format that was delivered: `focus`, or a provider's own such as `aws-cur`; absent: found out by an earlier version. */
  readonly dialect?: string;
  /** The currency of a file that names none, where that is the case. */
  readonly assumedCurrency?: string;
  readonly focusVersion: string;
  readonly rowCount: number;
  readonly archivePath: string;
  /** Ascending; empty for a file that has only a header. */
  readonly periods: readonly BillPeriod[];
}
