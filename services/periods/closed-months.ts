/**
 * Which months are closed, and by which statement: the approved one that no approved one supersedes. Reports of their days read what
 * that statement froze. Tables are named without a schema and read directly, so that a report of another time can hide them.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';

/** A closed month, or the part of one that lies in a window. */
export interface ClosedMonth {
  readonly statementId: number;
  /** `2026-09`. */
  readonly periodId: string;
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  readonly rulebookId: number;
  /** The reporting currency its statement is in. */
  readonly currency: string;
  /** How far its data reached when it was closed; null where there was none. RFC 3339. */
  readonly dataAsOf: string | null;
}

export interface DateRange {
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
}

/** The head of the value report of a closed period, and which statement it comes from. */
export interface StandingStatement {
  readonly statementId: number;
  readonly currency: string;
  readonly costMetric: string;
}

/** True of a row of `statement` (under this alias) that counts: approved, and superseded by nothing approved. */
export function isStanding(alias: string): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(`${alias}.state`)} = 'approved' and not exists (
    select from statement as later where later.supersedes_id = ${sql.ref(`${alias}.id`)} and later.state = 'approved'))`;
}

/** The closed months that touch the window, ascending, cut to it; all of them without one. */
export async function listClosedMonths(db: Kysely<DB>, window?: DateRange): Promise<ClosedMonth[]> {
  const { rows } = await sql<ClosedMonth>`${PREPARED} ${closedMonthRows()} order by start`.execute(db);
  return window === undefined ? rows : cutToWindow(rows, window);
}

/** Rows of ClosedMonth, as a query without an order. */
export function closedMonthRows(): RawBuilder<unknown> {
  return sql`
    select statement.id as "statementId", statement.period_id as "periodId", statement.period_start as start, statement.period_end as end,
      statement.rulebook_id as "rulebookId", statement.currency, statement.heading::json ->> 'dataAsOf' as "dataAsOf"
    from statement where statement.kind = 'month' and ${isStanding('statement')}`;
}

/** Of closed months, or other ranges, those that touch the window, cut to it. */
export function cutToWindow<Range extends DateRange>(ranges: readonly Range[], window: DateRange): Range[] {
  return ranges
    .filter(({ start, end }) => start < window.end && end > window.start)
    .map((range) => ({
      ...range,
      start: range.start > window.start ? range.start : window.start,
      end: range.end < window.end ? range.end : window.end,
    }));
}

/**
 * Rows of StandingStatement and DateRange, as a query: a quarter's counts only while the months it was put together from do. After a month
 * is reissued the quarter is answered from its months until it is reissued too.
 */
export function standingRows(): RawBuilder<unknown> {
  return sql`
    select statement.id as "statementId", statement.currency, statement.cost_metric as "costMetric", statement.period_start as start,
      statement.period_end as end
    from statement
    where ${isStanding('statement')} and not exists (
      select from statement_month as part join statement as month on month.id = part.month_statement_id
      where part.statement_id = statement.id and not ${isStanding('month')})`;
}

/** The month in which corrections of closed months are shown and will be booked; null while nothing is closed. */
export async function findAdjustingMonth(db: Kysely<DB>): Promise<(DateRange & { readonly periodId: string }) | null> {
  return adjustingMonth(await listClosedMonths(db));
}

/** The same where the closed months are known: all of them, ascending. */
export function adjustingMonth(closed: readonly ClosedMonth[]): (DateRange & { readonly periodId: string }) | null {
  const last = closed.at(-1);
  if (last === undefined) return null;
  const { id, start, end } = monthOf(last.end);
  return { periodId: id, start, end };
}

/** What of a window is not closed, ascending. `closed` is ascending and lies inside. */
export function openRanges(window: DateRange, closed: readonly DateRange[]): DateRange[] {
  const ranges: DateRange[] = [];
  let cursor = window.start;
  for (const { start, end } of closed) {
    if (start > cursor) ranges.push({ start: cursor, end: start });
    if (end > cursor) cursor = end;
  }
  if (cursor < window.end) ranges.push({ start: cursor, end: window.end });
  return ranges;
}

/** Whether a date column lies in one of the ranges. */
export function liesIn(column: string, ranges: readonly DateRange[]): RawBuilder<boolean> {
  if (ranges.length === 0) return sql<boolean>`false`;
  const tests = ranges.map(
    ({ start, end }) => sql`(${sql.ref(column)} >= ${start}::date and ${sql.ref(column)} < ${end}::date)`,
  );
  return sql<boolean>`(${sql.join(tests, sql` or `)})`;
}

/** Ranges as the calendar months (`YYYY-MM-01`) that lie in them whole, and what is left of others, months of `apart` among it. */
export function wholeMonths(
  ranges: readonly DateRange[],
  apart: ReadonlySet<IsoDate> = new Set(),
): { months: IsoDate[]; days: DateRange[] } {
  const months: IsoDate[] = [];
  const days: DateRange[] = [];
  for (const range of ranges) {
    for (let start = range.start; start < range.end; ) {
      const month = monthOf(start);
      const end = month.end < range.end ? month.end : range.end;
      if (month.start === start && month.end === end && !apart.has(start)) months.push(start);
      else days.push({ start, end });
      start = end;
    }
  }
  return { months, days };
}
