/**
 * Calendar of the product: dates are `YYYY-MM-DD` strings in UTC, periods are half-open [start, end).
 * Names: `2026-09` month, `2026-Q3` fiscal quarter, `2026` fiscal year, `2026-09-01..2026-09-15` any range.
 */
import { AppError } from './errors.ts';

/** `YYYY-MM-DD`, always a real calendar date, always UTC. */
export type IsoDate = string;

export interface Period {
  /** The name it was asked by, normalised. */
  readonly id: string;
  readonly kind: 'month' | 'quarter' | 'year' | 'range';
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
}

/** How fiscal quarters and years are laid over the calendar. */
export interface FiscalCalendar {
  /** 1 to 12. */
  readonly fiscalYearStartMonth: number;
  /** Whether a fiscal year carries the number of the calendar year it starts in, or ends in. */
  readonly fiscalYearNamedBy: 'start' | 'end';
}

export const CALENDAR_YEAR: FiscalCalendar = { fiscalYearStartMonth: 1, fiscalYearNamedBy: 'start' };

const MONTHS_PER_YEAR = 12;
const MS_PER_DAY = 86_400_000;
const FIRST_YEAR = '1900';
const AFTER_LAST_YEAR = '3000';

/**
 * Reads a period's name.
 * @throws AppError invalid_period with the four accepted forms.
 */
export function parsePeriod(text: string, calendar: FiscalCalendar = CALENDAR_YEAR): Period {
  const name = text.trim();
  const month = /^((?:19|2\d)\d{2})-(\d{2})$/.exec(name);
  if (month !== null && isMonthNumber(month[2])) return monthPeriod(Number(month[1]), Number(month[2]));
  const quarter = /^((?:19|2\d)\d{2})-[Qq]([1-4])$/.exec(name);
  if (quarter !== null) return quarterPeriod(Number(quarter[1]), Number(quarter[2]), calendar);
  const year = /^((?:19|2\d)\d{2})$/.exec(name);
  if (year !== null) {
    const first = firstMonthOfFiscalYear(Number(year[1]), calendar);
    return { id: name, kind: 'year', start: monthStart(first), end: monthStart(first + MONTHS_PER_YEAR) };
  }
  const range = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(name);
  if (range?.[1] !== undefined && range[2] !== undefined && isIsoDate(range[1]) && isIsoDate(range[2])) {
    if (range[1] >= range[2]) {
      throw new AppError(
        'invalid_period',
        `The period "${name}" ends before it starts. A range is half-open: its end is the first day after it.`,
      );
    }
    return { id: name, kind: 'range', start: range[1], end: range[2] };
  }
  throw new AppError(
    'invalid_period',
    `"${name}" is not a period. Write 2026-09 (month), 2026-Q3 (fiscal quarter), 2026 (fiscal year) or 2026-09-01..2026-09-15 (end exclusive).`,
  );
}

/** The calendar month that holds a date. */
export function monthOf(date: IsoDate): Period {
  return monthPeriod(Number(date.slice(0, 4)), Number(date.slice(5, 7)));
}

/** The fiscal quarter that holds a date. */
export function quarterOf(date: IsoDate, calendar: FiscalCalendar = CALENDAR_YEAR): Period {
  const index = monthIndex(date);
  const offset = (index - (calendar.fiscalYearStartMonth - 1) + MONTHS_PER_YEAR * MONTHS_PER_YEAR) % MONTHS_PER_YEAR;
  const firstMonth = index - offset;
  const startYear = Math.floor(firstMonth / MONTHS_PER_YEAR);
  const named = calendar.fiscalYearNamedBy === 'end' && calendar.fiscalYearStartMonth > 1 ? startYear + 1 : startYear;
  return quarterPeriod(named, Math.floor(offset / 3) + 1, calendar);
}

/** The quarter `count` before (negative) or after the given one. */
export function shiftQuarter(quarter: Period, count: number, calendar: FiscalCalendar = CALENDAR_YEAR): Period {
  return quarterOf(monthStart(monthIndex(quarter.start) + count * 3), calendar);
}

/**
 * The contract's name of a billing period: `YYYY-MM` for a calendar month, else `start..end`.
 * Azure has billing periods from the 15th to the 14th.
 */
export function billingPeriodName(start: IsoDate, end: IsoDate): string {
  const month = monthOf(start);
  return month.start === start && month.end === end ? month.id : `${start}..${end}`;
}

/** The calendar months that a half-open date range touches, as `YYYY-MM-01`, ascending. */
export function monthsTouched(start: IsoDate, end: IsoDate): IsoDate[] {
  const months: IsoDate[] = [];
  for (let index = monthIndex(start); monthStart(index) < end; index += 1) months.push(monthStart(index));
  return months;
}

export function addDays(date: IsoDate, days: number): IsoDate {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * MS_PER_DAY).toISOString().slice(0, 10);
}

/** Whole days from `start` to `end`. */
export function daysBetween(start: IsoDate, end: IsoDate): number {
  return Math.round((Date.parse(`${end}T00:00:00Z`) - Date.parse(`${start}T00:00:00Z`)) / MS_PER_DAY);
}

/** The UTC date of an instant. */
export function utcDate(instant: Date): IsoDate {
  return instant.toISOString().slice(0, 10);
}

/** True for a real calendar date written `YYYY-MM-DD` in the years 1900 to 2999: others are slips, and the day after 9999-12-31 has five digits. */
export function isIsoDate(text: string): boolean {
  if (!/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/.test(text)) return false;
  if (text < FIRST_YEAR || text >= AFTER_LAST_YEAR) return false;
  const day = Number(text.slice(8));
  // Sheets have tens of thousands of them, nearly all below 29.
  return day < 29 || day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}

function monthPeriod(year: number, month: number): Period {
  const index = year * MONTHS_PER_YEAR + month - 1;
  return { id: monthStart(index).slice(0, 7), kind: 'month', start: monthStart(index), end: monthStart(index + 1) };
}

function quarterPeriod(year: number, quarter: number, calendar: FiscalCalendar): Period {
  const first = firstMonthOfFiscalYear(year, calendar) + (quarter - 1) * 3;
  return { id: `${year}-Q${quarter}`, kind: 'quarter', start: monthStart(first), end: monthStart(first + 3) };
}

function firstMonthOfFiscalYear(year: number, calendar: FiscalCalendar): number {
  const startYear = calendar.fiscalYearNamedBy === 'end' && calendar.fiscalYearStartMonth > 1 ? year - 1 : year;
  return startYear * MONTHS_PER_YEAR + calendar.fiscalYearStartMonth - 1;
}

function monthIndex(date: IsoDate): number {
  return Number(date.slice(0, 4)) * MONTHS_PER_YEAR + Number(date.slice(5, 7)) - 1;
}

function monthStart(index: number): IsoDate {
  const year = Math.floor(index / MONTHS_PER_YEAR);
  const month = (index % MONTHS_PER_YEAR) + 1;
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`;
}

function isMonthNumber(text: string | undefined): boolean {
  return text !== undefined && Number(text) >= 1 && Number(text) <= MONTHS_PER_YEAR;
}
