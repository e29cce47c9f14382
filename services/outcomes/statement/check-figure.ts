/** What a number may be at most: more digits than any amount has are a slip, and make tables that nobody can read. */
import type { Decimal } from '../../kernel/decimal.ts';

const DIGITS_BEFORE_POINT = 18;
const DIGITS_AFTER_POINT = 30;

/** Why it is not taken; null where it is. */
export function faultOfFigure(figure: Decimal): { readonly reason: string; readonly fix: string } | null {
  const [before = '', after = ''] = figure.replace('-', '').split('.');
  if (before.length <= DIGITS_BEFORE_POINT && after.length <= DIGITS_AFTER_POINT) return null;
  return {
    reason: `the number has ${before.length} digits before the point and ${after.length} after it`,
    fix: `Give at most ${DIGITS_BEFORE_POINT} before and ${DIGITS_AFTER_POINT} after the point.`,
  };
}
