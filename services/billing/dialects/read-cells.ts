/** What every dialect writes many times over. */
import { literal } from '../duckdb-session.ts';
import type { FocusCell } from './dialect.ts';
import type { SourceCells } from './source-cells.ts';

/** A FOCUS column that is a column of the file, the first of these that holds something. */
export function read(cells: SourceCells, ...names: readonly string[]): FocusCell {
  return { sql: cells.text(...names), from: cells.find(...names) ?? names[0] ?? '' };
}

/** True where the cell is one of the values, whatever their case. */
export function isOneOf(cell: string, values: readonly string[]): string {
  return `(lower(${cell}) in (${values.map((value) => literal(value.toLowerCase())).join(', ')}))`;
}
