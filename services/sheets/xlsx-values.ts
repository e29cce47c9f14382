/**
 * What a cell shows, from what a workbook stores. Numbers are stored as the 17 digits of a float and shown with 15: rounded as text to
 * these, 0.30000000000000004 is 0.3 as on the screen, and no float is made of it here. A number in a date's format is a date.
 */
import { addDays } from '../kernel/period.ts';
import { decimal, isDecimalText, significantDigits } from '../kernel/decimal.ts';

/** Excel calculates and shows no more. */
const DIGITS_SHOWN = 15;
/** Formats that every workbook knows by number and that show a date or a time. */
const DATE_FORMATS = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47]);
/** And those of East Asian editions: 27 to 36 and 50 to 58. */
const isEastAsianDate = (id: number) => (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
const SECONDS_PER_DAY = 86_400;
/** 9999-12-31. */
const LAST_DAY = 2_958_465;

/** Whether a number in this format is shown as a date: built in, or with a code of its own. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return DATE_FORMATS.has(id) || isEastAsianDate(id);
  const [first = ''] = code.split(';');
  const bare = first.replaceAll(/"[^"]*"|\\.|[_*]./g, '').replaceAll(/\[(?!(?:h+|m+|s+)\])[^\]]*\]/gi, '');
  if (/general/i.test(bare)) return false;
  return /[ydhs]/i.test(bare) || (/m/i.test(bare) && !/[0#?]/.test(bare));
}

/** The text of a number as shown, or null where it is none. */
export function shownNumber(stored: string): string | null {
  return isDecimalText(stored) ? significantDigits(decimal(stored), DIGITS_SHOWN) : null;
}

/** `YYYY-MM-DD`, with the time where there is one; null for what is no day of a calendar. */
export function shownDate(stored: string, isFrom1904: boolean): string | null {
  const serial = Number(stored);
  if (!Number.isFinite(serial) || serial < 0 || serial > LAST_DAY) return null;
  let days = Math.floor(serial);
  let seconds = Math.round((serial - days) * SECONDS_PER_DAY);
  if (seconds === SECONDS_PER_DAY) {
    days += 1;
    seconds = 0;
  }
  const date = isFrom1904 ? addDays('1904-01-01', days) : addDays(days < 60 ? '1899-12-31' : '1899-12-30', days);
  if (seconds === 0) return date;
  return `${date} ${new Date(seconds * 1000).toISOString().slice(11, 19)}`;
}
