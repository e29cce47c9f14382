/** How figures are written in a terminal: thousands set apart, shares as per cent, long names cut. */
import { multiply, type Decimal, decimal, roundForPresentation } from '../../services/kernel/decimal.ts';

/** The width that a table must not exceed. */
export const TABLE_WIDTH_MAX = 120;

/** `"-1234567.89"` → `"-1,234,567.89"`. */
export function withThousands(figure: string): string {
  const [whole = '', fraction] = figure.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** One figure that stands alone, at two decimals. */
export function asMoney(figure: Decimal): string {
  return withThousands(roundForPresentation(figure, 2));
}

/** `"0.8840"` → `"88.4 %"`; `n/a` for null. */
export function asPercent(ratio: string | null): string {
  if (ratio === null) return 'n/a';
  return `${withThousands(roundForPresentation(multiply(decimal(ratio), decimal('100')), 1))} %`;
}

/** `"2.3100"` → `"2.31"`; `n/a` for null. */
export function asReturn(ratio: string | null): string {
  return ratio === null ? 'n/a' : withThousands(roundForPresentation(decimal(ratio), 2));
}

/** Cuts a text to a width, with `…` where something is missing. */
export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
