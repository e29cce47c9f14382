/**
 * Recognised value of whole calendar months in their own currency, and of the last one up to the day at which reports cut it, from
 * value_month: as many rows as there are pods and kinds of value, however many outcomes. Other days, and currencies of which each day has
 * its own rate, are read by outcome (pod-values.ts).
 */
import { type RawBuilder, sql } from 'kysely';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { type DateRange, wholeMonths } from '../periods/closed-months.ts';
import { openDays, type ReportFrame } from './report-frame.ts';
import { besideSql } from './value-basis.ts';

/** What of a window is read where. */
export interface ValueSpans {
  /** By month, in the report's currency: where each ends, or is cut. */
  readonly ends: readonly IsoDate[];
  /** Those of them that are cuts: only what has their sums can read them. */
  readonly cuts: readonly IsoDate[];
  /** By outcome, in the report's currency and without money; ranges before the months there are none. */
  readonly own: readonly DateRange[];
  /** By outcome and day, in other currencies. */
  readonly foreign: readonly DateRange[];
}

/** All by outcome: for whoever sees some outcomes only, or other ones than are stored, and for figures by the day. */
export function spansOfOutcomes(open: readonly DateRange[]): ValueSpans {
  return { ends: [], cuts: [], own: open, foreign: open };
}

/** As much as can be by month. Of a window that begins inside a month nothing can: an outcome counts once, where it is first recognised. */
export function spansByMonth(frame: ReportFrame): ValueSpans {
  const open = openDays(frame);
  const { months, days } = wholeMonths(open);
  const isForeign = ({ month, currency }: ReportFrame['valued'][number]) =>
    currency !== frame.currency && open.some(({ start, end }) => month < end && monthOf(month).end > start);
  const foreign = frame.valued.some(isForeign) ? open : [];
  if (days.some(({ start }) => start <= (months.at(-1) ?? '') || monthOf(start).start !== start)) {
    return { ends: [], cuts: [], own: open, foreign };
  }
  const isKept = ({ end }: DateRange) => frame.valueCuts.includes(end);
  const cuts = days.filter(isKept).map(({ end }) => end);
  const ends = [...months.map((month) => monthOf(month).end), ...cuts];
  return { ends, cuts, own: days.filter((range) => !isKept(range)), foreign };
}

/** The day at which the window cuts its last month, where that is worth keeping the month's sums before it; null where they are kept. */
export function cutToKeep(frame: ReportFrame): IsoDate | null {
  const { windowEnd, period, valueCuts, valued, billed, currency } = frame;
  const month = monthOf(windowEnd).start;
  const isCut = windowEnd < period.end && windowEnd > period.start && month < windowEnd;
  const isByMonth = monthOf(period.start).start === period.start && frame.closed.length === 0;
  const hasSums = [...valued, ...billed].some((one) => one.month === month && one.currency === currency);
  return isCut && isByMonth && hasSums && !valueCuts.includes(windowEnd) ? windowEnd : null;
}

/** Rows of ValueRow (pod-values.ts). */
export function monthRows(frame: ReportFrame, { ends }: ValueSpans): RawBuilder<unknown> {
  return sql`
    select party, pod_id, state, ${besideSql(frame.revenueBasis, 'value_month')} as beside, trim_scale(sum(amount)) as amount,
      coalesce(sum(outcomes) filter (where earlier_month is null or earlier_month < ${frame.period.start}::date), 0) as outcomes,
      false as is_missing
    from value_month where ${isRead('value_month', frame, ends)} group by 1, 2, 3, 4`;
}

/** Whether an outcome, of a row of `recognised`, is counted by those rows already. */
export function isOfMonths(frame: ReportFrame, { ends }: ValueSpans): RawBuilder<boolean> {
  if (ends.length === 0) return sql<boolean>`false`;
  return sql<boolean>`exists (select from outcome_month as counted where counted.outcome_id = recognised.outcome_id
    and counted.state = recognised.state and ${isRead('counted', frame, ends)})`;
}

function isRead(row: string, { currency }: ReportFrame, ends: readonly IsoDate[]): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  return sql<boolean>`${column('recognised_until')} = any(${ends}::date[])
    and (${column('currency')} = ${currency} or ${column('currency')} is null)`;
}
