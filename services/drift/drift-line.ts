/** The rule of slow drift in figures: three weeks against eight, above 8 %. */
import { compare, type Decimal, decimal, multiply, ZERO } from '../kernel/decimal.ts';

export const TRAILING_DAYS = 21;
export const BASELINE_DAYS = 56;

/** Above it is drift. */
export const DRIFT_LINE = decimal('0.08');
const OPENS_ABOVE = decimal('1.08');
/** An open one ends here: a pod at the line is not found anew every other day. */
const CLOSES_AT = decimal('1.05');

/** Whether a pod's median week shows drift; one that is open stays so down to the lower line. */
export function isDrifting(perWeek: Decimal, baseline: Decimal, isOpen: boolean): boolean {
  // Nothing is 8 % above nothing.
  if (compare(baseline, ZERO) <= 0) return false;
  return compare(perWeek, multiply(baseline, isOpen ? CLOSES_AT : OPENS_ABOVE)) > 0;
}
