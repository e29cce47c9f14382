/** Sums, differences, comparisons and ratios of any decimal texts, zeros at their end or not, are those of whole numbers of their last digit. */
import Big from 'big.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { add, compare, type Decimal, decimal, multiply, ratio, subtract, sum } from '../../services/kernel/decimal.ts';

const SCALE = 20;
const UNIT = decimal(`1e${SCALE}`);

/** A text, and how many of 10^-20 it is. */
const given = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: SCALE }))
  .map(([digits, scale]) => {
    const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
    const point = text.length - scale;
    const fraction = scale === 0 ? '' : `.${text.slice(point)}`;
    const plain = `${digits < 0n ? '-' : ''}${text.slice(0, point)}${fraction}`;
    return { text: plain as Decimal, units: digits * 10n ** BigInt(SCALE - scale) };
  });

test('decimals are added, subtracted and compared exactly', () => {
  const unitsOf = (value: Decimal) => multiply(value, UNIT);
  fc.assert(
    fc.property(fc.array(given), given, given, (several, left, right) => {
      const total = sum(several.map((one) => one.text));
      expect(unitsOf(total)).toBe(String(several.reduce((units, one) => units + one.units, 0n)));
      expect(total).toBe(decimal(total));
      expect(unitsOf(add(left.text, right.text))).toBe(String(left.units + right.units));
      expect(unitsOf(subtract(left.text, right.text))).toBe(String(left.units - right.units));
      expect(compare(left.text, right.text)).toBe(left.units < right.units ? -1 : Number(left.units > right.units));
      expect(compare(left.text, decimal('0'))).toBe(left.units < 0n ? -1 : Number(left.units > 0n));
    }),
    { numRuns: 500 },
  );
});

test('ratios are rounded half-even to their places, halves too, as another library rounds them', () => {
  const part = fc
    .tuple(fc.integer({ min: -200, max: 200 }), fc.constantFrom('0.5', '0.25', '1', '0.00005'))
    .map(([units, unit]) => multiply(decimal(String(units)), decimal(unit)));
  const any = fc.oneof(
    given.map((one) => one.text),
    part,
  );
  fc.assert(
    fc.property(any, any, fc.integer({ min: 0, max: 6 }), (dividend, divisor, places) => {
      fc.pre(compare(divisor, decimal('0')) !== 0);
      const Rounded = Big();
      Rounded.DP = places;
      Rounded.RM = Big.roundHalfEven;
      const expected = new Rounded(dividend).div(divisor).toFixed(places);
      expect(ratio(dividend, divisor, places)).toBe(/^-0(\.0+)?$/.test(expected) ? expected.slice(1) : expected);
    }),
    { numRuns: 1000 },
  );
  expect(() => ratio(decimal('1'), decimal('0'))).toThrow(RangeError);
});
