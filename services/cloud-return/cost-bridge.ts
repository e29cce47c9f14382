/**
 * Why the cost is another one than last quarter's. It leads from what last quarter was reported as, through what its bills came to be
 * since, to what this quarter is reported as; rules move cost between pods and change no total, which is shown too.
 */
import assert from 'node:assert/strict';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, compare, type Decimal, multiply, subtract, sum, ZERO } from '../kernel/decimal.ts';
import { asNowKnown } from '../reports/report-frame.ts';
import { type Bridge, type BridgeStep, closeBridge, fixRates, rateEffect } from './bridge.ts';
import { type CurrencyTotal, readCurrencyTotals } from './currency-totals.ts';
import { readCostSteps, type StepDriver } from './cost-steps.ts';
import type { Quarter } from './quarter.ts';
import { readMovedByRules } from './rule-moves.ts';

export const COST_STEPS = [
  'restatement',
  'usage',
  'rate',
  'uncounted',
  'new',
  'ended',
  'commitments',
  'rules',
  'fx',
] as const;
export type CostStep = (typeof COST_STEPS)[number];

/**
 * The bridge from one quarter to the next.
 * @throws AssertionError where a sum does not hold.
 */
export async function costBridge(db: Kysely<DB>, before: Quarter, after: Quarter): Promise<Bridge<CostStep>> {
  const known = await asNowKnown(db, before.frame);
  const stated = await readCurrencyTotals(db, before.frame);
  const restated = before.frame.closed.length === 0 ? stated : await readCurrencyTotals(db, known);
  const current = await readCurrencyTotals(db, after.frame);
  const rates = withNothing(fixRates(stated, restated, current), [stated, restated, current]);
  const { steps, currencies } = await readCostSteps(db, { before: known, after: after.frame, rates });
  assertWhole(restated, new Map(currencies.map((one) => [one.currency, one.before])), before.frame.period.id);
  assertWhole(current, new Map(currencies.map((one) => [one.currency, one.after])), after.frame.period.id);
  const { fx, began } = rateEffect(stated, current, rates);
  const amounts = new Map<CostStep, Decimal>(steps.map(({ step, amount }) => [step, amount]));
  amounts.set('restatement', atRates(difference(restated, stated), rates));
  amounts.set('new', add(amounts.get('new') ?? ZERO, began));
  amounts.set('fx', fx);
  const moved = await readMovedByRules(db, before.frame);
  const drivers = new Map(steps.map(({ step, drivers: named }) => [step as CostStep, named]));
  return closeBridge({
    from: before.report.period.id,
    opening: before.report.total.cost,
    steps: COST_STEPS.map(
      (step): BridgeStep<CostStep> => ({
        step,
        amount: amounts.get(step) ?? ZERO,
        ...(step === 'rules' ? { moved } : {}),
        drivers: (drivers.get(step) ?? []).map(named),
      }),
    ),
    closing: after.report.total.cost,
    rates: foreign(rates, after.report.currency),
  });
}

/** Every currency has a rate, also one whose figures are all nothing. */
function withNothing(
  rates: Map<string, Decimal>,
  quarters: readonly (readonly CurrencyTotal[])[],
): Map<string, Decimal> {
  for (const { currency } of quarters.flat()) if (!rates.has(currency)) rates.set(currency, ZERO);
  return rates;
}

/** The families must hold the whole of what the reports converted, in every currency. */
function assertWhole(totals: readonly CurrencyTotal[], families: ReadonlyMap<string, Decimal>, period: string): void {
  const reported = new Map(totals.map(({ currency, billed }) => [currency, billed]));
  for (const currency of new Set([...reported.keys(), ...families.keys()])) {
    const [whole, parts] = [reported.get(currency) ?? ZERO, families.get(currency) ?? ZERO];
    assert.ok(compare(whole, parts) === 0, `${period} cost ${whole} ${currency}, its SKUs add up to ${parts}`);
  }
}

function difference(left: readonly CurrencyTotal[], right: readonly CurrencyTotal[]): Map<string, Decimal> {
  const differences = new Map(left.map(({ currency, billed }) => [currency, billed]));
  for (const { currency, billed } of right)
    differences.set(currency, subtract(differences.get(currency) ?? ZERO, billed));
  return differences;
}

function atRates(amounts: ReadonlyMap<string, Decimal>, rates: ReadonlyMap<string, Decimal>): Decimal {
  return sum([...amounts].map(([currency, amount]) => multiply(amount, rates.get(currency) ?? ZERO)));
}

function foreign(rates: ReadonlyMap<string, Decimal>, own: string): { currency: string; rate: Decimal }[] {
  return [...rates]
    .filter(([currency]) => currency !== own)
    .map(([currency, rate]) => ({ currency, rate }))
    .sort(byCurrency);
}

function byCurrency(left: { currency: string }, right: { currency: string }): number {
  return left.currency < right.currency ? -1 : 1;
}

function named({ providerName, serviceName, amount }: StepDriver): { name: string; amount: Decimal } {
  return { name: `${serviceName ?? 'no service named'}${providerName === null ? '' : ` (${providerName})`}`, amount };
}
