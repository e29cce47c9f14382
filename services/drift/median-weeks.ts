/**
 * What a pod costs in a median week of a stretch of days: the median Monday, Tuesday and so on, added up. So weekends make no noise, and what
 * happens once, a fee or a few dear days, moves nothing. Exact, in one currency, at rates that are kept.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { metricColumn } from '../envelopes/envelope-figures.ts';
import { fillConversionRates } from '../fx/conversion.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ApprovedAct } from './approved-acts.ts';

/** A pod's days [from, until). */
export interface AskedDays {
  readonly act: ApprovedAct;
  readonly from: IsoDate;
  readonly until: IsoDate;
}

/** Per stretch, in their order; days without cost count as nothing. Reads pod_day by its key. Every rate must be there. */
export async function readMedianWeeks(db: Kysely<DB>, asked: readonly AskedDays[]): Promise<Decimal[]> {
  if (asked.length === 0) return [];
  const { rows } = await sql<{ per_week: Decimal }>`
    with asked as materialized (select * from ${askedRows(asked)}),
    spent as (
      select asked.ordinal, pod_day.charge_date, sum(
        ${metricColumn('pod_day', sql`asked.cost_metric`)} * case when pod_day.billing_currency = asked.currency then 1 else kept.rate end) as cost
      from pod_day
      join asked on asked.pod_id = pod_day.pod_id and pod_day.charge_date >= asked.days_from and pod_day.charge_date < asked.days_until
      left join drift_rate as kept on kept.pod_id = asked.pod_id and kept.act_on = asked.act_on and kept.currency = asked.currency
        and kept.from_currency = pod_day.billing_currency
      where ${inSpan} and ${isCounted}
      group by 1, 2
    ),
    day_cost as (
      select asked.ordinal, day.day, coalesce(spent.cost, 0) as cost
      from asked
      cross join lateral generate_series(asked.days_from, asked.days_until - 1, interval '1 day') as day (day)
      left join spent on spent.ordinal = asked.ordinal and spent.charge_date = day.day::date
    ),
    weekday as (
      select ordinal,
        0.5 * (percentile_disc(0.5) within group (order by cost) + percentile_disc(0.5) within group (order by cost desc)) as cost
      from day_cost group by ordinal, extract(isodow from day)
    )
    select trim_scale(sum(cost)) as per_week from weekday group by ordinal order by ordinal
  `.execute(db);
  return rows.map((row) => row.per_week);
}

/** Keeps the rates of the day of each act that the days need; answers, by pod, the currencies that have none. */
export async function keepDriftRates(
  trx: Transaction<DB>,
  asked: readonly AskedDays[],
): Promise<Map<string, string[]>> {
  if (asked.length === 0) return new Map();
  const wanted = await readMissing(trx, asked);
  if (wanted.length === 0) return new Map();
  for (const [to, group] of Map.groupBy(wanted, (row) => row.currency)) {
    const need = sql`select from_currency, on_date
      from unnest(${group.map((row) => row.from_currency)}::text[], ${group.map((row) => row.act_on)}::date[]) as asked (from_currency, on_date)`;
    await fillConversionRates(trx, { need, to });
  }
  await sql`
    insert into drift_rate (pod_id, act_on, currency, from_currency, rate)
    select wanted.pod_id, wanted.act_on, wanted.currency, wanted.from_currency, conversion_rate.rate
    from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as wanted (pod_id text, act_on date, currency text, from_currency text)
    join conversion_rate on conversion_rate.from_currency = wanted.from_currency and conversion_rate.to_currency = wanted.currency
      and conversion_rate.on_date = wanted.act_on
    on conflict do nothing
  `.execute(trx);
  const missing = Map.groupBy(await readMissing(trx, asked), (row) => row.pod_id);
  return new Map([...missing].map(([podId, rows]) => [podId, rows.map((row) => row.from_currency)]));
}

/** The days that are asked for at all: what the key of pod_day is read by, once for all pods. */
const inSpan = sql`pod_day.charge_date >= (select min(days_from) from asked) and pod_day.charge_date < (select max(days_until) from asked)`;

/** Lines that an envelope counts: direct cost, and what the pod owns (controlled) or its share (loaded). */
const isCounted = sql`pod_day.kind in ('direct', case asked.counts when 'controlled' then 'owned' else 'shared' end)`;

interface MissingRate {
  pod_id: string;
  act_on: IsoDate;
  currency: string;
  from_currency: string;
}

async function readMissing(db: Kysely<DB>, asked: readonly AskedDays[]): Promise<MissingRate[]> {
  const { rows } = await sql<MissingRate>`
    with asked as materialized (select * from ${askedRows(asked)})
    select distinct asked.pod_id, asked.act_on, asked.currency, pod_day.billing_currency as from_currency
    from pod_day
    join asked on asked.pod_id = pod_day.pod_id and pod_day.charge_date >= asked.days_from and pod_day.charge_date < asked.days_until
      and pod_day.billing_currency <> asked.currency
    where ${inSpan} and ${isCounted} and not exists (
      select from drift_rate as kept where kept.pod_id = asked.pod_id and kept.act_on = asked.act_on
        and kept.currency = asked.currency and kept.from_currency = pod_day.billing_currency)
    order by 1, 4
  `.execute(db);
  return rows;
}

function askedRows(asked: readonly AskedDays[]): RawBuilder<unknown> {
  const rows = asked.map(({ act, from, until }, ordinal) => ({
    ordinal,
    pod_id: act.podId,
    act_on: act.actOn,
    counts: act.counts,
    cost_metric: act.costMetric,
    currency: act.currency,
    days_from: from,
    days_until: until,
  }));
  return sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as asked (ordinal integer, pod_id text, act_on date, counts text,
    cost_metric text, currency text, days_from date, days_until date)`;
}
