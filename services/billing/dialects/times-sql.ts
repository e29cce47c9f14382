/** Times and dates as providers write them, as FOCUS wants them: half-open periods in UTC. */

/**
 * The end of a charge period. Fees and taxes may end when they start; they then last until `limit`, where that is later, else a second.
 * What cannot be read comes through as it is, for the check of the line to refuse.
 */
export function endAfter(start: string, end: string, limit = 'null'): string {
  const at = (text: string) => `try_cast(${text} as timestamptz)`;
  return `(case when ${at(start)} is null or ${at(end)} is null or ${at(end)} > ${at(start)} then ${end}
    when ${at(limit)} > ${at(start)} then ${limit}
    else strftime(${at(start)} + interval 1 second, '%Y-%m-%dT%H:%M:%SZ') end)`;
}

export type DateOrder = 'month-first' | 'day-first';

/** A date's text in ISO order: ISO as it is, a slashed one in the order given, anything else as it is. */
export function isoDate(text: string, order: DateOrder): string {
  const formats = order === 'month-first' ? ['%m/%d/%Y', '%m/%d/%y'] : ['%d/%m/%Y', '%d/%m/%y'];
  const parsed = `try_strptime(regexp_extract(trim(${text}), '^\\d{1,2}/\\d{1,2}/\\d{2,4}'), [${formats.map((format) => `'${format}'`).join(', ')}])`;
  return `(case when contains(${text}, '/') then coalesce(strftime(${parsed}, '%Y-%m-%d'), ${text}) else left(trim(${text}), 10) end)`;
}

/** The day after an ISO date. */
export function nextDay(isoText: string): string {
  return `coalesce(strftime(try_cast(${isoText} as date) + 1, '%Y-%m-%d'), ${isoText})`;
}

/** The first day of an ISO date's month, and of the month after. */
export function monthStart(isoText: string, monthsLater = 0): string {
  return `strftime(date_trunc('month', try_cast(left(${isoText}, 10) as date)) + interval ${monthsLater} month, '%Y-%m-%d')`;
}
