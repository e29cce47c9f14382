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

/** What a whole table is of, which every row of it says again once the table is cut out of its report. */
export interface TableFrame {
  readonly period?: { readonly id: string };
  readonly currency?: string;
  readonly state?: string;
  /** Null while the period is open, and for closed days without a statement of their own. */
  readonly statementId?: string | null;
}

/** The table with a column at its end for each of these that it has none of. */
export function framed({ name, head, rows }: ReportTable, frame: TableFrame): ReportTable {
  const facts: readonly (readonly [column: string, cell: Cell | undefined])[] = [
    ['period', frame.period?.id],
    ['currency', frame.currency],
    ['state', frame.state],
    ['statement', frame.statementId === undefined ? undefined : { figure: frame.statementId }],
  ];
  const added = facts.flatMap(([column, cell]) =>
    cell === undefined || head.includes(column) ? [] : [{ column, cell }],
  );
  return {
    name,
    head: [...head, ...added.map(({ column }) => column)],
    rows: rows.map((row) => [...row, ...added.map(({ cell }) => cell)]),
  };
}

/** RFC 4180 (CRLF, quotes doubled). A text that a spreadsheet would run as a formula is defused with an apostrophe. Null is an empty cell. */
export function csvOf({ head, rows }: ReportTable): string {
  return [head.map(toText).join(','), ...rows.map((row) => row.map(toText).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}

/** Spreadsheets run what begins with one of these, in East Asian editions the wide ones too, after blanks as well (a bill's tags are anybody's text). */
export function looksLikeFormula(text: string): boolean {
  return /^\s*[=+\-@＝＋－＠\t\r]/.test(text);
}

function toText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell.figure ?? '');
  const text = looksLikeFormula(cell) ? `'${cell}` : cell;
  // Where commas are decimal, spreadsheets part cells at semicolons as well: what comes after one would begin a cell.
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
