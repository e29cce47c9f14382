/**
 * Recognised value of whole calendar months in their own currency, from value_month: as many rows as there are pods and kinds of value,
 * however many outcomes. The days that are left, and currencies of which each day has its own rate, are read by outcome (pod-values.ts).
 */
import { type RawBuilder, sql } from 'kysely';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { type DateRange, wholeMonths } from '../periods/closed-months.ts';
import { openDays, type ReportFrame } from './report-frame.ts';
import { besideSql } from './value-basis.ts';

/** What of a window is read where. */
export interface ValueSpans {
  /** By month, in the report's currency. */
  readonly months: readonly IsoDate[];
  /** By outcome, in the report's currency and without money; ranges before the months there are none. */
  readonly own: readonly DateRange[];
  /** By outcome and day, in other currencies. */
  readonly foreign: readonly DateRange[];
}

/** All by outcome: for whoever sees some outcomes only, or other ones than are stored, and for figures by the day. */
export function spansOfOutcomes(open: readonly DateRange[]): ValueSpans {
  return { months: [], own: open, foreign: open };
}

/** As much as can be by month. Of a window that begins inside a month nothing can: an outcome counts once, where it is first recognised. */
export function spansByMonth(frame: ReportFrame): ValueSpans {
  const open = openDays(frame);
  const { months, days } = wholeMonths(open);
  const isFromMonth = days.every(({ start }) => start > (months.at(-1) ?? start));
  const isForeign = ({ month, currency }: ReportFrame['valued'][number]) =>
    currency !== frame.currency && open.some(({ start, end }) => month < end && monthOf(month).end > start);
  const foreign = frame.valued.some(isForeign) ? open : [];
  return isFromMonth ? { months, own: days, foreign } : { months: [], own: open, foreign };
}

/** Rows of ValueRow (pod-values.ts). */
export function monthRows(frame: ReportFrame, { months }: ValueSpans): RawBuilder<unknown> {
  return sql`
    select party, pod_id, state, ${besideSql(frame.revenueBasis, 'value_month')} as beside, trim_scale(sum(amount)) as amount,
      coalesce(sum(outcomes) filter (where earlier_month is null or earlier_month < ${frame.period.start}::date), 0) as outcomes,
      false as is_missing
    from value_month where ${isRead('value_month', frame, months)} group by 1, 2, 3, 4`;
}

/** Whether an outcome, of a row of `outcome`, is counted by those rows already. */
export function isOfMonths(frame: ReportFrame, { months }: ValueSpans): RawBuilder<boolean> {
  if (months.length === 0) return sql<boolean>`false`;
  return sql<boolean>`exists (select from outcome_month as counted where counted.outcome_id = outcome.id
    and counted.state = outcome.state and ${isRead('counted', frame, months)})`;
}

function isRead(row: string, { currency }: ReportFrame, months: readonly IsoDate[]): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  return sql<boolean>`${column('recognition_month')} = any(${months}::date[])
    and (${column('currency')} = ${currency} or ${column('currency')} is null)`;
}
