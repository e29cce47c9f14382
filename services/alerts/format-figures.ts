/**
 * Figures as people read them: `$40,312`, `81 %`, `19 Nov`, `Q4 2026`. Presentation only; rounded half-even here and nowhere
 * before. Percentages are cut, not rounded: 99.9 % must not read as 100 %.
 */
import {
  absolute,
  compare,
  type Decimal,
  decimal,
  isZero,
  multiply,
  ratio,
  roundForPresentation,
} from '../kernel/decimal.ts';
import { addDays, type IsoDate, parsePeriod } from '../kernel/period.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const SYMBOLS: Readonly<Record<string, string>> = { USD: '$', EUR: '€', GBP: '£', JPY: '¥' };
const THOUSAND = decimal('1000');
const ONE = decimal('1');
const HUNDRED = decimal('100');
const RATIO_PLACES = 12;

/**
 * `$40,312`; cents below a thousand; the size of `scale` (the envelope's limit) decides for all figures that stand beside it, and that of the
 * amount where there is none.
 */
export function formatMoney(amount: Decimal, currency: string, scale: Decimal): string {
  const size = absolute(isZero(scale) ? amount : scale);
  const places = isZero(size) || compare(size, THOUSAND) >= 0 ? 0 : compare(size, ONE) >= 0 ? 2 : 6;
  const rounded = roundForPresentation(amount, places);
  const isNegative = rounded.startsWith('-');
  const [whole = '', fraction] = rounded.replace('-', '').split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const figure = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  const symbol = SYMBOLS[currency] ?? `${currency} `;
  return `${isNegative ? '-' : ''}${symbol}${figure}`;
}

/** `81 %` of `part ÷ whole`, cut to whole points. */
export function formatShare(part: Decimal, whole: Decimal): string {
  const [points = '0'] = ratio(multiply(part, HUNDRED), whole, RATIO_PLACES).split('.');
  return `${points.replace(/\B(?=(\d{3})+$)/g, ',')} %`;
}

/** `19 Nov` */
export function formatDay(date: IsoDate): string {
  return `${Number(date.slice(8, 10))} ${monthName(date).slice(0, 3)}`;
}

/** `September 2026`, `Q4 2026`, `2026`, or `5 Jan to 31 Jan 2026` for a range, whose end is written inclusive. */
export function formatPeriod(periodId: string): { name: string; noun: string } {
  const period = parsePeriod(periodId);
  if (period.kind === 'month') return { name: `${monthName(period.start)} ${period.start.slice(0, 4)}`, noun: 'month' };
  if (period.kind === 'quarter') return { name: `${period.id.slice(5)} ${period.id.slice(0, 4)}`, noun: 'quarter' };
  if (period.kind === 'year') return { name: period.id, noun: 'year' };
  const last = addDays(period.end, -1);
  return { name: `${formatDay(period.start)} to ${formatDay(last)} ${last.slice(0, 4)}`, noun: 'period' };
}

function monthName(date: IsoDate): string {
  return MONTHS[Number(date.slice(5, 7)) - 1] ?? '';
}
