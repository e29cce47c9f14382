/** The recognised days of one outcome as SQL, at the rates of now: those that count, and those that do not. */
import { sql } from 'kysely';
import type { Period } from '../kernel/period.ts';
import { COUNTED_STATES } from '../outcomes/outcome.ts';
import { recognisedBetween } from '../reports/pod-values.ts';

/**
 * One row per counted part of a schedule row and recognised day: (on_date, currency, state, amount, rate into the reporting currency).
 * None for what does not count.
 */
export function daysOf(outcomeId: string, period: Period | null, reportingCurrency: string) {
  const first =
    period === null ? sql`counted.counted_from` : sql`greatest(counted.counted_from, ${period.start}::date)`;
  const end = period === null ? sql`counted.counted_until` : sql`least(counted.counted_until, ${period.end}::date)`;
  return sql`(
    select day::date as on_date, outcome.currency, counted.ordinal, counted.state, ${recognisedBetween('counted', sql`day::date`, sql`day::date + 1`)} as amount,
      case when outcome.currency = ${reportingCurrency} then 1 else conversion.rate end as rate
    from outcome join counted_schedule as counted on counted.outcome_id = outcome.id
    cross join generate_series(${first}, ${end} - 1, interval '1 day') as day
    left join conversion_rate as conversion on conversion.from_currency = outcome.currency
      and conversion.to_currency = ${reportingCurrency} and conversion.on_date = day::date
    where outcome.id = ${outcomeId}::bigint and outcome.amount is not null)`;
}

/**
 * Rows (ordinal, state, on_date, amount, rate) of what does not count: what is rejected of rows, and every row of an outcome that is no claim yet,
 * or none any more.
 */
export function uncountedDaysOf(outcomeId: string, period: Period | null, reportingCurrency: string) {
  const first = period === null ? sql`recognised_from` : sql`greatest(recognised_from, ${period.start}::date)`;
  const end = period === null ? sql`recognised_until` : sql`least(recognised_until, ${period.end}::date)`;
  const countsNow = sql`outcome.state = any (${[...COUNTED_STATES]}::text[])`;
  return sql`(
    select part.ordinal, part.state, day::date as on_date, ${recognisedBetween('part', sql`day::date`, sql`day::date + 1`)} as amount,
      case when part.currency = ${reportingCurrency} then 1 else conversion.rate end as rate
    from (
      select scheduled.ordinal, recognised_from, recognised_until, outcome.currency,
        case when ${countsNow} then 'rejected' else 'not_counted' end as state,
        case outcome.effect when 'benefit' then 1 else -1 end
          * (scheduled.amount - case when ${countsNow} then coalesce(verified_amount, 0) else 0 end) as amount
      from outcome join outcome_schedule as scheduled on scheduled.outcome_id = outcome.id
      where outcome.id = ${outcomeId}::bigint and (not ${countsNow} or verdict = 'rejected' or verified_amount < scheduled.amount)
    ) as part
    cross join generate_series(${first}, ${end} - 1, interval '1 day') as day
    left join conversion_rate as conversion on conversion.from_currency = part.currency
      and conversion.to_currency = ${reportingCurrency} and conversion.on_date = day::date)`;
}
