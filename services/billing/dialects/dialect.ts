/**
 * A provider's own bill format and how its lines read as FOCUS. A dialect only writes SQL: one DuckDB expression for each FOCUS column
 * over the line's own cells, so that a bill of any size is translated in one pass and every amount stays the text its provider wrote.
 */
import type { DuckDbSession } from '../duckdb-session.ts';
import type { SourceCells } from './source-cells.ts';

/** What a file cannot tell about itself and its source knows. */
export interface DialectHint {
  /** Azure delivers the same usage twice, as billed and as amortised, under one header. */
  readonly dataset?: 'actual' | 'amortized';
  /** Of a file that names none: pay-as-you-go exports of Azure. */
  readonly currency?: string;
}

/** The currency of a file that names none, where its source does not either. */
export const CURRENCY_DEFAULT = 'USD';

/** How one FOCUS column is read. */
export interface FocusCell {
  /** A VARCHAR expression over the line's cells. */
  readonly sql: string;
  /** The column of the file that a fault in it is reported under. */
  readonly from?: string;
}

export interface SourceBill {
  /** The file's name, where it says what the lines do not. */
  readonly name: string;
  readonly session: DuckDbSession;
  readonly cells: SourceCells;
  /** `from …` over all lines, for a question that decides how to read them; its columns are those of `cells`. */
  lines(): string;
  readonly hint: DialectHint;
}

export interface Dialect {
  /** Part of the archived file's name: raise its number whenever the same file is translated differently. */
  readonly id: string;
  /** What messages call a file of it. */
  readonly title: string;
  /** The columns that may name the billing currency, of a format whose files may have none of them: the hint's is taken then. */
  readonly currency?: readonly string[];
  /** One group a line: a file of this dialect has at least one column of each. */
  readonly mandatory: readonly (readonly string[])[];
  /** True where the header, its columns folded, can be of no other format. */
  recognises(columns: ReadonlySet<string>): boolean;
  /** The FOCUS columns by name; those it leaves out are absent from the translation. `x_` columns are kept for reading only. */
  translate(bill: SourceBill): Promise<Readonly<Record<string, FocusCell>>>;
}
