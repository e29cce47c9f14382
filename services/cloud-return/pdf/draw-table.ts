/** A table over as many pages as it needs: its head again on each, figures to the right, totals under a line. */
import type { PageTable } from '../pages/page-table.ts';
import { CONTENT_WIDTH, INK, PAGE, type Sheet, type TextStyle } from './sheet.ts';

const ROW_HEIGHT = 15;
const GAP = 8;
const SIZE = 8.5;
const NAME_WIDTH_MAX = 230;
const SHORT_ROWS_MAX = 24;

/** What a short table takes, so that it stands on one page; a long one begins where it may. */
export function tableRoom(table: PageTable | null): number {
  return table === null || table.rows.length > SHORT_ROWS_MAX ? 0 : ROW_HEIGHT * (table.rows.length + 1);
}

/** @param given.x, given.width where it stands; the page's whole width if absent. */
export function drawTable(sheet: Sheet, table: PageTable, given: { x?: number; width?: number } = {}): void {
  const { x = PAGE.left, width = CONTENT_WIDTH } = given;
  const columns = layOut(sheet, table, x, width);
  const cell = (text: string, index: number, style: TextStyle) => {
    const column = columns[index];
    if (column === undefined) return;
    sheet.line(
      text,
      { x: column.x, y: sheet.y + 3, width: column.width },
      { size: SIZE, align: table.figures.includes(index) ? 'right' : 'left', cut: 'middle', ...style },
    );
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
      if (sheet.ensure(ROW_HEIGHT) && hasHead) {
        sheet.artifact(() => table.heads.forEach((head, index) => cell(head, index, headStyle)));
        sheet.y += ROW_HEIGHT;
        sheet.artifact(() => rule(INK.quiet));
      }
      const isTotal = place >= table.rows.length - table.totals;
      if (isTotal) sheet.artifact(() => rule(INK.quiet));
      sheet.group(
        'TR',
        (line) => {
          for (const [index, text] of row.entries()) {
            sheet.tagged(index === 0 ? 'TH' : 'TD', () => cell(text, index, isTotal ? { face: 'bold' } : {}), line);
          }
        },
        group,
      );
      sheet.y += ROW_HEIGHT;
      if (!isTotal) sheet.artifact(() => rule(INK.band));
    }
  });
  sheet.y += 4;
}

/** Columns as wide as what they hold; what is left goes to the first, and it and other names give way where there is too little. */
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
  let left = x;
  return widths.map((one) => {
    const column = { x: left, width: one };
    left += one + GAP;
    return column;
  });
}
