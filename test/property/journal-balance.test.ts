/**
 * Journals from random costs: every entity and currency balances, every amount has the currency's decimals, and the lines come to the
 * rounded cost, whatever the credits, entities, cost centres and adjustments.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, type Decimal, decimal, subtract, sum, ZERO } from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import { composeJournal, type JournalCost } from '../../services/journal/compose-journal.ts';
import type { JournalLine } from '../../services/journal/journal.ts';

const ACCOUNTS = { expense: 'E', unassigned: 'U', unattributed: 'N', clearing: 'C' };
const PLACES = { USD: 2, JPY: 0, BHD: 3 } as const;
type Currency = keyof typeof PLACES;
const CURRENCIES = Object.keys(PLACES) as Currency[];

const cost: fc.Arbitrary<JournalCost> = fc
  .record({
    entity: fc.constantFrom('0011', '0022', null),
    currency: fc.constantFrom(...CURRENCIES),
    podId: fc.constantFrom('checkout', 'search', 'lost', null),
    costCentre: fc.constantFrom('4711', '4712', null),
    adjusts: fc.constantFrom(null, null, { statementId: '3', periodId: '2026-07' }),
    units: fc.bigInt({ min: -1_000_000_000_000n, max: 1_000_000_000_000n }),
    scale: fc.integer({ min: 0, max: 15 }),
  })
  .map(({ units, scale, ...rest }) => ({
    ...rest,
    costCentre: rest.podId === null ? null : rest.costCentre,
    cost: decimal(`${units}e-${scale}`),
  }));

/** What the lines put on accounts that are not the clearing one, as cost. */
function borne(lines: readonly JournalLine[]): Decimal {
  return lines
    .filter((line) => line.account !== ACCOUNTS.clearing)
    .reduce((total, { side, amount }) => (side === 'debit' ? add : subtract)(total, decimal(amount)), ZERO);
}

describe('a journal', () => {
  test('balances for every entity and currency, and comes to the rounded cost of each month it is about', () => {
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 30 }), (costs) => {
        const lines = composeJournal(costs, { accounts: ACCOUNTS, periodId: '2026-09' });
        for (const block of Map.groupBy(lines, (line) => JSON.stringify([line.entity, line.currency])).values()) {
          const of = (side: string) =>
            sum(block.filter((line) => line.side === side).map((line) => decimal(line.amount)));
          expect(of('debit')).toBe(of('credit'));
        }
        for (const currency of CURRENCIES) {
          for (const adjusted of [null, '3']) {
            const exact = costs.filter(
              (one) => one.currency === currency && (one.adjusts?.statementId ?? null) === adjusted,
            );
            const found = lines.filter((line) => line.currency === currency && line.adjustsStatementId === adjusted);
            expect(borne(found)).toBe(decimal(roundParts([sum(exact.map((one) => one.cost))], PLACES[currency]).total));
          }
        }
        for (const { amount, currency } of lines) {
          expect(amount.split('.')[1]?.length ?? 0).toBe(PLACES[currency as Currency]);
          expect(amount.startsWith('-')).toBe(false);
          expect(decimal(amount)).not.toBe('0');
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the same whatever the order of its costs', () => {
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 12 }), (costs) => {
        const compose = (list: readonly JournalCost[]) =>
          composeJournal(list, { accounts: ACCOUNTS, periodId: '2026-09' });
        expect(compose([...costs].reverse())).toEqual(compose(costs));
      }),
      { numRuns: 300 },
    );
  });

  test('gives missing units to the largest remainders: three thirds of 0.10 are 0.04, 0.03 and 0.03', () => {
    const third = decimal('0.033333333333');
    const costs = ['4711', '4712', '4713'].map((costCentre, index) => ({
      entity: '0011',
      currency: 'USD',
      podId: 'checkout',
      costCentre,
      adjusts: null,
      cost: index === 0 ? add(third, decimal('0.000000000001')) : third,
    }));
    const lines = composeJournal(costs, { accounts: ACCOUNTS, periodId: '2026-09' });
    expect(lines.map(({ account, costCentre, side, amount }) => [account, costCentre, side, amount])).toEqual([
      ['E', '4711', 'debit', '0.04'],
      ['E', '4712', 'debit', '0.03'],
      ['E', '4713', 'debit', '0.03'],
      ['C', null, 'credit', '0.10'],
    ]);
  });
});
