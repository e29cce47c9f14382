/** Whatever may happen to value: claims of any kind, verdicts, refusals, successions, ceilings, rates and closes, drawn by fast-check. */
import fc from 'fast-check';
import { BASIS_POINTS_WHOLE } from '../../services/outcomes/outcome.ts';
import { addDays } from '../../services/kernel/period.ts';
import { type ModelOutcome, REPORTING, sumOf, unitsOf } from './value-model.ts';

export const PODS = ['a', 'b', 'c'];
export const FIRST_DAY = '2027-01-01';
/** After everything that is recognised; a window of it is over when it is asked for. */
export const LAST_DAY = '2027-12-01';
/** Where a pool's windows meet. */
export const POOL_TURN = '2027-03-10';

const day = (max: number) => fc.integer({ min: 0, max }).map((days) => addDays(FIRST_DAY, days));

const amount = fc.oneof(
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 9n }), fc.integer({ min: 0, max: 14 }))
    .map(([whole, scale]) => whole * 10n ** BigInt(30 - scale)),
  fc.constantFrom('0', '0.01', '100', '104').map(unitsOf),
);

const row = fc
  .record({ from: day(120), days: fc.integer({ min: 1, max: 80 }), amount })
  .map(({ from, days, ...rest }) => ({
    from,
    until: addDays(from, days),
    ...rest,
    verdict: 'open' as const,
    verified: 0n,
  }));

const shares = fc
  .array(fc.integer({ min: 1, max: BASIS_POINTS_WHOLE }), { minLength: 1, maxLength: PODS.length })
  .map((points) => {
    const whole = Math.max(
      BASIS_POINTS_WHOLE,
      points.reduce((total, point) => total + point, 0),
    );
    const parts = points.map((point) => Math.max(1, Math.floor((point * BASIS_POINTS_WHOLE) / whole)));
    return Object.fromEntries(parts.map((part, position) => [PODS[position] ?? '', part]));
  });

/** What a claim says. */
export type Terms = Omit<ModelOutcome, 'state' | 'deliveredOn' | 'isPooled'>;

const terms: fc.Arbitrary<Terms> = fc
  .record({
    kind: fc.constantFrom(
      ['cost_reduction', null] as const,
      ['cost_reduction', null] as const,
      ['cost_avoided', null] as const,
      ['revenue', 'margin'] as const,
      ['revenue', 'gross'] as const,
      ['strategic', null] as const,
    ),
    effect: fc.constantFrom('benefit' as const, 'benefit' as const, 'dis_benefit' as const),
    currency: fc.constantFrom(REPORTING, REPORTING, 'EUR', 'GBP'),
    rows: fc.array(row, { minLength: 1, maxLength: 3 }),
    shares,
    reviewDueOn: fc.option(fc.integer({ min: 32, max: 200 }).map((days) => addDays(FIRST_DAY, days))),
  })
  .map(({ kind: [basis, grossOrMargin], currency, rows, ...rest }) => {
    const hasMoney = basis !== 'strategic';
    return { ...rest, basis, grossOrMargin, currency: hasMoney ? currency : null, rows: hasMoney ? rows : [] };
  });

/** Of a pool, which holds amounts in one currency. */
export function inPool(given: Terms): Terms {
  if (given.rows.length > 0) return { ...given, currency: REPORTING };
  const rows = [{ from: FIRST_DAY, until: POOL_TURN, amount: unitsOf('100'), verdict: 'open' as const, verified: 0n }];
  return { ...given, basis: 'cost_avoided', currency: REPORTING, rows };
}

export function amountOf({ rows }: Pick<Terms, 'rows'>): bigint {
  return sumOf(rows.map((one) => one.amount));
}

const claim = fc.record({
  kind: fc.constant('claim' as const),
  terms,
  deliveredOn: day(30),
  isPooled: fc.boolean(),
  by: fc.constantFrom('finance' as const, 'operator' as const),
  /** By somebody else of finance, who states it once more. */
  asksVerified: fc.boolean(),
});
export type ClaimStep = typeof claim extends fc.Arbitrary<infer Value> ? Value : never;

/** Of which outcome, counted round. */
const of = fc.nat({ max: 7 });
const ceiling = fc.constantFrom('0', '1000', '100000.01', '100000000', '10000000000').map(unitsOf);

const act = fc.oneof(
  { weight: 3, arbitrary: claim },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('verify' as const),
      of,
      /** By row: in tenths, or rejected, or left as it is. */
      verdicts: fc.array(fc.constantFrom(10, 10, 7, 3, 0, 'rejected' as const, 'open' as const), {
        minLength: 3,
        maxLength: 3,
      }),
      reviewAfter: fc.option(fc.integer({ min: 1, max: 90 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('restate' as const), of, terms: fc.option(terms, { freq: 2 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('review' as const, 'agree' as const), of }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('reject' as const, 'retract' as const, 'retract' as const), of }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('supersede' as const), of, by: fc.oneof(of, claim) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ceilings' as const), ceilings: fc.tuple(ceiling, ceiling) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('rate' as const),
      currency: fc.constantFrom('EUR', 'GBP'),
      from: day(150),
      rate: fc.integer({ min: 1, max: 29_999 }).map((whole) => BigInt(whole) * 10n ** 26n),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), on: day(150) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('prepare' as const),
      /** So many months before the last one that is over. */
      back: fc.constantFrom(0, 0, 0, 1, 1, 2, -1),
      isApproved: fc.constantFrom(true, true, false),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('approve' as const) }) },
);
export type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;

const step = fc.record({ act, days: fc.integer({ min: 0, max: 14 }) });

export const window = fc
  .tuple(fc.nat({ max: 200 }), fc.integer({ min: 1, max: 200 }))
  .map(([start, days]) => ({ from: addDays(FIRST_DAY, start), until: addDays(FIRST_DAY, start + days) }));

/** Some claims first, so that what follows has something to be about. */
export const history = fc
  .tuple(
    fc.array(fc.record({ act: claim, days: fc.nat({ max: 2 }) }), { minLength: 2, maxLength: 4 }),
    fc.array(step, { minLength: 5, maxLength: 16, size: 'max' }),
  )
  .map(([claims, steps]): { act: Act; days: number }[] => [...claims, ...steps]);
