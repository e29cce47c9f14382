/** What adjustments come to: only like figures are added up, so that what is verified, what is claimed and what stands beside the return stay apart. */
import { add, type Decimal, ZERO } from '../kernel/decimal.ts';
import type { AdjustmentLine } from './adjustments.ts';

/** In one reporting currency; named as the figures of a value report are. */
export interface AdjustmentTotals {
  readonly currency: string;
  readonly billedCost: Decimal;
  readonly effectiveCost: Decimal;
  readonly listCost: Decimal;
  readonly contractedCost: Decimal;
  /** Of the bases that enter the return: what the value report gives as its adjustments of value. */
  readonly verified: Decimal;
  readonly claimed: Decimal;
  /** By basis, verified and claimed. */
  readonly beside: Readonly<Record<string, Decimal>>;
  /** The verified part of `beside`. */
  readonly besideVerified: Readonly<Record<string, Decimal>>;
}

/** One per reporting currency, in the order in which they come. */
export function adjustmentTotals(lines: readonly AdjustmentLine[]): AdjustmentTotals[] {
  const byCurrency = Map.groupBy(lines, (line) => line.reported.currency);
  return [...byCurrency].map(([currency, rows]) => rows.reduce(counted, emptyTotals(currency)));
}

function emptyTotals(currency: string): AdjustmentTotals {
  const costs = { billedCost: ZERO, effectiveCost: ZERO, listCost: ZERO, contractedCost: ZERO };
  return { currency, ...costs, verified: ZERO, claimed: ZERO, beside: {}, besideVerified: {} };
}

function counted(totals: AdjustmentTotals, { kind, beside, reported }: AdjustmentLine): AdjustmentTotals {
  const { amount } = reported;
  const whole = {
    ...totals,
    billedCost: add(totals.billedCost, reported.billedCost),
    effectiveCost: add(totals.effectiveCost, reported.effectiveCost),
    listCost: add(totals.listCost, reported.listCost),
    contractedCost: add(totals.contractedCost, reported.contractedCost),
  };
  const isVerified = kind === 'value-verified';
  if (beside !== null) {
    return {
      ...whole,
      beside: withAmount(totals.beside, beside, amount),
      besideVerified: isVerified ? withAmount(totals.besideVerified, beside, amount) : totals.besideVerified,
    };
  }
  if (isVerified) return { ...whole, verified: add(totals.verified, amount) };
  return kind === 'value-claimed' ? { ...whole, claimed: add(totals.claimed, amount) } : whole;
}

function withAmount(sums: Readonly<Record<string, Decimal>>, name: string, amount: Decimal) {
  return { ...sums, [name]: add(sums[name] ?? ZERO, amount) };
}
