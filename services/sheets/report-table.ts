/**
 * A report as a table: what CSV and XLSX are printed from, so that both say the same. Figures stay exact decimal text; anything that is
 * not ours is text and stays text.
 */

/** A figure, a date or an id of ours; or foreign text; or nothing. */
export type Cell = { readonly figure: string | number | null } | string | null;

export interface ReportTable {
  /** Of the sheet; up to 31 letters, digits, blanks and hyphens. */
  readonly name: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export function figures(...values: readonly (string | number | null)[]): Cell[] {
  return values.map((figure) => ({ figure }));
}

/** RFC 4180 (CRLF, quotes doubled). A text that a spreadsheet would run as a formula is defused with an apostrophe. Null is an empty cell. */
export function csvOf({ head, rows }: ReportTable): string {
  return [head.map(toText).join(','), ...rows.map((row) => row.map(toText).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}

function toText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell.figure ?? '');
  // Spreadsheets run what begins with one of these, blanks before it included (a bill's tags are anybody's text).
  const text = /^\s*[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
