/**
 * Euro reference rates of the sample, in the shape central banks publish them: business days only, four decimals, base EUR.
 * Invented, and a function of the date alone, so that the same day has the same rate in every run.
 */
import { addDays, daysBetween, type IsoDate } from '../../services/kernel/period.ts';
import { isWeekend, type SampleCalendar } from './sample-calendar.ts';

/** Rates begin before the first charge, for approvals and carried weekends. */
const DAYS_BEFORE_FIRST_CHARGE = 45;
const EPOCH: IsoDate = '2020-01-01';

/** The file `fx/ecb.csv`: date,base,quote,rate. */
export function exchangeRatesCsv(calendar: SampleCalendar): string {
  const lines = ['date,base,quote,rate'];
  for (let date = addDays(calendar.start, -DAYS_BEFORE_FIRST_CHARGE); date < calendar.end; date = addDays(date, 1)) {
    if (!isBankHoliday(date)) lines.push(`${date},EUR,USD,${dollarsPerEuro(date)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The rate in ten-thousandths, for planning amounts. */
export function dollarsPerEuroTenThousandths(date: IsoDate): bigint {
  const day = daysBetween(EPOCH, date);
  return BigInt(10_850 + zigzag(day, 180, 3) + zigzag(day, 34, 2) + ((day * 7919) % 41) - 20);
}

function dollarsPerEuro(date: IsoDate): string {
  const digits = String(dollarsPerEuroTenThousandths(date)).padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** A triangle wave around zero: `halfPeriod` days up by `step`, then down. */
function zigzag(day: number, halfPeriod: number, step: number): number {
  const phase = day % (2 * halfPeriod);
  return (phase < halfPeriod ? phase : 2 * halfPeriod - phase) * step - (halfPeriod * step) / 2;
}

function isBankHoliday(date: IsoDate): boolean {
  return isWeekend(date) || ['01-01', '05-01', '12-25', '12-26'].includes(date.slice(5));
}
