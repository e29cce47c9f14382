/**
 * DuckDB expressions that read one cell of a bill exactly, whatever form it was delivered in. Money stays exact at any number of
 * decimals without the cost of wide decimals: text → DECIMAL(38,28) takes 0.7 µs a value and overflows at 1e10, text → DECIMAL(18,12)
 * 0.02 µs. So a number is read as a head (the first decimals, in an int64) and a tail (the next 16 digits); heads and tails are summed
 * apart and put together as text. What fits neither is null here and travels as text.
 */

/** Decimals of the head: money up to 1e6 a line at 12, quantities up to 1e12 at 6. */
export const MONEY_SCALE = 12;
export const QUANTITY_SCALE = 6;

const TAIL_DIGITS = 16;
/** A decimal of at most 15 significant digits survives the way to a DOUBLE and back. */
const DOUBLE_SAFE_DIGITS = 15;
const WIDE_SCALE = 28;
const INT64_DIGITS = 18;
/** Digits, at most one point, an optional exponent of up to three digits; as `isDecimalText` in the kernel. */
export const NUMBER_PATTERN = String.raw`\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*`;

/** True where a text cell holds nothing: empty, NULL, null or (null), with spaces around or not. */
export function isNothing(cell: string): string {
  return `(${cell} is null or lower(trim(${cell})) in ('', 'null', '(null)'))`;
}

/** The text cell, null where it holds nothing. */
export function something(cell: string): string {
  return `(case when ${isNothing(cell)} then null else ${cell} end)`;
}

/** True where a text is a number. The cast is the quick way; it also takes underscores, which are none of ours. */
export function isNumber(cell: string): string {
  return `(case when try_cast(${cell} as decimal(18, 12)) is not null then not contains(${cell}, '_')
    else coalesce(regexp_full_match(${cell}, '${NUMBER_PATTERN}'), false) end)`;
}

export interface Parts {
  readonly head: string;
  readonly tail: string;
}

/** Head and tail of a text that is a number; both null where it has more digits than they hold. */
export function partsOfText(text: string, scale: number): Parts {
  const hasExponent = `(contains(${text}, 'e') or contains(${text}, 'E'))`;
  const isShort = `(not ${hasExponent} and (not contains(${text}, '.') or length(${text}) - strpos(${text}, '.') <= ${scale}))`;
  const plain = `(case when ${hasExponent} then ${plainOfExponent(text)} else trim(${text}) end)`;
  const point = `strpos(${plain}, '.')`;
  const fits = `(${point} > 0 and length(rtrim(${plain}, '0')) - ${point} <= ${scale + TAIL_DIGITS})`;
  const sign = `(case when starts_with(${plain}, '-') then -1 else 1 end)`;
  const digits = `rpad(substr(${plain}, ${point} + ${scale + 1}, ${TAIL_DIGITS}), ${TAIL_DIGITS}, '0')`;
  return {
    head: `(case when ${isShort} then try_cast(${text} as ${head(scale)})
      when ${fits} then try_cast(left(${plain}, ${point} + ${scale}) as ${head(scale)}) end)`,
    tail: `(case when ${isShort} then 0::bigint when ${fits} then ${sign} * try_cast(${digits} as bigint) end)`,
  };
}

/**
 * Head and tail of a DOUBLE, through its shortest text: that is the decimal its writer meant, and any other way changes the last
 * digits. Where the DOUBLE nearest to a decimal of at most 15 digits is this one, that decimal is the shortest text, so the text
 * itself is only made for the others.
 */
export function partsOfDouble(cell: string, scale: number): Parts {
  const isSafe = `(abs(${cell}) < 1e${DOUBLE_SAFE_DIGITS - scale} and cast(cast(${cell} as ${head(scale)}) as double) = ${cell})`;
  const text = partsOfText(`cast(${cell} as varchar)`, scale);
  return {
    head: `(case when ${isSafe} then cast(${cell} as ${head(scale)}) else ${text.head} end)`,
    tail: `(case when ${isSafe} then 0::bigint else ${text.tail} end)`,
  };
}

/** The plain decimal text of Σ head + Σ tail. */
export function textOfParts(headSum: string, tailSum: string, scale: number): string {
  const unit = `cast('1e-${scale}' as decimal(38, ${scale}))`;
  const carried = `(${headSum} + cast(${tailSum} // ${tailUnit()} as decimal(38, 0)) * ${unit})`;
  const rest = `(${tailSum} % ${tailUnit()})`;
  // With one sign in both, the digits follow each other; otherwise one unit of the head is lent to the tail.
  const composed = `(case
    when ${rest} = 0 then cast(${carried} as varchar)
    when ${carried} >= 0 and ${rest} > 0 then cast(${carried} as varchar) || ${padded(rest)}
    when ${carried} <= 0 and ${rest} < 0 then '-' || cast(-${carried} as varchar) || ${padded(`-${rest}`)}
    when ${carried} > 0 then cast(${carried} - ${unit} as varchar) || ${padded(`${tailUnit()} + ${rest}`)}
    else '-' || cast(-${carried} - ${unit} as varchar) || ${padded(`${tailUnit()} - ${rest}`)} end)`;
  return `(case when ${tailSum} = 0 then ${textOfDecimal(headSum, scale)} else ${composed} end)`;
}

/** The text of a DECIMAL(38, scale): an int64's digits are written thirty times faster than an int128's (0.06 against 1.8 µs). */
export function textOfDecimal(value: string, scale: number): string {
  if (scale > INT64_DIGITS) return `cast(${value} as varchar)`;
  const bound = `cast(1e${INT64_DIGITS - scale} as decimal(38, ${scale}))`;
  return `(case when ${value} > -${bound} and ${value} < ${bound} then cast(cast(${value} as decimal(18, ${scale})) as varchar)
    else cast(${value} as varchar) end)`;
}

function plainOfExponent(text: string): string {
  const mantissa = `split_part(lower(trim(${text})), 'e', 1)`;
  const exponent = `try_cast(split_part(lower(trim(${text})), 'e', 2) as integer)`;
  const decimals = `(length(split_part(${mantissa}, '.', 2)) - ${exponent})`;
  return `(case when ${decimals} <= ${WIDE_SCALE} then cast(try_cast(trim(${text}) as decimal(38, ${WIDE_SCALE})) as varchar) end)`;
}

function head(scale: number): string {
  return `decimal(18, ${scale})`;
}

function tailUnit(): string {
  return `cast('1${'0'.repeat(TAIL_DIGITS)}' as hugeint)`;
}

function padded(units: string): string {
  return `lpad(cast(${units} as varchar), ${TAIL_DIGITS}, '0')`;
}
