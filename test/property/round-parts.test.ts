/** Printed parts: whatever the figures, they add up to the printed total, and none is off by a whole unit. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  compare,
  type Decimal,
  decimal,
  roundForPresentation,
  subtract,
  sum,
} from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';

const figure = fc
  .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 14 }))
  .map(([units, scale]) => decimal(`${units}e-${scale}`));

describe('printed parts', () => {
  test('add up to the total rounded half-even, each less than a cent from its figure', () => {
    fc.assert(
      fc.property(fc.array(figure, { maxLength: 30 }), (figures) => {
        const { parts, total } = roundParts(figures);
        expect(total).toBe(roundForPresentation(sum(figures), 2));
        expect(sum(parts.map(decimal))).toBe(decimal(total));
        for (const [index, part] of parts.entries()) {
          const off = subtract(decimal(part), figures[index] ?? decimal('0'));
          expect(compare(off, decimal('0.01'))).toBe(-1);
          expect(compare(add(off, decimal('0.01')), decimal('0'))).toBe(1);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('of thirds give the missing cent to the first', () => {
    const third = '0.333333333333' as Decimal;
    expect(roundParts([third, third, '0.333333333334' as Decimal])).toEqual({
      parts: ['0.33', '0.33', '0.34'],
      total: '1.00',
    });
    expect(roundParts([third, third, third])).toEqual({ parts: ['0.34', '0.33', '0.33'], total: '1.00' });
    expect(roundParts([])).toEqual({ parts: [], total: '0.00' });
    expect(roundParts(['-0.005' as Decimal, '0.004' as Decimal])).toEqual({ parts: ['0.00', '0.00'], total: '0.00' });
  });
});
