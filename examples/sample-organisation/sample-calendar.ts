/**
 * The sample's calendar. Everything it shows lies in the four calendar quarters that end with the one of yesterday, the
 * last day with data, so that it is never out of date and never empty, on the first day of a quarter either.
 */
import {
  addDays,
  daysBetween,
  type IsoDate,
  isIsoDate,
  monthOf,
  monthsTouched,
  type Period,
  quarterOf,
  shiftQuarter,
} from '../../services/kernel/period.ts';

export interface SampleCalendar {
  /** The last charge date with data: yesterday. */
  readonly lastDay: IsoDate;
  /** First charge date. */
  readonly start: IsoDate;
  /** Exclusive: today. */
  readonly end: IsoDate;
  readonly days: number;
  /** Four calendar quarters, oldest first; the last one holds `lastDay` and is usually unfinished. */
  readonly quarters: readonly [Period, Period, Period, Period];
  /** The billing months, oldest first; the last one holds `lastDay`. */
  readonly months: readonly Period[];
}

/**
 * @param today the UTC date to build the sample for; its data ends the day before.
 * @throws RangeError where `today` is no date.
 */
export function sampleCalendar(today: IsoDate): SampleCalendar {
  if (!isIsoDate(today)) throw new RangeError(`"${today}" is not a date. Give today's UTC date as YYYY-MM-DD.`);
  const lastDay = addDays(today, -1);
  const current = quarterOf(lastDay);
  const first = shiftQuarter(current, -3);
  return {
    lastDay,
    start: first.start,
    end: today,
    days: daysBetween(first.start, today),
    quarters: [first, shiftQuarter(current, -2), shiftQuarter(current, -1), current],
    months: monthsTouched(first.start, today).map(monthOf),
  };
}

/** The date `percent` of the way through the part of a quarter that has data. */
export function dayOfQuarter(calendar: SampleCalendar, quarter: Period, percent: number): IsoDate {
  const end = quarter.end < calendar.end ? quarter.end : calendar.end;
  return addDays(quarter.start, Math.floor((daysBetween(quarter.start, end) * percent) / 101));
}

/** Saturday or Sunday, when offices and their environments rest. */
export function isWeekend(date: IsoDate): boolean {
  return [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
}
