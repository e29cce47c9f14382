/**
 * Reads the spellings of an instant that bills use. A bill has few distinct ones (an hour of a month each), so they are read once
 * per distinct text and joined to the lines. FOCUS wants ISO 8601 in UTC; also met: no zone (UTC is meant), another offset, a space,
 * slashes in year-first order, seven-digit fractions, hours past 24 (in FOCUS's own examples), and American month-first dates.
 */

/** How a bill writes `4/1/25`: month first, or unknown because it writes no such date or nothing proves the order. */
export type SlashOrder = 'month-first' | 'unproven' | 'day-first';

const ISO =
  String.raw`(\d{4})[-/](\d{2})[-/](\d{2})` +
  String.raw`(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(?:Z|z|UTC|GMT|([+-]\d{2}(?::?\d{2})?))?`;
const SLASHED = String.raw`(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AaPp][Mm]))?)?\s*(?:Z|z|UTC|GMT)?`;

/** The parts of an ISO text, for `momentOfText`: a column of its own, because each expression that names the pattern has it compiled anew. */
export function isoParts(text: string): string {
  return `regexp_extract(${text}, '${ISO}', ['year', 'month', 'day', 'hour', 'minute', 'second', 'fraction', 'zone'])`;
}

/**
 * The UTC timestamp of a text whose `isoParts` are in the column `iso`, null where it is none; a slashed date is one only where month-first
 * order is proven.
 */
export function momentOfText(text: string, order: SlashOrder): string {
  const iso = `case when regexp_full_match(${text}, '${ISO}') then ${isoMoment()} end`;
  return order === 'month-first'
    ? `coalesce(${iso}, case when regexp_full_match(${text}, '${SLASHED}') then ${slashedMoment(text)} end)`
    : `(${iso})`;
}

/** True for a date written with slashes and the year last. */
export function isSlashed(text: string): string {
  return `coalesce(regexp_full_match(${text}, '${SLASHED}'), false)`;
}

/** The first and second number of a slashed date. */
export function slashedNumber(text: string, position: 1 | 2): string {
  return `try_cast(regexp_extract(${text}, '${SLASHED}', ${position}) as integer)`;
}

/** The date of a slashed text in the order given, null where the calendar has no such day. */
export function slashedDate(text: string, order: 'month-first' | 'day-first'): string {
  const [month, day] = order === 'month-first' ? [1, 2] : [2, 1];
  const year = `lpad(regexp_extract(${text}, '${SLASHED}', 3), 4, '20')`;
  const part = (position: number) => `lpad(regexp_extract(${text}, '${SLASHED}', ${position}), 2, '0')`;
  return `try_cast(${year} || '-' || ${part(month ?? 1)} || '-' || ${part(day ?? 2)} as date)`;
}

function isoMoment(): string {
  const date = `try_cast(iso.year || '-' || iso.month || '-' || iso.day as date)`;
  const minutes = `${whole('substr(iso.zone, 2, 2)')} * 60 + ${whole("substr(replace(iso.zone, ':', ''), 4, 2)")}`;
  const micros = whole("rpad(left(iso.fraction, 6), 6, '0')");
  return `(${instant(date, whole('iso.hour'), whole('iso.minute'), whole('iso.second'), micros, 47)} - to_minutes((case when starts_with(iso.zone, '-') then -1 else 1 end) * (${minutes})))`;
}

function slashedMoment(text: string): string {
  const group = (position: number) => `regexp_extract(${text}, '${SLASHED}', ${position})`;
  const hour = whole(group(4));
  const half = `lower(${group(7)})`;
  const onClock = `(case when ${half} = '' then ${hour} when ${hour} not between 1 and 12 then 99
    else ${hour} % 12 + (case ${half} when 'pm' then 12 else 0 end) end)`;
  return instant(slashedDate(text, 'month-first'), onClock, whole(group(5)), whole(group(6)), '0', 23);
}

function instant(date: string, hour: string, minute: string, second: string, micros: string, hourMax: number): string {
  return `(case when ${hour} <= ${hourMax} and ${minute} <= 59 and ${second} <= 59
    then cast(${date} as timestamp) + to_hours(${hour}) + to_minutes(${minute}) + to_seconds(${second}) + to_microseconds(${micros}) end)`;
}

function whole(digits: string): string {
  return `coalesce(try_cast(${digits} as bigint), 0)`;
}
