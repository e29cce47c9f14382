/**
 * A bridge as a waterfall that lies on its side: one bar a step, each beginning where the one before ended, so that long names and figures have
 * room. The axis need not begin at nothing, for the steps are small beside the quarters; it says where it begins.
 */
import { add, compare, type Decimal, decimal, isZero, ratio, subtract, ZERO } from '../../kernel/decimal.ts';
import type { Bridge } from '../bridge.ts';
import { bridgeFigures } from '../pages/bridge-pages.ts';
import { asFigure, isNegative, signed } from '../pages/page-table.ts';
import type { CostStep } from '../cost-bridge.ts';
import type { ValueStep } from '../value-bridge.ts';
import { partOf, STEP_NAMES } from '../wording.ts';
import { CONTENT_WIDTH, INK, PAGE, type Sheet } from './sheet.ts';

const ROW_HEIGHT = 19;
const BAR_HEIGHT = 11;
const NAME_WIDTH = 138;
const FIGURE_WIDTH = 76;
const PLOT = { x: PAGE.left + NAME_WIDTH + 8, width: CONTENT_WIDTH - NAME_WIDTH - FIGURE_WIDTH - 20 };
const PLACES = 6;
/** Before the lowest point the axis has the span of the steps divided by this. */
const MARGIN = decimal('3');

interface Bar {
  readonly name: string;
  readonly figure: string;
  /** Null: from the axis' begin, a whole quarter. */
  readonly from: Decimal | null;
  readonly to: Decimal;
}

/** What a bridge of so many steps takes, its heading included. */
export function waterfallRoom(steps: number): number {
  return ROW_HEIGHT * (steps + 2) + 70;
}

/** Draws a bridge; its table is read out, its picture described. `welcomes`: which way is good news, more value or less cost. */
export function drawWaterfall(
  sheet: Sheet,
  bridge: Bridge<CostStep | ValueStep>,
  given: { period: string; currency: string; places: number; welcomes: 'more' | 'less' },
): void {
  const bars = barsOf(bridge, given.period, given.places);
  const scale = scaleOf(bars);
  sheet.ensure(ROW_HEIGHT * bars.length + 24);
  sheet.artifact(() => drawBars(sheet, bars, { ...scale, welcomes: given.welcomes }));
  sheet.group('Table', (table) => {
    for (const [index, bar] of bars.entries()) {
      const y = sheet.y + index * ROW_HEIGHT + 3;
      const isWhole = bar.from === null;
      const style = { size: 8.5, face: isWhole ? 'bold' : 'regular' } as const;
      sheet.group(
        'TR',
        (row) => {
          sheet.tagged('TH', () => sheet.line(bar.name, { x: PAGE.left, y, width: NAME_WIDTH }, style), row);
          const x = PAGE.width - PAGE.right - FIGURE_WIDTH;
          sheet.tagged(
            'TD',
            () => sheet.line(bar.figure, { x, y, width: FIGURE_WIDTH }, { ...style, align: 'right', cut: 'never' }),
            row,
          );
        },
        table,
      );
    }
  });
  sheet.y += ROW_HEIGHT * bars.length + 4;
  const begin = isNegative(scale.start) ? ZERO : scale.start;
  sheet.paragraph(
    `${given.currency}. Bars begin at ${asFigure(begin, given.places)}${isZero(begin) ? '' : ', not at nothing'}.`,
    { size: 7.5, ink: INK.quiet },
  );
}

function barsOf(bridge: Bridge<CostStep | ValueStep>, period: string, places: number): Bar[] {
  const { amounts, closing } = bridgeFigures(bridge, places);
  let reached = bridge.opening;
  const steps = bridge.steps.map(({ step, amount }, index): Bar => {
    const from = reached;
    reached = add(reached, amount);
    return { name: STEP_NAMES[step], figure: signed(amounts[index + 1] ?? ''), from, to: reached };
  });
  return [
    { name: partOf(bridge.from, bridge.through), figure: amounts[0] ?? '', from: null, to: bridge.opening },
    ...steps,
    { name: period, figure: closing, from: null, to: bridge.closing },
  ];
}

/** From a margin below the lowest point, or from nothing where that is near or crossed, to the highest; below nothing there is no margin. */
function scaleOf(bars: readonly Bar[]): { start: Decimal; span: Decimal } {
  const points = bars.map(({ to }) => to);
  const low = points.reduce((one, other) => (compare(one, other) < 0 ? one : other));
  const highest = points.reduce((one, other) => (compare(one, other) > 0 ? one : other));
  const high = isNegative(highest) ? ZERO : highest;
  const span = subtract(high, low);
  const padded = subtract(low, isZero(span) ? low : decimal(ratio(span, MARGIN, PLACES)));
  const start = isNegative(low) ? low : isNegative(padded) ? ZERO : padded;
  const whole = subtract(high, start);
  return { start, span: isZero(whole) ? decimal('1') : whole };
}

function drawBars(
  sheet: Sheet,
  bars: readonly Bar[],
  { start, span, welcomes }: { start: Decimal; span: Decimal; welcomes: 'more' | 'less' },
): void {
  const { document } = sheet;
  const at = (point: Decimal) => PLOT.x + Number(ratio(subtract(point, start), span, PLACES)) * PLOT.width;
  // A whole quarter's bar begins at nothing where the axis crosses it.
  const origin = isNegative(start) ? at(ZERO) : PLOT.x;
  for (const [index, { from, to }] of bars.entries()) {
    const y = sheet.y + index * ROW_HEIGHT + 3;
    const [one, other] = [from === null ? origin : at(from), at(to)];
    const change = from === null ? ZERO : subtract(to, from);
    const isGood = isNegative(change) === (welcomes === 'less');
    const ink = from === null ? INK.accent : isGood ? INK.good : INK.bad;
    if (from === null || !isZero(change)) {
      document.rect(Math.min(one, other), y, Math.max(Math.abs(other - one), 0.75), BAR_HEIGHT).fill(ink);
    }
    if (index < bars.length - 1) {
      // Through rows that moved nothing as well.
      document
        .moveTo(other, from !== null && isZero(change) ? y : y + BAR_HEIGHT)
        .lineTo(other, y + ROW_HEIGHT)
        .lineWidth(0.5)
        .strokeColor(INK.quiet)
        .stroke();
    }
  }
  document
    .moveTo(origin, sheet.y)
    .lineTo(origin, sheet.y + ROW_HEIGHT * bars.length)
    .lineWidth(0.5)
    .strokeColor(INK.rule)
    .stroke();
}
