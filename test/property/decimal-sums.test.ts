/** Sums, differences, comparisons and ratios of any decimal texts, zeros at their end or not, are those of whole numbers of their last digit. */
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

test('ratios are the nearest to their places, of two as near the even one, and never a negative nothing', () => {
  const units = fc.oneof(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.bigInt({ min: -200n, max: 200n }));
  const divisor = fc.oneof(units, fc.constantFrom(2n, -4n, 8n, 2000n)).filter((value) => value !== 0n);
  const scale = fc.integer({ min: 0, max: SCALE });
  const ofUnits = (value: bigint, places: number) => multiply(decimal(String(value)), decimal(`1e-${places}`));
  fc.assert(
    fc.property(units, divisor, scale, fc.integer({ min: 0, max: 6 }), (left, right, places, shown) => {
      const text = ratio(ofUnits(left, places), ofUnits(right, places), shown);
      expect(text).toMatch(shown === 0 ? /^-?\d+$/ : new RegExp(String.raw`^-?\d+\.\d{${shown}}$`));
      const found = BigInt(text.replace('.', ''));
      expect(text.startsWith('-')).toBe(found < 0n);
      const magnitude = (value: bigint) => (value < 0n ? -value : value);
      const off = 2n * magnitude(left * 10n ** BigInt(shown) - found * right);
      expect(off <= magnitude(right)).toBe(true);
      expect(off === magnitude(right) && found % 2n !== 0n).toBe(false);
    }),
    { numRuns: 1000 },
  );
  expect(() => ratio(decimal('1'), decimal('0'))).toThrow(RangeError);
});
