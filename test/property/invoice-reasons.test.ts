/** Why an invoice differs: whatever the figures, the reasons add up to the difference, and what is called rounding is within it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, type Decimal, decimal, subtract, sum, ZERO } from '../../services/kernel/decimal.ts';
import { explainDifference, type InvoiceComparison } from '../../services/reports/invoice-reasons.ts';

const money = fc
  .tuple(fc.bigInt({ min: -1_000_000n, max: 1_000_000n }), fc.integer({ min: 0, max: 6 }))
  .map(([units, scale]) => decimal(`${units}e-${scale}`));
const below = money.map((amount): Decimal => (compare(amount, ZERO) > 0 ? subtract(ZERO, amount) : amount));
const comparison: fc.Arbitrary<InvoiceComparison> = fc.record({
  invoice: money,
  billed: money,
  tolerance: fc.constantFrom('0', '0.01', '5').map(decimal),
  creditsOutsideBill: fc.oneof(fc.constant(ZERO), below),
  taxOutsideBill: fc.oneof(fc.constant(ZERO), money),
  billedTax: money,
  billedCredits: below,
  withoutInvoiceId: fc.oneof(fc.constant(ZERO), money),
  lines: fc.integer({ min: 0, max: 3 }),
});

const ALIKE: InvoiceComparison = {
  invoice: decimal('100'),
  billed: decimal('100'),
  tolerance: decimal('0.01'),
  creditsOutsideBill: ZERO,
  taxOutsideBill: ZERO,
  billedTax: decimal('19'),
  billedCredits: decimal('-7'),
  withoutInvoiceId: decimal('5'),
  lines: 4,
};

function explained(given: Partial<InvoiceComparison>) {
  const { state, reasons } = explainDifference({ ...ALIKE, ...given });
  return [state, ...reasons.map(({ reason, amount }) => `${reason} ${amount}`)];
}

describe('the reasons of a difference', () => {
  test('add up to it, and only what is within the tolerance is rounding', () => {
    fc.assert(
      fc.property(comparison, (compared) => {
        const { state, reasons } = explainDifference(compared);
        const difference = subtract(compared.invoice, compared.billed);
        expect(sum(reasons.map(({ amount }) => amount))).toBe(difference);
        const sizeOf = (amount: Decimal) => (compare(amount, ZERO) < 0 ? subtract(ZERO, amount) : amount);
        const isBeyond = reasons.map(({ amount }) => compare(sizeOf(amount), compared.tolerance) > 0);
        expect(reasons.filter(({ reason }, index) => reason === 'rounding' && isBeyond[index])).toEqual([]);
        expect(reasons.filter(({ reason }, index) => reason === 'unexplained' && !isBeyond[index])).toEqual([]);
        expect(state === 'differs').toBe(reasons.some(({ reason }) => reason === 'unexplained'));
      }),
      { numRuns: 2_000 },
    );
  });

  test('are none where invoice and bill are equal', () => {
    expect(explained({})).toEqual(['equal']);
  });

  test('are rounding up to the tolerance and no further', () => {
    expect(explained({ invoice: decimal('100.01') })).toEqual(['withinTolerance', 'rounding 0.01']);
    expect(explained({ invoice: decimal('100.011') })).toEqual(['differs', 'unexplained 0.011']);
  });

  test('name what was stated to be outside of the bill, even where it does not explain all', () => {
    const given = { invoice: decimal('111'), creditsOutsideBill: decimal('-4'), taxOutsideBill: decimal('15') };
    expect(explained(given)).toEqual(['explained', 'creditsOutsideBill -4', 'taxOutsideBill 15']);
    expect(explained({ ...given, invoice: decimal('112') })).toEqual([
      'differs',
      'creditsOutsideBill -4',
      'taxOutsideBill 15',
      'unexplained 1',
    ]);
  });

  test('find tax, credits and charges without a number that make up the amount, but for rounding', () => {
    expect(explained({ invoice: decimal('81.004') })).toEqual(['explained', 'taxNotInvoiced -19', 'rounding 0.004']);
    expect(explained({ invoice: decimal('107') })).toEqual(['explained', 'creditsNotInvoiced 7']);
    expect(explained({ invoice: decimal('105') })).toEqual(['explained', 'withoutInvoiceId 5']);
    expect(explained({ invoice: decimal('86') })).toEqual(['explained', 'withoutInvoiceId 5', 'taxNotInvoiced -19']);
  });

  test('say that lines are missing where the bill has none', () => {
    expect(explained({ billed: ZERO, lines: 0 })).toEqual(['notInBill', 'notInBill 100']);
  });
});
