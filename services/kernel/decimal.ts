/**
 * Exact decimals outside SQL. A Decimal is a plain decimal string: no exponent, no trailing zeros after the point, never `-0`.
 * Sums, differences and products are exact at any precision (big.js); the only division is `ratio`, which names its rounding.
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
  return plain(new Big(left).plus(right));
}

export function subtract(left: Decimal, right: Decimal): Decimal {
  return plain(new Big(left).minus(right));
}

export function multiply(left: Decimal, right: Decimal): Decimal {
  return plain(new Big(left).times(right));
}

/** The exact sum of any number of decimals; `"0"` for none. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total = new Big(0);
  // Most figures of a report are nothing, and reading a text as a number is what takes the time.
  for (const value of values) if (value !== ZERO) total = total.plus(value);
  return plain(total);
}

/** -1, 0 or 1, by numeric value. */
export function compare(left: Decimal, right: Decimal): -1 | 0 | 1 {
  return left === right ? 0 : new Big(left).cmp(right);
}

export function isZero(value: Decimal): boolean {
  return compare(value, ZERO) === 0;
}

/**
 * `dividend ÷ divisor`, rounded half-even to `places` with zeros kept (`"2.3100"`): the form of every ratio the product shows.
 * @throws RangeError on a zero divisor: callers decide what "n/a" means first.
 */
export function ratio(dividend: Decimal, divisor: Decimal, places = 4): string {
  if (isZero(divisor)) throw new RangeError('a ratio needs a divisor other than zero');
  const text = new (roundingTo(places))(dividend).div(divisor).toFixed(places);
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

const rounding = new Map<number, ReturnType<typeof Big>>();

/** Numbers whose quotients are rounded half-even to `places`; made once. */
function roundingTo(places: number): ReturnType<typeof Big> {
  const known = rounding.get(places);
  if (known !== undefined) return known;
  const Rounded = Big();
  Rounded.DP = places;
  Rounded.RM = Big.roundHalfEven;
  rounding.set(places, Rounded);
  return Rounded;
}

/** Rounds half-even to `places`, zeros kept: for presentation only, never for stored figures. */
export function roundForPresentation(value: Decimal, places: number): string {
  const text = new Big(value).round(places, Big.roundHalfEven).toFixed(places);
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

function plain(value: Big): Decimal {
  const text = value.toFixed();
  return (text === '-0' ? '0' : text) as Decimal;
}
