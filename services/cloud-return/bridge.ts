/**
 * A bridge from one quarter's figure to the next's: an opening, named steps and a closing that add up exactly. Whatever makes a bridge
 * ends here, where that is checked: one that does not hold is a bug and is never shown.
 */
import assert from 'node:assert/strict';
import type { IsoDate } from '../kernel/period.ts';
import { add, type Decimal, isZero, multiply, subtract, sum, ZERO } from '../kernel/decimal.ts';

export interface BridgeStep<Name extends string = string> {
  readonly step: Name;
  readonly amount: Decimal;
  /** What it moved between pods, of which the total shows nothing; null where that is not assessed, absent where it cannot be. */
  readonly moved?: Decimal | null;
  readonly drivers: readonly { readonly name: string; readonly amount: Decimal }[];
}

export interface Bridge<Name extends string = string> {
  /** The quarter it leads from. */
  readonly from: string;
  /** The last of that quarter's days where it leads from as many as the later one has; absent: from all of them. */
  readonly through?: IsoDate;
  readonly opening: Decimal;
  readonly steps: readonly BridgeStep<Name>[];
  readonly closing: Decimal;
  /** closing − opening − steps: always 0. */
  readonly residual: Decimal;
  /** What other currencies were valued at in every step but FX. */
  readonly rates: readonly { readonly currency: string; readonly rate: Decimal }[];
}

/** @throws AssertionError where the steps do not lead from the opening to the closing. */
export function closeBridge<Name extends string>(bridge: Omit<Bridge<Name>, 'residual'>): Bridge<Name> {
  const reached = add(bridge.opening, sum(bridge.steps.map(({ amount }) => amount)));
  const residual = subtract(bridge.closing, reached);
  assert.ok(isZero(residual), `the bridge from ${bridge.from} ends at ${reached}, its closing is ${bridge.closing}`);
  return { ...bridge, residual: ZERO };
}

/** A figure in one billing currency: as it was billed, and as the report converted it day by day. */
export interface ConvertedFigure {
  readonly currency: string;
  readonly billed: Decimal;
  readonly converted: Decimal;
}

/**
 * What rates alone changed: both quarters as they were converted, each less what the fixed rates make of it. A currency that only the later one
 * has moved by no rate: it is in `began`, beside what is new.
 */
export function rateEffect(
  before: readonly ConvertedFigure[],
  after: readonly ConvertedFigure[],
  rates: ReadonlyMap<string, Decimal>,
): { fx: Decimal; began: Decimal } {
  const beyondFixed = ({ currency, billed, converted }: ConvertedFigure) =>
    subtract(converted, multiply(billed, rates.get(currency) ?? ZERO));
  const known = new Set(before.map(({ currency }) => currency));
  const of = (figures: readonly ConvertedFigure[]) => sum(figures.map(beyondFixed));
  return {
    fx: subtract(of(after.filter(({ currency }) => known.has(currency))), of(before)),
    began: of(after.filter(({ currency }) => !known.has(currency))),
  };
}

/** One rate per currency: the first quarter's, of a currency that it has not the second one's. */
export function fixRates(
  ...quarters: readonly (readonly { readonly currency: string; readonly rate: Decimal | null }[])[]
): Map<string, Decimal> {
  const rates = new Map<string, Decimal>();
  for (const { currency, rate } of quarters.flat()) {
    if (rate !== null && !rates.has(currency)) rates.set(currency, rate);
  }
  return rates;
}
