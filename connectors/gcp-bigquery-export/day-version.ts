/** The mark of what one day of an export has of one invoice month, kept with the file that was fetched of it. */
import type { IsoDate } from '../../services/kernel/period.ts';

/** What a day of an invoice month is made of. */
export interface DayContent {
  readonly rows: number;
  /** Of its newest row, in microseconds; text, as all of these are only compared. */
  readonly exportedMicros: string;
  readonly sum: string;
}

export interface KnownDay extends DayContent {
  readonly month: string;
  readonly day: IsoDate;
  readonly version: string;
  /** When its partition had changed last, in microseconds; 0 where nobody could tell. */
  readonly changedMicros: string;
}

const VERSION = /^(\d+) rows of ([-+.0-9eE]*), exported (\d*), changed (\d+)$/;
const KEY = /^(.+)\/(\d{4}-\d{2})\/(\d{4}-\d{2}-\d{2})$/;

export function versionOf({ rows, exportedMicros, sum }: DayContent, changedMicros: string): string {
  return `${rows} rows of ${sum}, exported ${exportedMicros}, changed ${changedMicros}`;
}

/** Names the table too: another export of the same account has other rows under the same days. */
export function keyOf(tableId: string, month: string, day: IsoDate): string {
  return `${tableId}/${month}/${day}`;
}

/** Null for a file of another table, or of another form of these. */
export function readKnownDay(tableId: string, key: string, version: string | null): KnownDay | null {
  const [, table, month, day] = KEY.exec(key) ?? [];
  const [, rows, sum, exportedMicros, changedMicros] = VERSION.exec(version ?? '') ?? [];
  if (table !== tableId || month === undefined || day === undefined || version === null) return null;
  if (sum === undefined || exportedMicros === undefined || changedMicros === undefined) return null;
  return { month, day, version, rows: Number(rows), sum, exportedMicros, changedMicros };
}
