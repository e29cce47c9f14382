/**
 * Exact decimals outside SQL. A Decimal is a plain decimal string: no exponent, no trailing zeros after the point, never `-0`.
 * Sums, differences and products are exact at any precision; the only division is `ratio`, which names its rounding.
 * Money in bulk is added up in PostgreSQL and DuckDB; this serves totals, comparisons and presentation.
 */
import Big from 'big.js';

declare const decimalBrand: unique symbol;

/** A plain decimal string such as `"-0.0000012"`: full precision, normalised. */
export type Decimal = string & { readonly [decimalBrand]: true };

const DECIMAL_TEXT = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;

export const ZERO: Decimal = '0' as Decimal;

/** True where `text` is a number that `decimal` accepts: digits, at most one point, an optional exponent of up to three digits. */
export function isDecimalText(text: string): boolean {
  return DECIMAL_TEXT.test(text);
}

/**
 * Normalises a decimal text, exponents included (`"35.2E-7"` → `"0.00000352"`).
 * @throws RangeError where the text is not a decimal number; callers that read foreign input check `isDecimalText` first.
 */
export function decimal(text: string): Decimal {
  if (!DECIMAL_TEXT.test(text)) throw new RangeError(`"${text}" is not a decimal number`);
  return plain(
    new Big(
      text
        .replace(/^\+/, '')
        .replace(/^(-?)\./, '$10.')
        .replace(/\.(?=$|[eE])/, ''),
    ),
  );
}

export function add(left: Decimal, right: Decimal): Decimal {
  if (right === ZERO) return left;
  if (left === ZERO) return right;
  const scale = Math.max(scaleOf(left), scaleOf(right));
  return ofUnits(unitsOf(left, scale) + unitsOf(right, scale), scale);
}

export function subtract(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(scaleOf(left), scaleOf(right));
  return ofUnits(unitsOf(left, scale) - unitsOf(right, scale), scale);
}

export function multiply(left: Decimal, right: Decimal): Decimal {
  return plain(new Big(left).times(right));
}

/** The exact sum of any number of decimals; `"0"` for none. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total = 0n;
  let scale = 0;
  for (const value of values) {
    if (value === ZERO) continue;
    const places = scaleOf(value);
    if (places > scale) {
      total *= 10n ** BigInt(places - scale);
      scale = places;
    }
    total += unitsOf(value, scale);
  }
  return ofUnits(total, scale);
}

/** -1, 0 or 1, by numeric value. */
export function compare(left: Decimal, right: Decimal): -1 | 0 | 1 {
  if (left === right) return 0;
  if (right !== ZERO) return new Big(left).cmp(right);
  if (!/[1-9]/.test(left)) return 0;
  return left.startsWith('-') ? -1 : 1;
}

export function isZero(value: Decimal): boolean {
  return compare(value, ZERO) === 0;
}

/** Without its sign. */
export function absolute(value: Decimal): Decimal {
  return compare(value, ZERO) < 0 ? subtract(ZERO, value) : value;
}

/**
 * `dividend ÷ divisor`, rounded half-even to `places` with zeros kept (`"2.3100"`): the form of every ratio the product shows.
 * @throws RangeError on a zero divisor: callers decide what "n/a" means first.
 */
export function ratio(dividend: Decimal, divisor: Decimal, places = 4): string {
  const scale = Math.max(scaleOf(dividend), scaleOf(divisor));
  const by = unitsOf(divisor, scale);
  if (by === 0n) throw new RangeError('a ratio needs a divisor other than zero');
  const units = divideHalfEven(unitsOf(dividend, scale) * 10n ** BigInt(places), by);
  const digits = String(magnitude(units)).padStart(places + 1, '0');
  const point = digits.length - places;
  const text = places === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return units < 0n ? `-${text}` : text;
}

/** Rounds half-even to `places`, zeros kept: for presentation only, never for stored figures. */
export function roundForPresentation(value: Decimal, places: number): string {
  const text = new Big(value).round(places, Big.roundHalfEven).toFixed(places);
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

/** Rounds half-even to so many significant digits, zeros trimmed: what a spreadsheet shows of a number it keeps as a float. */
export function significantDigits(value: Decimal, digits: number): Decimal {
  return plain(new Big(value).prec(digits, Big.roundHalfEven));
}

// Sums and ratios are of whole numbers of the last decimal: the language's own integers take a third of big.js's time.

/** How many digits stand after the point. */
function scaleOf(value: Decimal): number {
  const point = value.indexOf('.');
  return point < 0 ? 0 : value.length - point - 1;
}

/** A decimal counted in units of the last of `scale` digits; it has no more of them. */
function unitsOf(value: Decimal, scale: number): bigint {
  const point = value.indexOf('.');
  const digits = point < 0 ? value : value.slice(0, point) + value.slice(point + 1);
  return BigInt(digits + '0'.repeat(scale - scaleOf(value)));
}

/** The whole number nearest to the quotient; of two as near, the even one. */
function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const whole = dividend / divisor;
  const twice = 2n * magnitude(dividend % divisor);
  const by = magnitude(divisor);
  if (twice < by || (twice === by && whole % 2n === 0n)) return whole;
  return dividend < 0n === divisor < 0n ? whole + 1n : whole - 1n;
}

function magnitude(units: bigint): bigint {
  return units < 0n ? -units : units;
}

function ofUnits(units: bigint, scale: number): Decimal {
  if (units === 0n) return ZERO;
  const digits = String(magnitude(units)).padStart(scale + 1, '0');
  const point = digits.length - scale;
  let end = digits.length;
  while (end > point && digits[end - 1] === '0') end -= 1;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return (units < 0n ? `-${text}` : text) as Decimal;
}

function plain(value: Big): Decimal {
  const text = value.toFixed();
  return (text === '-0' ? '0' : text) as Decimal;
}
