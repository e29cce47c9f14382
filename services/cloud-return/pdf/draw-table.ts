/** A table over as many pages as it needs: its head again on each, figures to the right and never cut, names wrapped, totals under a line. */
import type { PageTable } from '../pages/page-table.ts';
import { CONTENT_WIDTH, INK, PAGE, type Sheet, type TextStyle } from './sheet.ts';

const ROW_HEIGHT = 15;
const GAP = 8;
const SIZE = 8.5;
const NAME_WIDTH_MAX = 230;
/** Of a name that has no room beside its figures; what goes beyond is cut in the middle. */
const NAME_LINES_MAX = 3;
const SHORT_ROWS_MAX = 24;

/** What a short table takes, so that it stands on one page; a long one begins where it may. */
export function tableRoom(table: PageTable | null): number {
  return table === null || table.rows.length > SHORT_ROWS_MAX ? 0 : ROW_HEIGHT * (table.rows.length + 1);
}

/** @param given.x, given.width where it stands; the page's whole width if absent. given.linesMax of names. */
export function drawTable(
  sheet: Sheet,
  table: PageTable,
  given: { x?: number; width?: number; linesMax?: number } = {},
): void {
  const { x = PAGE.left, width = CONTENT_WIDTH, linesMax = NAME_LINES_MAX } = given;
  const columns = layOut(sheet, table, x, width);
  const cell = (text: string, index: number, style: TextStyle) => {
    const column = columns[index];
    if (column === undefined) return;
    const box = { x: column.x, y: sheet.y + 3, width: column.width };
    if (table.figures.includes(index)) sheet.line(text, box, { size: SIZE, align: 'right', cut: 'never', ...style });
    else sheet.lines(text, { ...box, linesMax }, { size: SIZE, cut: 'middle', ...style });
  };
  const heightOf = (row: readonly string[], style: TextStyle) => {
    const heights = row.map((text, index) =>
      table.figures.includes(index)
        ? 0
        : sheet.heightOf(text, { width: columns[index]?.width ?? 0, linesMax }, { size: SIZE, ...style }),
    );
    return Math.max(ROW_HEIGHT, ...heights.map((height) => Math.floor(height + 2)));
  };
  const rule = (ink: string) =>
    sheet.document
      .moveTo(x, sheet.y)
      .lineTo(x + width, sheet.y)
      .lineWidth(0.5)
      .strokeColor(ink)
      .stroke();
  const headStyle = { face: 'bold', size: 7.5, ink: INK.quiet } as const;
  const hasHead = table.heads.some((head) => head !== '');

  sheet.ensure(ROW_HEIGHT * 3);
  sheet.group('Table', (group) => {
    if (hasHead) {
      sheet.group(
        'TR',
        (row) => {
          for (const [index, head] of table.heads.entries())
            sheet.tagged('TH', () => cell(head, index, headStyle), row);
        },
        group,
      );
      sheet.y += ROW_HEIGHT;
      sheet.artifact(() => rule(INK.quiet));
    }
    for (const [place, row] of table.rows.entries()) {
      const isTotal = place >= table.rows.length - table.totals;
      const style = isTotal ? ({ face: 'bold' } as const) : {};
      const height = heightOf(row, style);
      if (sheet.ensure(height) && hasHead) {
        sheet.artifact(() => table.heads.forEach((head, index) => cell(head, index, headStyle)));
        sheet.y += ROW_HEIGHT;
        sheet.artifact(() => rule(INK.quiet));
      }
      if (isTotal) sheet.artifact(() => rule(INK.quiet));
      sheet.group(
        'TR',
        (line) => {
          for (const [index, text] of row.entries()) {
            sheet.tagged(index === 0 ? 'TH' : 'TD', () => cell(text, index, style), line);
          }
        },
        group,
      );
      sheet.y += height;
      if (!isTotal) sheet.artifact(() => rule(INK.band));
    }
  });
  sheet.y += 4;
}

/** Columns as wide as what they hold; what is left goes to the first. Where there is too little names give way, and then the figures' size. */
function layOut(
  sheet: Sheet,
  { heads, rows, figures }: PageTable,
  x: number,
  width: number,
): { x: number; width: number }[] {
  const { document } = sheet;
  const widths = heads.map((head, index) => {
    document.font('bold').fontSize(7.5);
    const headWidth = document.widthOfString(head);
    document.font('bold').fontSize(SIZE);
    const widest = Math.max(headWidth, ...rows.map((row) => document.widthOfString(row[index] ?? '')));
    return Math.ceil(figures.includes(index) ? widest : Math.min(widest, NAME_WIDTH_MAX)) + 1;
  });
  const gaps = GAP * (heads.length - 1);
  let missing = widths.reduce((sum, one) => sum + one, gaps) - width;
  const texts = widths.map((one, index) => ({ index, one })).filter(({ index }) => !figures.includes(index));
  if (missing <= 0) widths[0] = (widths[0] ?? 0) - missing;
  for (const { index, one } of texts.sort((left, right) => right.one - left.one)) {
    if (missing <= 0) break;
    const cut = Math.min(missing, one / 2);
    widths[index] = one - cut;
    missing -= cut;
  }
  if (missing > 0) {
    const shown = figures.reduce((sum, index) => sum + (widths[index] ?? 0), 0);
    for (const index of figures) widths[index] = (widths[index] ?? 0) * (1 - missing / shown);
  }
  let left = x;
  return widths.map((one) => {
    const column = { x: left, width: one };
    left += one + GAP;
    return column;
  });
}
