/** Sums, differences and comparisons of any decimal texts, zeros at their end or not, are those of big.js. */
import Big from 'big.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { add, compare, type Decimal, decimal, subtract, sum } from '../../services/kernel/decimal.ts';

const text = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 30n }),
    fc.stringMatching(/^(\.[0-9]{1,20}0{0,3})?$/),
  )
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction}` as Decimal);

test('decimals are added, subtracted and compared exactly', () => {
  fc.assert(
    fc.property(fc.array(text), text, text, (texts, left, right) => {
      const expected = (value: Big) => decimal(value.toFixed());
      expect(sum(texts)).toBe(expected(texts.reduce((total, one) => total.plus(one), new Big(0))));
      expect(compare(add(left, right), expected(new Big(left).plus(right)))).toBe(0);
      expect(subtract(left, right)).toBe(expected(new Big(left).minus(right)));
      expect(compare(left, right)).toBe(new Big(left).cmp(right));
      expect(compare(left, '0' as Decimal)).toBe(new Big(left).cmp(0));
    }),
    { numRuns: 500 },
  );
});
