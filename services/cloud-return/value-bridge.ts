/**
 * Why the verified value is another one than last quarter's, outcome by outcome: each outcome's former version says what it would have
 * recognised since (its schedule running on or off), and what became of it says why it did not. Sharing moves value between pods and changes
 * no total, which is shown too. Corrections of closed quarters are adjustments and stand beside the bridge.
 */
import assert from 'node:assert/strict';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import {
  absolute,
  add,
  compare,
  type Decimal,
  decimal,
  isZero,
  multiply,
  ratio,
  subtract,
  sum,
  ZERO,
} from '../kernel/decimal.ts';
import { type Bridge, closeBridge, type ConvertedFigure, fixRates, rateEffect } from './bridge.ts';
import type { Quarter } from './quarter.ts';
import { type OutcomeFate, type OutcomeValue, readFates, readOutcomeValues } from './value-amounts.ts';

export const VALUE_STEPS = [
  'newly-verified',
  'schedule',
  'rejected',
  'claimed-again',
  'retracted',
  'superseded',
  'restated',
  're-attributed',
  'fx',
] as const;
export type ValueStep = (typeof VALUE_STEPS)[number];

const BASIS_POINT = decimal('0.0001');
const RATE_PLACES = 15;

/** One outcome in both quarters, in its own currency. */
interface Outcome {
  readonly outcomeId: string;
  readonly currency: string;
  readonly before: OutcomeValue | undefined;
  readonly after: OutcomeValue | undefined;
}

/**
 * The bridge of the verified value that enters the return, the unattributed share included.
 * @throws AssertionError where a sum does not hold.
 */
export async function valueBridge(db: Kysely<DB>, before: Quarter, after: Quarter): Promise<Bridge<ValueStep>> {
  const [opening, closing] = [await readOutcomeValues(db, before.frame), await readOutcomeValues(db, after.frame)];
  assertWhole(opening, before);
  assertWhole(closing, after);
  const outcomes = pair(opening, closing);
  const changed = outcomes.flatMap((one) =>
    one.before !== undefined && one.before.version !== one.after?.version ? [one.before] : [],
  );
  const window = { start: after.frame.period.start, end: after.frame.windowEnd };
  const fates = await readFates(db, { outcomes: changed, window });
  const successors = new Set([...fates.values()].flatMap(({ supersededBy }) => supersededBy ?? []));
  const rates = fixRates(averageRates(opening), averageRates(closing));
  const rateOf = (currency: string) => rates.get(currency) ?? ZERO;
  const amounts = new Map<ValueStep, Decimal>();
  let moved = ZERO;
  for (const outcome of outcomes) {
    const fate = fates.get(outcome.outcomeId);
    for (const [step, amount] of stepsOf(outcome, fate, successors)) {
      amounts.set(step, add(amounts.get(step) ?? ZERO, multiply(amount, rateOf(outcome.currency))));
    }
    const share = multiply(decimal(String(fate?.movedBasisPoints ?? 0)), BASIS_POINT);
    moved = add(moved, multiply(multiply(outcome.after?.billed ?? ZERO, share), rateOf(outcome.currency)));
  }
  const { fx, began } = rateEffect(byCurrencyOf(opening), byCurrencyOf(closing), rates);
  amounts.set('newly-verified', add(amounts.get('newly-verified') ?? ZERO, began));
  amounts.set('fx', fx);
  const own = after.report.currency;
  return closeBridge({
    from: before.report.period.id,
    opening: before.report.total.verified,
    steps: VALUE_STEPS.map((step) => ({
      step,
      amount: amounts.get(step) ?? ZERO,
      ...(step === 're-attributed' ? { moved } : {}),
      drivers: [],
    })),
    closing: after.report.total.verified,
    rates: [...rates].flatMap(([currency, rate]) => (currency === own ? [] : [{ currency, rate }])),
  });
}

/** What of an outcome's change belongs to which step, in its currency; together they are its change. */
export function stepsOf(
  { before, after, outcomeId }: Outcome,
  fate: OutcomeFate | undefined,
  successors: ReadonlySet<string>,
): [ValueStep, Decimal][] {
  const [was, is] = [before?.billed ?? ZERO, after?.billed ?? ZERO];
  if (before === undefined) return [[successors.has(outcomeId) ? 'superseded' : 'newly-verified', is]];
  // The version of last quarter is still the one that counts, or has nothing left: all of the change is its schedule's.
  const expected = fate === undefined ? is : fate.expected;
  const change = subtract(is, expected);
  return [
    ['schedule', subtract(expected, was)],
    [causeOf(fate?.state, compare(change, ZERO) > 0), change],
  ];
}

function causeOf(state: string | undefined, isMore: boolean): ValueStep {
  switch (state) {
    case 'retracted':
    case 'superseded':
    case 'rejected':
      return state;
    case 'partially_verified':
      return isMore ? 'newly-verified' : 'rejected';
    case 'candidate':
    case 'claimed':
    case 'in_review':
      return 'claimed-again';
    default:
      return 'restated';
  }
}

function pair(opening: readonly OutcomeValue[], closing: readonly OutcomeValue[]): Outcome[] {
  const keyOf = ({ outcomeId, currency }: OutcomeValue) => `${outcomeId} ${currency}`;
  const [was, is] = [opening, closing].map((values) => new Map(values.map((value) => [keyOf(value), value])));
  return [...new Set([...opening, ...closing].map(keyOf))].map((key) => {
    const [outcomeId = '', currency = ''] = key.split(' ');
    return { outcomeId, currency, before: was?.get(key), after: is?.get(key) };
  });
}

/** Outcome by outcome they must be what the value report says. */
function assertWhole(values: readonly OutcomeValue[], { report }: Quarter): void {
  const total = sum(values.map(({ converted }) => converted));
  const { verified } = report.total;
  assert.ok(
    compare(total, verified) === 0,
    `${report.period.id} verified ${verified}, its outcomes add up to ${total}`,
  );
}

/** The average rate of each currency, weighted by its outcomes. */
function averageRates(values: readonly OutcomeValue[]): { currency: string; rate: Decimal | null }[] {
  return groups(values).map(([currency, group]) => {
    const billed = sum(group.map((value) => absolute(value.billed)));
    const converted = sum(group.map((value) => absolute(value.converted)));
    return { currency, rate: isZero(billed) ? null : decimal(ratio(converted, billed, RATE_PLACES)) };
  });
}

function byCurrencyOf(values: readonly OutcomeValue[]): ConvertedFigure[] {
  return groups(values).map(([currency, group]) => ({
    currency,
    billed: sum(group.map(({ billed }) => billed)),
    converted: sum(group.map(({ converted }) => converted)),
  }));
}

function groups(values: readonly OutcomeValue[]): [string, OutcomeValue[]][] {
  return [...Map.groupBy(values, ({ currency }) => currency)].sort(([left], [right]) => (left < right ? -1 : 1));
}
