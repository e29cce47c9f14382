/**
 * Recognised value of whole calendar months in their own currency, and of the last one up to the day at which reports cut it, from
 * value_month, and of closed months before them from standing_value: as many rows as there are pods and kinds of value, however many outcomes. Other days, and currencies of which each day has
 * its own rate, are read by outcome (pod-values.ts).
 */
import { type RawBuilder, sql } from 'kysely';
import { isOneOf } from '../../db/prepared.ts';
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
  /** Closed months (`YYYY-MM-01`), all of the window or none: by month, in the report's currency, as their statements say. */
  readonly stated: readonly IsoDate[];
  /** By outcome, in the report's currency and without money; ranges before the months there are none. */
  readonly own: readonly DateRange[];
  /** By outcome and day, in other currencies. */
  readonly foreign: readonly DateRange[];
}

/** All by outcome: for whoever sees some outcomes only, or other ones than are stored, and for figures by the day. */
export function spansOfOutcomes(open: readonly DateRange[]): ValueSpans {
  return { ends: [], cuts: [], stated: [], own: open, foreign: open };
}

/** As much as can be by month. Of a window that begins inside a month nothing can: an outcome counts once, where it is first recognised. */
export function spansByMonth(frame: ReportFrame): ValueSpans {
  const open = openDays(frame);
  const { months, days } = wholeMonths(open);
  const isForeign = ({ month, currency }: ReportFrame['valued'][number]) =>
    currency !== frame.currency && open.some(({ start, end }) => month < end && monthOf(month).end > start);
  const foreign = frame.valued.some(isForeign) ? open : [];
  if (days.some(({ start }) => start <= (months.at(-1) ?? '') || monthOf(start).start !== start)) {
    return { ends: [], cuts: [], stated: [], own: open, foreign };
  }
  const isKept = ({ end }: DateRange) => frame.valueCuts.includes(end);
  const cuts = days.filter(isKept).map(({ end }) => end);
  const ends = [...months.map((month) => monthOf(month).end), ...cuts];
  const own = days.filter((range) => !isKept(range));
  if (frame.closed.length === 0) return { ends, cuts, stated: [], own, foreign };
  const isWhole = own.length + foreign.length === 0 && hasStandingSums(frame);
  return isWhole ? { ends, cuts, stated: frame.closed.map(({ start }) => start), own, foreign } : spansOfOutcomes(open);
}

/** The day at which the window cuts its last month, where that is worth keeping the month's sums before it; null where they are kept. */
export function cutToKeep(frame: ReportFrame): IsoDate | null {
  const { windowEnd, period, valueCuts, valued, billed, currency } = frame;
  const month = monthOf(windowEnd).start;
  const isCut = windowEnd < period.end && windowEnd > period.start && month < windowEnd;
  const isByMonth = monthOf(period.start).start === period.start;
  const hasSums = [...valued, ...billed].some((one) => one.month === month && one.currency === currency);
  return isCut && isByMonth && hasSums && !valueCuts.includes(windowEnd) ? windowEnd : null;
}

/**
 * Whether the statements of the closed months are added up, in the report's currency and by its revenue basis, and every closed month lies
 * before every open one: an outcome counts where it is first stated, else where it is first recognised.
 */
function hasStandingSums({
  period,
  windowEnd,
  closed,
  adjusting,
  standingMonths,
  currency,
  revenueBasis,
}: ReportFrame): boolean {
  let cursor = period.start;
  for (const { start, end, statementId } of closed) {
    const sums = standingMonths.find((one) => one.statementId === statementId);
    const isSame = sums?.revenueBasis === revenueBasis && sums.currencies.every((one) => one === currency);
    if (!isSame || start !== cursor || monthOf(start).start !== start || monthOf(start).end !== end) return false;
    cursor = end;
  }
  return cursor >= windowEnd || adjusting?.start === cursor;
}

/** Rows of ValueRow (pod-values.ts). */
export function monthRows(frame: ReportFrame, { ends, stated }: ValueSpans): RawBuilder<unknown> {
  const { start } = frame.period;
  const openFrom = frame.closed.at(-1)?.end ?? start;
  const isFirst = (row: string, before: IsoDate) =>
    sql`(${sql.ref(`${row}.earlier_month`)} is null or ${sql.ref(`${row}.earlier_month`)} < ${before}::date)`;
  const isUnstated = stated.length === 0 ? sql`true` : sql`(stated_month is null or stated_month < ${start}::date)`;
  const open = sql`
    select party, pod_id, state, ${besideSql(frame.revenueBasis, 'value_month')} as beside, amount,
      case when ${isFirst('value_month', openFrom)} and ${isUnstated} then outcomes else 0 end as outcomes
    from value_month where ${isRead('value_month', frame, ends)}`;
  const closed = sql`
    select party, pod_id, state, beside, amount, case when ${isFirst('standing_value', start)} then outcomes else 0 end
    from standing_value where ${isOneOf('charge_month', stated)}`;
  return sql`
    select party, pod_id, state, beside, trim_scale(sum(amount)) as amount, sum(outcomes) as outcomes, false as is_missing
    from (${stated.length === 0 ? open : sql`${open} union all ${closed}`}) as month group by 1, 2, 3, 4`;
}

/** Whether an outcome, of a row of `recognised`, is counted by those rows already. */
export function isOfMonths(frame: ReportFrame, { ends }: ValueSpans): RawBuilder<boolean> {
  if (ends.length === 0) return sql<boolean>`false`;
  return sql<boolean>`exists (select from outcome_month as counted where counted.outcome_id = recognised.outcome_id
    and counted.state = recognised.state and ${isRead('counted', frame, ends)})`;
}

function isRead(row: string, { currency }: ReportFrame, ends: readonly IsoDate[]): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  return sql<boolean>`${isOneOf(`${row}.recognised_until`, ends)}
    and (${column('currency')} = ${currency} or ${column('currency')} is null)`;
}
