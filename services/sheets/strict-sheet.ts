/**
 * Reads small files that people keep (exchange rates, outcomes), as CSV or as the grid of a workbook: every cell stays text, every fault
 * has its line and column, and a misspelt header gets a suggestion. Bills do not come this way; DuckDB reads those.
 */
import type { InputFault } from '../kernel/errors.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import { readCsv } from './read-csv.ts';
import type { SheetGrid } from './sheet-grid.ts';
import { columnLetters } from './xlsx-cells.ts';

export interface SheetLayout {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Records at most, the header apart; a longer file is refused. */
  readonly rowsMax: number;
}

export interface SheetRow {
  /** The physical line the record begins on, of a workbook its row; the header of a CSV is line 1. */
  readonly line: number;
  /** 1 for the first record after the header. */
  readonly record: number;
  /** By column name, trimmed; an absent optional column reads as empty. */
  readonly cells: Readonly<Record<string, string>>;
}

/** The text of a CSV, or a sheet that was read. */
export type SheetContent = string | SheetGrid;

/** The rows that could be read, and every fault of form. Callers refuse the file where there is one. */
export function readStrictSheet(
  name: string,
  content: SheetContent,
  layout: SheetLayout,
): { rows: SheetRow[]; faults: InputFault[] } {
  const { form, rows: records, faults: readingFaults } = typeof content === 'string' ? readCsv(name, content) : content;
  const [header, ...body] = records;
  if (header === undefined) {
    const empty = { file: name, line: 1, reason: 'the file is empty', fix: headerFix(layout) };
    return { rows: [], faults: readingFaults.length > 0 ? [...readingFaults] : [empty] };
  }
  const columns = header.cells.map((cell) => cell.trim());
  const headerFaults = checkHeader({ file: name, line: header.line }, columns, layout);
  if (headerFaults.length > 0) return { rows: [], faults: headerFaults };
  if (body.length > layout.rowsMax) {
    const reason = `the file has ${body.length} rows, more than the ${layout.rowsMax} that are read at once`;
    return { rows: [], faults: [{ file: name, reason, fix: 'Import it in parts.' }] };
  }
  const faults: InputFault[] = [...readingFaults];
  const rows: SheetRow[] = [];
  for (const [index, { cells: record, line }] of body.entries()) {
    const isRagged = form === 'csv' ? record.length !== columns.length : record.length > columns.length;
    if (isRagged) {
      const reason = `the row has ${record.length} cells, the header ${columns.length}`;
      const fix = form === 'csv' ? 'Put cells that hold a comma in double quotes.' : 'Name every column.';
      faults.push({ file: name, line, record: index + 1, reason, fix });
      continue;
    }
    const cells = Object.fromEntries(columns.map((column, position) => [column, (record[position] ?? '').trim()]));
    rows.push({ line, record: index + 1, cells });
  }
  return { rows, faults };
}

/** Faults of a workbook with the letter of their column, by which people find it: `amount (J)`. */
export function withLetters(content: SheetContent, faults: readonly InputFault[]): readonly InputFault[] {
  if (typeof content === 'string' || content.form === 'csv') return faults;
  const letters = new Map(content.rows[0]?.cells.map((cell, index) => [cell.trim(), columnLetters(index)]));
  return faults.map((fault) => {
    const letter = letters.get(fault.column ?? '');
    return letter === undefined ? fault : { ...fault, column: `${fault.column} (${letter})` };
  });
}

function checkHeader(
  at: { file: string; line: number },
  columns: readonly string[],
  layout: SheetLayout,
): InputFault[] {
  const known = [...layout.required, ...layout.optional];
  if (columns.length === 1 && columns[0]?.includes(';') === true) {
    return [{ ...at, reason: 'the cells are separated by semicolons', fix: 'Save it with commas.' }];
  }
  const missing = layout.required.filter((column) => !columns.includes(column));
  const unknown = columns.filter((column) => !known.includes(column));
  const repeated = columns.filter((column, index) => columns.indexOf(column) !== index);
  return [
    ...unknown.map((column) => {
      const fix = didYouMean(column, known) ?? 'Rename it, or take it out.';
      return { ...at, column, reason: `"${column}" is not a column of this file`, fix };
    }),
    ...missing.map((column) => ({ ...at, column, reason: 'the column is missing', fix: headerFix(layout) })),
    ...repeated.map((column) => ({ ...at, column, reason: 'the column stands twice', fix: 'Keep one of them.' })),
  ];
}

/** Of the many columns that may be there, those that must: the others would hide them. */
function headerFix({ required }: SheetLayout): string {
  return `The first line must name at least the columns ${required.join(',')}.`;
}
