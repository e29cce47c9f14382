/** A plain table for the terminal: no boxes, figures to the right, columns two blanks apart. */
import Table from 'cli-table3';
import { printableLine } from '../../services/kernel/obeyed-signs.ts';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

/**
 * Renders rows under their heads. Columns named in `figures` (by index) are aligned right; null is shown as `n/a`.
 * Control characters in foreign text are replaced, so that a bill cannot write to the terminal.
 */
export function textTable(
  heads: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  figures: readonly number[] = [],
): string {
  const table = new Table({
    head: [...heads],
    chars: NO_LINES,
    colAligns: heads.map((_, index) => (figures.includes(index) ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => (cell === null ? 'n/a' : printableLine(cell))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
