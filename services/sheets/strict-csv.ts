/**
 * Reads small CSV files that people keep (exchange rates, outcomes): every cell stays text, every fault has its line and column,
 * and a misspelt header gets a suggestion. Bills do not come this way; DuckDB reads those.
 */
import { CsvError, parse } from 'csv-parse/sync';
import type { InputFault } from '../kernel/errors.ts';
import { didYouMean } from '../organisation/suggestion.ts';

export interface CsvLayout {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Records at most, the header apart; a longer file is refused. */
  readonly rowsMax: number;
}

export interface CsvRow {
  /** The physical line the record begins on; the header is line 1. */
  readonly line: number;
  /** 1 for the first record after the header. */
  readonly record: number;
  /** By column name, trimmed; an absent optional column reads as empty. */
  readonly cells: Readonly<Record<string, string>>;
}

interface RawRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** The rows that could be read, and every fault of form. Callers refuse the file where there is one. */
export function readStrictCsv(name: string, text: string, layout: CsvLayout): { rows: CsvRow[]; faults: InputFault[] } {
  const records = parseRecords(name, text);
  if ('fault' in records) return { rows: [], faults: [records.fault] };
  const [header, ...body] = records.list;
  if (header === undefined) {
    return { rows: [], faults: [{ file: name, line: 1, reason: 'the file is empty', fix: headerFix(layout) }] };
  }
  const columns = header.record.map((cell) => cell.trim());
  const headerFaults = checkHeader(name, columns, layout);
  if (headerFaults.length > 0) return { rows: [], faults: headerFaults };
  if (body.length > layout.rowsMax) {
    const reason = `the file has ${body.length} rows, more than the ${layout.rowsMax} that are read at once`;
    return { rows: [], faults: [{ file: name, reason, fix: 'Import it in parts.' }] };
  }
  const faults: InputFault[] = [];
  const rows: CsvRow[] = [];
  for (const [index, { record, info }] of body.entries()) {
    const line = info.lines - countLineBreaks(record);
    if (record.length !== columns.length) {
      const reason = `the row has ${record.length} cells, the header ${columns.length}`;
      faults.push({
        file: name,
        line,
        record: index + 1,
        reason,
        fix: 'Put cells that hold a comma in double quotes.',
      });
      continue;
    }
    const cells = Object.fromEntries(columns.map((column, position) => [column, (record[position] ?? '').trim()]));
    rows.push({ line, record: index + 1, cells });
  }
  return { rows, faults };
}

function parseRecords(name: string, text: string): { list: RawRecord[] } | { fault: InputFault } {
  try {
    const options = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true } as const;
    return { list: parse(text, options) as unknown as RawRecord[] };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? { line: error['lines'] } : {};
    const reason = `not readable as CSV (${error.message})`;
    return { fault: { file: name, ...line, reason, fix: 'Save the sheet as CSV with commas and double quotes.' } };
  }
}

function checkHeader(name: string, columns: readonly string[], layout: CsvLayout): InputFault[] {
  const known = [...layout.required, ...layout.optional];
  if (columns.length === 1 && columns[0]?.includes(';') === true) {
    return [{ file: name, line: 1, reason: 'the cells are separated by semicolons', fix: 'Save it with commas.' }];
  }
  const missing = layout.required.filter((column) => !columns.includes(column));
  const unknown = columns.filter((column) => !known.includes(column));
  const repeated = columns.filter((column, index) => columns.indexOf(column) !== index);
  const at = { file: name, line: 1 };
  return [
    ...unknown.map((column) => {
      const fix = didYouMean(column, known) ?? headerFix(layout);
      return { ...at, column, reason: `"${column}" is not a column of this file`, fix };
    }),
    ...missing.map((column) => ({ ...at, column, reason: 'the column is missing', fix: headerFix(layout) })),
    ...repeated.map((column) => ({ ...at, column, reason: 'the column stands twice', fix: 'Keep one of them.' })),
  ];
}

function headerFix(layout: CsvLayout): string {
  return `The first line must name the columns ${[...layout.required, ...layout.optional].join(',')}.`;
}

function countLineBreaks(cells: readonly string[]): number {
  return cells.reduce((count, cell) => count + cell.split('\n').length - 1, 0);
}
