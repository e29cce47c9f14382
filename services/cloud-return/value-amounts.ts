/**
 * Verified value that enters the return, outcome by outcome: what each recognises in a quarter, as billed and as the report converts it. The
 * same rows the value report is made of (`counted_schedule`, statements of closed days), before anything is split; the bridge holds their
 * sum against that report.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { DateRange } from '../periods/closed-months.ts';
import { isFrozenBy, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { recognisedBetween } from '../reports/pod-values.ts';
import { openDays, type ReportFrame } from '../reports/report-frame.ts';
import { besideSql } from '../reports/value-basis.ts';

export interface OutcomeValue {
  readonly outcomeId: string;
  readonly version: number;
  readonly currency: string;
  readonly billed: Decimal;
  readonly converted: Decimal;
}

/** Outcomes with verified value in the frame's window. */
export async function readOutcomeValues(db: Kysely<DB>, frame: ReportFrame): Promise<OutcomeValue[]> {
  const { closed, currency } = frame;
  const joins = rateJoins(
    { alias: 'value', currency: 'currency', date: 'recognised_on', hasStatement: true },
    currency,
  );
  const frozen = sql`
    select outcome_id, outcome_version as version, value.currency, amount,
      amount * case when value.currency = ${currency} then 1 else ${rateOf(true)} end as converted
    from (select * from statement_value where ${isFrozenBy(closed, 'recognised_on')}) as value ${joins}
    where state = 'verified' and beside is null and amount is not null`;
  const parts = [
    ...openDays(frame).map((days) => recognisedOpen(frame, days)),
    ...(closed.length === 0 ? [] : [frozen]),
    sql`select null::bigint as outcome_id, 0 as version, ''::text as currency, 0::numeric as amount, 0::numeric as converted where false`,
  ];
  const { rows } = await sql<OutcomeValue>`
    select outcome_id::text as "outcomeId", max(version) as version, currency, trim_scale(sum(amount)) as billed,
      trim_scale(sum(converted)) as converted
    from (${sql.join(parts, sql` union all `)}) as part group by outcome_id, currency order by part.outcome_id
  `.execute(db);
  return rows;
}

/** Of open days; in another currency each day has its own rate. */
function recognisedOpen({ currency, revenueBasis }: ReportFrame, { start, end }: DateRange): RawBuilder<unknown> {
  const counted = sql`counted_schedule as counted join outcome on outcome.id = counted.outcome_id
    cross join lateral (select greatest(counted.counted_from, ${start}::date) as first_day, least(counted.counted_until, ${end}::date) as end_day) as span`;
  const isWanted = sql`counted.state = 'verified' and counted.amount is not null and ${besideSql(revenueBasis)} is null
    and counted.counted_from < ${end}::date and counted.counted_until > ${start}::date`;
  return sql`
    select outcome.id as outcome_id, outcome.version, outcome.currency, own.amount, own.amount as converted
    from ${counted} cross join lateral (
      select ${recognisedBetween('counted', sql`span.first_day`, sql`span.end_day`)} as amount) as own
    where ${isWanted} and outcome.currency = ${currency}
    union all
    select outcome.id, outcome.version, outcome.currency, own.amount, own.amount * conversion.rate
    from ${counted} cross join generate_series(span.first_day, span.end_day - 1, interval '1 day') as day
    cross join lateral (select ${recognisedBetween('counted', sql`day::date`, sql`day::date + 1`)} as amount) as own
    left join conversion_rate as conversion on conversion.to_currency = ${currency} and conversion.on_date = day::date
      and conversion.from_currency = outcome.currency
    where ${isWanted} and outcome.currency <> ${currency}`;
}

/** What became of an outcome that had verified value, and what its former version would have recognised since. */
export interface OutcomeFate {
  readonly outcomeId: string;
  readonly state: string;
  readonly supersededBy: string | null;
  /** In the outcome's currency, over the later window, by the schedule and verdicts of the version asked for. */
  readonly expected: Decimal;
  /** Basis points that another party has now. */
  readonly movedBasisPoints: number;
}

/**
 * The fate of outcomes by id and former version, from the history of what was stated (outcome_version), by its key. A version that knows no
 * verdicts was verified as a whole.
 */
export async function readFates(
  db: Kysely<DB>,
  asked: { outcomes: readonly { outcomeId: string; version: number }[]; window: DateRange },
): Promise<ReadonlyMap<string, OutcomeFate>> {
  if (asked.outcomes.length === 0) return new Map();
  const { start, end } = asked.window;
  const { rows } = await sql<OutcomeFate>`
    with former as materialized (
      select version.outcome_id, version.state, version.content, outcome.state as state_now, outcome.superseded_by,
        coalesce((version.content ->> 'reviewDueOn')::date, 'infinity') as due_on
      from unnest(${asked.outcomes.map((one) => one.outcomeId)}::bigint[], ${asked.outcomes.map((one) => one.version)}::integer[])
        as given (outcome_id, version)
      join outcome_version as version using (outcome_id, version) join outcome on outcome.id = version.outcome_id
    ), verdict as (
      select former.outcome_id, (entry ->> 'from')::date as recognised_from, (entry ->> 'until')::date as recognised_until,
        case when content ->> 'effect' = 'dis_benefit' then -1 else 1 end * coalesce((entry ->> 'verifiedAmount')::numeric,
          case when entry ->> 'verdict' is null and former.state in ('verified', 'review_due') then (entry ->> 'amount')::numeric end) as amount,
        greatest((entry ->> 'from')::date, ${start}::date) as first_day,
        least((entry ->> 'until')::date, ${end}::date, due_on) as end_day
      from former cross join jsonb_array_elements(content -> 'schedule') as entry
    ), expected as (
      select outcome_id, sum(${recognisedBetween('verdict', sql`first_day`, sql`end_day`)}) as amount
      from verdict where amount is not null and first_day < end_day group by outcome_id
    ), share as (
      select former.outcome_id, share ->> 'podId' as pod_id, (share ->> 'basisPoints')::integer as was, 0 as is_now
      from former cross join jsonb_array_elements(content -> 'shares') as share
      union all
      select former.outcome_id, pod_id, 0, basis_points from former join outcome_share using (outcome_id)
    ), moved as (
      select outcome_id, (sum(greatest(gained, 0)) + greatest(-sum(gained), 0))::integer as basis_points
      from (select outcome_id, pod_id, sum(is_now - was) as gained from share group by 1, 2) as party group by outcome_id
    )
    select former.outcome_id::text as "outcomeId", state_now as state, superseded_by::text as "supersededBy",
      trim_scale(coalesce(expected.amount, 0)) as expected, coalesce(moved.basis_points, 0) as "movedBasisPoints"
    from former left join expected using (outcome_id) left join moved using (outcome_id)
  `.execute(db);
  return new Map(rows.map((row) => [row.outcomeId, row]));
}
