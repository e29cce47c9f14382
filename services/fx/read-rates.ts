/**
 * Reads files of published exchange rates: columns date,base,quote,rate; one unit of base is `rate` units of quote. Rates stay
 * decimal text. One (date, base, quote) has one rate over all files; the same rate twice is fine, two different ones are a fault.
 */
import { type Decimal, decimal, isDecimalText } from '../kernel/decimal.ts';
import type { InputFault } from '../kernel/errors.ts';
import { type IsoDate, isIsoDate } from '../kernel/period.ts';
import { type SheetLayout, type SheetRow, readStrictSheet } from '../sheets/strict-sheet.ts';
import { currencyFix, isCurrencyCode } from './currency.ts';

export interface PublishedRate {
  readonly date: IsoDate;
  readonly base: string;
  readonly quote: string;
  readonly rate: Decimal;
  readonly fileName: string;
  readonly line: number;
}

/** 27 years of 40 daily rates. */
const ROWS_MAX = 400_000;
const LAYOUT: SheetLayout = { required: ['date', 'base', 'quote', 'rate'], optional: [], rowsMax: ROWS_MAX };

/** Every rate of the files, each once, and every fault with its file, line and column. */
export function readRates(files: readonly { name: string; text: string }[]): {
  rates: PublishedRate[];
  faults: InputFault[];
} {
  const byKey = new Map<string, PublishedRate>();
  const faults: InputFault[] = [];
  for (const file of files) {
    const { rows, faults: formFaults } = readStrictSheet(file.name, file.text, LAYOUT);
    faults.push(...formFaults);
    for (const row of rows) {
      const rowFaults = checkRow(file.name, row);
      faults.push(...rowFaults);
      if (rowFaults.length === 0) addRate(byKey, faults, toRate(file.name, row));
    }
  }
  return { rates: [...byKey.values()], faults };
}

function addRate(byKey: Map<string, PublishedRate>, faults: InputFault[], rate: PublishedRate): void {
  const key = `${rate.date} ${rate.base} ${rate.quote}`;
  const former = byKey.get(key);
  if (former === undefined) byKey.set(key, rate);
  else if (former.rate !== rate.rate) {
    const reason = `${rate.base} to ${rate.quote} on ${rate.date} is ${rate.rate} here and ${former.rate} in ${former.fileName} line ${former.line}`;
    faults.push({ file: rate.fileName, line: rate.line, column: 'rate', reason, fix: 'Keep one of the two.' });
  }
}

function checkRow(file: string, row: SheetRow): InputFault[] {
  const { date = '', base = '', quote = '', rate = '' } = row.cells;
  const faults: InputFault[] = [];
  const fault = (column: string, reason: string, fix: string) =>
    faults.push({ file, line: row.line, record: row.record, column, reason, fix });
  if (!isIsoDate(date)) fault('date', `"${date}" is not a date`, 'Write it as YYYY-MM-DD.');
  if (!isCurrencyCode(base)) fault('base', `"${base}" is not a known currency`, currencyFix(base));
  if (!isCurrencyCode(quote)) fault('quote', `"${quote}" is not a known currency`, currencyFix(quote));
  if (base === quote && base !== '') fault('quote', `"${quote}" is also the base`, 'Leave such rows out.');
  if (!isDecimalText(rate)) fault('rate', `"${rate}" is not a number`, 'Write digits with a point, such as 1.0843.');
  else if (!isPositive(rate)) fault('rate', `"${rate}" is not above zero`, 'A rate is what one unit of base costs.');
  return faults;
}

function isPositive(rate: string): boolean {
  const plain = decimal(rate);
  return plain !== '0' && !plain.startsWith('-');
}

function toRate(fileName: string, row: SheetRow): PublishedRate {
  const { date = '', base = '', quote = '', rate = '' } = row.cells;
  return { date, base, quote, rate: decimal(rate), fileName, line: row.line };
}
