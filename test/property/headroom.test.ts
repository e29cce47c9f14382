/**
 * Headroom: whatever envelopes a portfolio's pods have, in whatever currencies, approved and headroom are the limit to the last digit; and no pod's
 * money is counted twice because it has envelopes of months inside one of the quarter.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headroomOf, type PodApproval, type PortfolioApproval } from '../../services/envelopes/headroom.ts';
import { add, compare, decimal, multiply, sum } from '../../services/kernel/decimal.ts';
import { parsePeriod } from '../../services/kernel/period.ts';

const PERIODS = ['2026-07', '2026-08', '2026-09', '2026-Q3', '2026-08-16..2026-09-01'].map((id) => parsePeriod(id));
const RATES = { USD: '1', EUR: '1.083412345678901', JPY: '0.0067' } as const;

const money = fc
  .tuple(fc.bigInt({ min: 1n, max: 10n ** 15n }), fc.integer({ min: 0, max: 9 }))
  .map(([units, scale]) => decimal(`${units}e-${scale}`));

const portfolio = money.map(
  (limit): PortfolioApproval => ({
    portfolioId: 'commerce',
    envelopeId: '0',
    period: '2026-Q3',
    start: '2026-07-01',
    end: '2026-10-01',
    counts: 'controlled',
    limit,
    currency: 'USD',
  }),
);

const approval = fc
  .record({
    pod: fc.constantFrom('checkout', 'search', 'pay'),
    period: fc.constantFrom(...PERIODS),
    counts: fc.constantFrom('controlled' as const, 'loaded' as const),
    limit: money,
    currency: fc.constantFrom('USD' as const, 'EUR' as const, 'JPY' as const),
  })
  .map(
    ({ pod, period, counts, limit, currency }): PodApproval => ({
      podId: pod,
      envelopeId: `${pod}/${period.id}/${counts}`,
      period: period.id,
      start: period.start,
      end: period.end,
      counts,
      limit,
      currency,
      rate: decimal(RATES[currency]),
    }),
  );

const approvals = fc.uniqueArray(approval, { selector: ({ envelopeId }) => envelopeId, maxLength: 20 });

describe('headroom', () => {
  test('and what is approved add up to the limit exactly, over currencies', () => {
    fc.assert(
      fc.property(portfolio, approvals, (limit, pods) => {
        const { approved, headroom, pods: counted } = headroomOf(limit, pods);
        if (approved === null || headroom === null) throw new Error('every rate is known');
        expect(add(approved, headroom)).toBe(limit.limit);
        expect(sum(counted.map((pod) => multiply(pod.limit, decimal(RATES[pod.currency as 'USD']))))).toBe(approved);
      }),
      { numRuns: 500 },
    );
  });

  test('counts a pod’s envelope inside a longer one, or beside a controlled one, not again; and leaves out no day that has one', () => {
    fc.assert(
      fc.property(portfolio, approvals, (limit, pods) => {
        const counted = headroomOf(limit, pods).pods.map(({ envelopeId }) =>
          pods.find((pod) => pod.envelopeId === envelopeId),
        );
        const covers = (outer: PodApproval | undefined, inner: PodApproval) =>
          outer?.podId === inner.podId && outer.start <= inner.start && outer.end >= inner.end;
        for (const pod of pods) expect(counted.filter((one) => covers(one, pod))).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  test('a raise takes from it what it adds', () => {
    fc.assert(
      fc.property(portfolio, approvals, money, (limit, pods, more) => {
        const before = headroomOf(limit, pods);
        const [first] = before.pods;
        if (first === undefined) return;
        const after = headroomOf(
          limit,
          pods.map((pod) => (pod.envelopeId === first.envelopeId ? { ...pod, limit: add(pod.limit, more) } : pod)),
        );
        expect(add(after.headroom ?? decimal('0'), multiply(more, first.rate ?? decimal('0')))).toBe(before.headroom);
        expect(compare(after.headroom ?? decimal('0'), before.headroom ?? decimal('0'))).toBe(-1);
      }),
      { numRuns: 300 },
    );
  });

  test('is unknown, with what it was drawn on, while a rate is missing', () => {
    const of = (currency: string, rate: string | null): PodApproval => ({
      podId: `pod-${currency}`,
      envelopeId: currency,
      period: '2026-Q3',
      start: '2026-07-01',
      end: '2026-10-01',
      counts: 'controlled',
      limit: decimal('10'),
      currency,
      rate: rate === null ? null : decimal(rate),
    });
    const standing = {
      ...PERIODS[3],
      portfolioId: 'commerce',
      envelopeId: '0',
      counts: 'controlled',
      currency: 'USD',
    } as const;
    const found = headroomOf(
      { ...standing, period: '2026-Q3', start: '2026-07-01', end: '2026-10-01', limit: decimal('100') },
      [of('USD', '1'), of('GBP', null), of('EUR', null)],
    );
    expect(found).toMatchObject({ approved: null, headroom: null, missingRates: ['EUR', 'GBP'], limit: '100' });
  });
});
