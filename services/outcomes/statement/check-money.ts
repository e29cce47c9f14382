/** What the money of a statement must mean: its amount and range, and the schedule by which it is recognised. */
import { currencyFix, isCurrencyCode } from '../../fx/currency.ts';
import { compare, type Decimal, decimal, isDecimalText, sum, ZERO } from '../../kernel/decimal.ts';
import { addDays, daysBetween, isIsoDate } from '../../kernel/period.ts';
import { faultOfFigure } from './check-figure.ts';
import type { Report } from './checked-outcome.ts';
import { BASES_WITHOUT_MONEY, type OutcomeContent, type ScheduleRow } from '../outcome.ts';
import type { OutcomeField, RawOutcome } from './raw-outcome.ts';

const RECOGNITION_DAYS_MAX = 3_660;

/** The amount and its range. */
export function checkMoney(
  raw: RawOutcome,
  report: Report,
): Pick<OutcomeContent, 'amount' | 'amountLow' | 'amountHigh'> {
  const amount = readAmount('amount', raw.amount, report);
  const amountLow = readAmount('amountLow', raw.amountLow, report);
  const amountHigh = readAmount('amountHigh', raw.amountHigh, report);
  const hasNoMoney = BASES_WITHOUT_MONEY.some((basis) => basis === raw.basis);
  if (hasNoMoney && raw.amount !== '') {
    report('amount', `${raw.basis} is counted without money`, 'Leave amount and currency empty, or use another basis.');
  }
  if (!hasNoMoney && raw.amount === '' && raw.quantity === '') {
    report('amount', 'there is neither an amount nor a quantity', 'Give one of them.');
  }
  if (raw.amount === '' && raw.currency !== '') {
    report('currency', `${raw.currency} stands without an amount`, 'Give the amount or leave the currency empty.');
  } else if (raw.amount !== '' && !isCurrencyCode(raw.currency)) {
    report('currency', `"${raw.currency}" is not a known currency`, currencyFix(raw.currency));
  }
  if (amount !== null && amountLow !== null && compare(amountLow, amount) > 0) {
    report('amountLow', `${amountLow} is above the amount ${amount}`, 'The range must hold the amount.');
  }
  if (amount !== null && amountHigh !== null && compare(amount, amountHigh) > 0) {
    report('amountHigh', `${amountHigh} is below the amount ${amount}`, 'The range must hold the amount.');
  }
  return { amount, amountLow, amountHigh };
}

function readAmount(field: OutcomeField, text: string, report: Report): Decimal | null {
  if (text === '') return null;
  if (!isDecimalText(text)) {
    report(
      field,
      `"${text}" is not an amount`,
      'Write digits with a point, such as 12500.00, without signs for thousands.',
    );
    return null;
  }
  const amount = decimal(text);
  const tooLong = faultOfFigure(amount);
  if (tooLong !== null) {
    report(field, tooLong.reason, tooLong.fix);
    return null;
  }
  if (compare(amount, ZERO) < 0) {
    report(
      field,
      `${text} is below zero`,
      'Amounts have no sign: a harm has the effect dis_benefit; correct an outcome by stating it anew.',
    );
  }
  return amount;
}

/** The schedule given, or one row from recogniseFrom (the day of delivery) to recogniseUntil (the day after, exclusive). */
export function checkSchedule(raw: RawOutcome, amount: Decimal | null, report: Report): ScheduleRow[] {
  if (raw.amount === '') {
    if (raw.recogniseFrom !== '' || raw.recogniseUntil !== '' || raw.schedule.length > 0) {
      report('recogniseFrom', 'there is no amount to recognise', 'Give the amount or leave the recognition empty.');
    }
    return [];
  }
  if (raw.schedule.length > 0 && (raw.recogniseFrom !== '' || raw.recogniseUntil !== '')) {
    report('schedule', 'both a schedule and recogniseFrom or recogniseUntil are given', 'Give one of the two.');
  }
  // A day of delivery that is no date has its fault already.
  if (raw.schedule.length === 0 && raw.recogniseFrom === '' && !isIsoDate(raw.deliveredOn)) return [];
  const from = raw.recogniseFrom === '' ? raw.deliveredOn : raw.recogniseFrom;
  const until = raw.recogniseUntil === '' && isIsoDate(from) ? addDays(from, 1) : raw.recogniseUntil;
  const rows = raw.schedule.length > 0 ? raw.schedule : [{ from, until, amount: raw.amount }];
  const faultCount = { value: 0 };
  const reportRow: Report = (...fault) => {
    faultCount.value += 1;
    report(...fault);
  };
  const checked = rows.map((row) => checkScheduleRow(row, raw.schedule.length > 0, reportRow));
  const total = sum(checked.map((row) => row.amount));
  if (faultCount.value === 0 && amount !== null && compare(total, amount) !== 0) {
    report('schedule', `its rows add up to ${total}, the amount is ${amount}`, 'They must add up exactly.');
  }
  return checked;
}

function checkScheduleRow(
  row: { from: string; until: string; amount: string },
  isListed: boolean,
  report: Report,
): ScheduleRow {
  const [fromField, untilField] = isListed
    ? (['schedule', 'schedule'] as const)
    : (['recogniseFrom', 'recogniseUntil'] as const);
  const amount = isListed ? readAmount('schedule', row.amount, report) : null;
  const plain = amount ?? (isDecimalText(row.amount) ? decimal(row.amount) : ZERO);
  if (!isIsoDate(row.from) || !isIsoDate(row.until)) {
    const bad = isIsoDate(row.from) ? row.until : row.from;
    report(isIsoDate(row.from) ? untilField : fromField, `"${bad}" is not a date`, 'Write it as YYYY-MM-DD.');
  } else if (row.until <= row.from) {
    const reason = `recognition ends on ${row.until}, not after it starts on ${row.from}`;
    report(untilField, reason, 'The end is exclusive: it is the first day that no longer counts.');
  } else if (daysBetween(row.from, row.until) > RECOGNITION_DAYS_MAX) {
    report(untilField, `recognition runs longer than ${RECOGNITION_DAYS_MAX} days`, 'Give it a nearer end.');
  }
  return { from: row.from, until: row.until, amount: plain };
}
