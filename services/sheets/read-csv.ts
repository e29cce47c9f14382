/** Reads a CSV as texts by row; what is no CSV, or not in UTF-8, is a fault with its line. */
import { CsvError, parse } from 'csv-parse/sync';
import type { SheetGrid } from './sheet-grid.ts';

/** What a decoder puts where bytes are no UTF-8: the letter that stood there is lost. */
const LOST = '\uFFFD';

export function readCsv(name: string, text: string): SheetGrid {
  const lostAt = text.indexOf(LOST);
  if (lostAt !== -1) {
    const line = countLineBreaks(text.slice(0, lostAt)) + 1;
    const reason = 'the file is not in UTF-8, so that letters are lost';
    return faulty({ file: name, line, reason, fix: 'Save it as "CSV UTF-8", or as .xlsx.' });
  }
  try {
    const options = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true } as const;
    const parsed = parse(text, options) as unknown as { record: readonly string[]; info: { lines: number } }[];
    const rows = parsed.map(({ record: cells, info }) => ({
      line: info.lines - cells.reduce((count, cell) => count + countLineBreaks(cell), 0),
      cells,
    }));
    return { form: 'csv', rows, faults: [] };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? { line: error['lines'] } : {};
    const reason = `not readable as CSV (${error.message})`;
    return faulty({ file: name, ...line, reason, fix: 'Save the sheet as CSV with commas and double quotes.' });
  }
}

function faulty(fault: SheetGrid['faults'][number]): SheetGrid {
  return { form: 'csv', rows: [], faults: [fault] };
}

function countLineBreaks(text: string): number {
  return text.split('\n').length - 1;
}
