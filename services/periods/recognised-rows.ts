/**
 * Recognised value by day, outcome and party, as SQL: the grain in which a closed month keeps it. An outcome's day is the difference of
 * its running amounts, so that days add up to what any window recognises, to the last decimal.
 */
import { type RawBuilder, sql } from 'kysely';
import { recognisedBetween } from '../reports/pod-values.ts';
import { besideSql } from '../reports/value-basis.ts';
import type { DateRange } from './closed-months.ts';

/**
 * Rows (recognised_on, outcome_id, outcome_version, pod_id, state, beside, currency, amount) of what counts in the ranges; pod_id null is
 * the unattributed share. Without money: one row on the day of delivery, amount and currency null. An outcome verified in part has
 * two rows on a day, one per state.
 * @param outcomeIds all if absent.
 */
export function recognisedRows(
  ranges: readonly DateRange[],
  revenueBasis: 'margin' | 'gross',
  outcomeIds?: readonly string[],
): RawBuilder<unknown> {
  const isAsked = outcomeIds === undefined ? sql`true` : sql`counted.outcome_id = any(${[...outcomeIds]}::bigint[])`;
  const days = mergeNeighbours(ranges).map(
    ({ start, end }) => sql`
      select counted.outcome_id, counted.state, day::date as recognised_on,
        ${recognisedBetween('counted', sql`day::date`, sql`day::date + 1`)} as amount
      from counted_schedule as counted
      cross join generate_series(greatest(counted.counted_from, ${start}::date), least(counted.counted_until, ${end}::date) - 1,
        interval '1 day') as day
      where counted.counted_from < ${end}::date and counted.counted_until > ${start}::date and ${isAsked}`,
  );
  return sql`
    select whole.recognised_on, whole.outcome_id, outcome.version as outcome_version, party.pod_id, whole.state,
      ${besideSql(revenueBasis)} as beside, outcome.currency, trim_scale(whole.amount * party.basis_points * 0.0001) as amount
    from (
      select outcome_id, state, recognised_on, sum(amount) as amount from (${sql.join(days, sql` union all `)}) as day
      group by outcome_id, state, recognised_on
    ) as whole
    join outcome on outcome.id = whole.outcome_id
    join lateral (
      select pod_id, basis_points from outcome_share where outcome_share.outcome_id = outcome.id
      union all
      select null, outcome.unattributed_basis_points where outcome.unattributed_basis_points > 0
    ) as party on true`;
}

/** Ranges end to end are one: an outcome then runs through them once. */
function mergeNeighbours(ranges: readonly DateRange[]): DateRange[] {
  const merged: { start: string; end: string }[] = [];
  for (const { start, end } of ranges) {
    const last = merged.at(-1);
    if (last?.end === start) last.end = end;
    else merged.push({ start, end });
  }
  return merged;
}
