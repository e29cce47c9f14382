/** Rungs against a figure: the highest one reached, the one still standing while a figure falls, and which of two is higher. */
import { compare, type Decimal, decimal, multiply, subtract } from '../kernel/decimal.ts';
import type { EnvelopeState } from './state-machine.ts';

/** A rung is left for good below itself minus this: 79 % and 81 % by turns are one crossing. */
const CLEAR_MARGIN = decimal('0.05');
const NO_MARGIN = decimal('0');
/** The rung that says the limit is reached: never hidden. */
export const LIMIT = decimal('1');

interface Figures {
  readonly actual: Decimal;
  readonly limit: Decimal;
  readonly rungs: readonly Decimal[];
}

/** The rung that the scope has heard of: what is held it has not. */
export function toldRung({ held, spokenRung }: EnvelopeState): Decimal | null {
  return held === null ? spokenRung : held.told;
}

/** The highest rung that the figure has reached. */
export function reachedRung(figures: Figures): Decimal | null {
  return figures.rungs.findLast((rung) => isAtLeast(figures, rung, NO_MARGIN)) ?? null;
}

/** The highest rung up to the spoken one that is not below its clear line. */
export function standingRung(spoken: Decimal, figures: Figures): Decimal | null {
  const candidates = [...figures.rungs.filter((rung) => compare(rung, spoken) < 0), spoken];
  return candidates.findLast((rung) => isAtLeast(figures, rung, CLEAR_MARGIN)) ?? null;
}

function isAtLeast({ actual, limit }: Figures, rung: Decimal, margin: Decimal): boolean {
  return isAtShare(actual, limit, subtract(rung, margin));
}

export function isAtShare(actual: Decimal, limit: Decimal, share: Decimal): boolean {
  return compare(actual, multiply(limit, share)) >= 0;
}

export function isAbove(rung: Decimal, other: Decimal | null): boolean {
  return other === null || compare(rung, other) > 0;
}

export function higher(left: Decimal | null, right: Decimal | null): Decimal | null {
  if (left === null) return right;
  return isAbove(left, right) ? left : right;
}
