/**
 * DuckDB expressions that read one cell of a bill exactly, whatever form it was delivered in. Money stays exact at any number of
 * decimals without the cost of wide decimals: text → DECIMAL(30,12) takes 0.7 µs a value, text → DECIMAL(18,12)
 * 0.02 µs. So a number is read as a head (the first decimals, in an int64) and a tail (the next 16 digits); heads and tails are summed
 * apart and put together as text. What fits neither is null here and travels as text.
 */

/** Decimals of the head: money up to 1e6 a line at 12, quantities up to 1e12 at 6. */
export const MONEY_SCALE = 12;
export const QUANTITY_SCALE = 6;

const TAIL_DIGITS = 16;
const TAIL_UNIT = `cast('1${'0'.repeat(TAIL_DIGITS)}' as hugeint)`;
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

/**
 * True where a text is a number. The cast is the quick way; it also takes underscores and a sign without digits, so only a text that
 * ends in a digit and holds neither underscore nor space is judged by it.
 */
export function isNumber(cell: string): string {
  return `(case when right(${cell}, 1) between '0' and '9' and not contains(${cell}, '_') and not contains(${cell}, ' ')
      and try_cast(${cell} as decimal(18, 12)) is not null then true
    else coalesce(regexp_full_match(${cell}, '${NUMBER_PATTERN}'), false) end)`;
}

/**
 * How a number becomes head and tail. Each step is a column of a further SELECT, because DuckDB computes a column once but plans an
 * expression as often as it is written: `quick` is the whole value where the head holds it (nearly always), else null; `plain` the text of
 * the others without exponent, null where the digits do not fit anyway; `head` and `tail` are null then.
 */
export interface PartsReader {
  readonly quick: (source: string) => string;
  readonly plain: (source: string, quick: string) => string;
  readonly head: (quick: string, plain: string) => string;
  readonly tail: (quick: string, plain: string) => string;
}

/** For text that is a number. */
export function textParts(scale: number): PartsReader {
  const decimals = (plain: string) => `(length(rtrim(${plain}, '0')) - strpos(${plain}, '.'))`;
  const fits = (plain: string) => `(contains(${plain}, '.') and ${decimals(plain)} <= ${scale + TAIL_DIGITS})`;
  const digits = (plain: string) =>
    `rpad(substr(${plain}, strpos(${plain}, '.') + ${scale + 1}, ${TAIL_DIGITS}), ${TAIL_DIGITS}, '0')`;
  return {
    quick: (text) =>
      `(case when not ${hasExponent(text)} and (not contains(${text}, '.') or length(${text}) - strpos(${text}, '.') <= ${scale})
        then try_cast(${text} as ${headType(scale)}) end)`,
    plain: (text, quick) =>
      `(case when ${quick} is not null then null when ${hasExponent(text)} then ${plainOfExponent(text)} else trim(${text}) end)`,
    head: (quick, plain) =>
      `(case when ${quick} is not null then ${quick}
        when ${fits(plain)} then try_cast(left(${plain}, strpos(${plain}, '.') + ${scale}) as ${headType(scale)}) end)`,
    tail: (quick, plain) =>
      `(case when ${quick} is not null then 0::bigint
        when ${fits(plain)} then (case when starts_with(${plain}, '-') then -1 else 1 end) * try_cast(${digits(plain)} as bigint) end)`,
  };
}

/**
 * For a DOUBLE, through its shortest text: that is the decimal its writer meant, and any other way changes the last digits. Where the
 * DOUBLE nearest to a decimal of at most 15 digits is this one, that decimal is the shortest text, so the text itself is only made for
 * the others.
 */
export function doubleParts(scale: number): PartsReader {
  const text = textParts(scale);
  return {
    ...text,
    quick: (cell) => {
      const candidate = `cast(${cell} as ${headType(scale)})`;
      return `(case when abs(${cell}) < 1e${DOUBLE_SAFE_DIGITS - scale} then
        case when cast(${candidate} as double) = ${cell} then ${candidate} end end)`;
    },
    plain: (cell, quick) => text.plain(`cast(${cell} as varchar)`, quick),
  };
}

/** Σ head with the whole units of Σ tail carried into it, and what is left of Σ tail: columns for `textOfParts`. */
export function carryTail(headSum: string, tailSum: string, scale: number): { carried: string; rest: string } {
  return {
    carried: `(case when ${tailSum} = 0 then ${headSum} else ${headSum} + cast(${tailSum} // ${TAIL_UNIT} as decimal(38, 0)) * ${headUnit(scale)} end)`,
    rest: `(${tailSum} % ${TAIL_UNIT})`,
  };
}

/** The plain decimal text of a carried head and the rest of its tail. */
export function textOfParts(carried: string, rest: string, scale: number): string {
  // With one sign in both, the digits follow each other; otherwise one unit of the head is lent to the tail.
  return `(case
    when ${rest} = 0 then ${textOfDecimal(carried, scale)}
    when ${carried} >= 0 and ${rest} > 0 then cast(${carried} as varchar) || ${padded(rest)}
    when ${carried} <= 0 and ${rest} < 0 then '-' || cast(-${carried} as varchar) || ${padded(`-${rest}`)}
    when ${carried} > 0 then cast(${carried} - ${headUnit(scale)} as varchar) || ${padded(`${TAIL_UNIT} + ${rest}`)}
    else '-' || cast(-${carried} - ${headUnit(scale)} as varchar) || ${padded(`${TAIL_UNIT} - ${rest}`)} end)`;
}

/** The text of a DECIMAL(38, scale): an int64's digits are written thirty times faster than an int128's (0.1 against 1.1 µs). */
export function textOfDecimal(value: string, scale: number): string {
  if (scale > INT64_DIGITS) return `cast(${value} as varchar)`;
  const bound = `cast(1e${INT64_DIGITS - scale} as decimal(38, ${scale}))`;
  return `(case when ${value} > -${bound} and ${value} < ${bound} then cast(cast(${value} as decimal(18, ${scale})) as varchar)
    else cast(${value} as varchar) end)`;
}

function hasExponent(text: string): string {
  return `(contains(${text}, 'e') or contains(${text}, 'E'))`;
}

function plainOfExponent(text: string): string {
  const mantissa = `split_part(lower(trim(${text})), 'e', 1)`;
  const exponent = `try_cast(split_part(lower(trim(${text})), 'e', 2) as integer)`;
  const decimals = `(length(split_part(${mantissa}, '.', 2)) - ${exponent})`;
  return `(case when ${decimals} <= ${WIDE_SCALE} then cast(try_cast(trim(${text}) as decimal(38, ${WIDE_SCALE})) as varchar) end)`;
}

function headType(scale: number): string {
  return `decimal(18, ${scale})`;
}

function headUnit(scale: number): string {
  return `cast('1e-${scale}' as decimal(38, ${scale}))`;
}

function padded(units: string): string {
  return `lpad(cast(${units} as varchar), ${TAIL_DIGITS}, '0')`;
}
