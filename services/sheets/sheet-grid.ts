/** A sheet as it was read, from a CSV or a workbook: texts by row, and what could not be read as one. */
import type { InputFault } from '../kernel/errors.ts';

export interface SheetRecord {
  /** The physical line it begins on, of a workbook its row. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface SheetGrid {
  readonly form: 'csv' | 'workbook';
  /** Without those that are empty. */
  readonly rows: readonly SheetRecord[];
  /** What cells, or the whole, cannot be read as. */
  readonly faults: readonly InputFault[];
}
