/**
 * What envelopes have spent: actual cost per envelope from pod_day, by charge date, at the exchange rates each version keeps.
 * One statement for all of them. A billing currency without a kept rate makes the actual unknown, never wrong.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { toScope } from './envelope-versions.ts';

/** An envelope under its newest version, with its figure. */
export interface EnvelopeFigure {
  readonly envelopeId: string;
  readonly scope: EnvelopeScope;
  readonly periodId: string;
  readonly periodStart: IsoDate;
  readonly periodEnd: IsoDate;
  readonly counts: 'controlled' | 'loaded';
  readonly version: number;
  readonly limit: Decimal;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly rungs: readonly Decimal[];
  readonly approvedBy: string | null;
  readonly approvedOn: IsoDate;
  readonly approval: string | null;
  readonly patternIds: readonly string[];
  /** Null where `missingRates` names a billing currency. */
  readonly actual: Decimal | null;
  readonly missingRates: readonly string[];
  /** The earliest, over the sources that billed the period, of their latest usage. */
  readonly dataAsOf: Date | null;
}

/** Which envelopes to look at: all, those named, or those not closed and those whose period meets the dates [from, until). */
export type EnvelopeChoice =
  | 'all'
  | { readonly envelopeIds: readonly string[] }
  | { readonly from: IsoDate; readonly until: IsoDate };

/** The column of pod_day or pod_cost that a cost metric reads; `metric` is SQL for the metric's FOCUS name. */
export function metricColumn(row: string, metric: RawBuilder<unknown>): RawBuilder<Decimal> {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  return sql<Decimal>`case ${metric} when 'BilledCost' then ${column('billed_cost')}
    when 'EffectiveCost' then ${column('effective_cost')} when 'ListCost' then ${column('list_cost')}
    else ${column('contracted_cost')} end`;
}

/** Which portfolio a pod belonged to on which dates, from the rulebook in force: pod_id, portfolio_id, valid_from, valid_until. */
export const portfolioMembership = sql`
  select pod_id, portfolio_id, valid_from,
    coalesce(lead(valid_from) over (partition by pod_id order by ordinal), 'infinity') as valid_until
  from (
    select pod ->> 'id' as pod_id, dated.value ->> 'value' as portfolio_id, dated.ordinal,
      coalesce((dated.value ->> 'from')::date, '-infinity') as valid_from
    from organisation
    join rulebook on rulebook.id = organisation.rulebook_id,
      jsonb_array_elements(rulebook.content -> 'pods') as pod,
      jsonb_array_elements(pod -> 'portfolios') with ordinality as dated (value, ordinal)
  ) as dated_portfolio`;

/** Figures of the chosen envelopes, by id. Reads pod_day by charge date (its key), once per distinct period. */
export async function readEnvelopeFigures(db: Kysely<DB>, choice: EnvelopeChoice): Promise<EnvelopeFigure[]> {
  const chosen = condition(choice);
  // Rows of a kind that no envelope of the span counts are passed over before they are added up.
  const inSpan = sql`pod_day.charge_date >= span.period_start and pod_day.charge_date < span.period_end
    and (pod_day.kind <> 'shared' or span.needs_shared) and (pod_day.kind <> 'owned' or span.needs_owned)`;
  const { rows } = await sql<FigureRow>`
    with chosen as materialized (
      select envelope.id, envelope.scope_kind, envelope.scope_id, envelope.period_id, envelope.period_start,
        envelope.period_end, envelope.counts, version.version, trim_scale(version.envelope_limit) as envelope_limit, version.currency,
        version.cost_metric, version.rungs, version.approved_by, version.approved_on, version.approval, version.pattern_ids
      from envelope
      join lateral (
        select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
      ) as version on true
      left join envelope_state as state on state.envelope_id = envelope.id
      where envelope.withdrawn_at is null and ${chosen}
    ),
    span as materialized (
      select row_number() over () as span_id, period_start, period_end, cost_metric, by_portfolio,
        bool_or(not is_controlled) as needs_shared, bool_or(is_controlled) as needs_owned
      from (
        select chosen.*, scope_kind = 'portfolio' as by_portfolio,
          scope_kind in ('pod', 'portfolio') and counts = 'controlled' as is_controlled
        from chosen
      ) as scoped
      group by period_start, period_end, cost_metric, by_portfolio
    ),
    located as (
      select chosen.id, chosen.version, chosen.currency, chosen.scope_kind, chosen.scope_id, span.span_id,
        case chosen.counts when 'controlled' then 'owned' else 'shared' end as kind_beside_direct
      from chosen
      join span using (period_start, period_end, cost_metric)
      where span.by_portfolio = (chosen.scope_kind = 'portfolio')
    ),
    pod_sum as materialized (
      select span.span_id, pod_day.pod_id, pod_day.kind, pod_day.billing_currency,
        sum(${metricColumn('pod_day', sql`span.cost_metric`)}) as cost
      from span
      join pod_day on ${inSpan}
      where not span.by_portfolio
      group by 1, 2, 3, 4
    ),
    membership as (${portfolioMembership}),
    portfolio_sum as (
      select span.span_id, membership.portfolio_id, pod_day.kind, pod_day.billing_currency,
        sum(${metricColumn('pod_day', sql`span.cost_metric`)}) as cost
      from span
      join pod_day on ${inSpan}
      join membership on membership.pod_id = pod_day.pod_id
        and pod_day.charge_date >= membership.valid_from and pod_day.charge_date < membership.valid_until
      where span.by_portfolio
      group by 1, 2, 3, 4
    ),
    part as (
      select located.id, version, currency, billing_currency, cost from located
      join pod_sum using (span_id)
      where scope_kind = 'pod' and pod_id = scope_id and kind in ('direct', kind_beside_direct)
      union all
      select located.id, version, currency, billing_currency, cost from located
      join portfolio_sum using (span_id)
      where scope_kind = 'portfolio' and portfolio_id = scope_id and kind in ('direct', kind_beside_direct)
      union all
      select located.id, version, currency, billing_currency, cost from located
      join pod_sum using (span_id)
      where scope_kind = 'organisation' and kind in ('direct', 'shared')
      union all
      select located.id, version, currency, billing_currency, cost from located
      join pod_sum using (span_id)
      where scope_kind = 'unattributed' and pod_id is null and kind in ('direct', 'shared')
    ),
    actual as (
      select part.id, sum(part.cost * case when part.billing_currency = part.currency then 1 else kept.rate end) as actual,
        array_agg(distinct part.billing_currency)
          filter (where part.billing_currency <> part.currency and kept.rate is null) as missing_rates
      from part
      left join envelope_version_rate as kept
        on kept.envelope_id = part.id and kept.version = part.version and kept.from_currency = part.billing_currency
      group by part.id
    ),
    reach as (
      select period_start, period_end, min(data_as_of) as data_as_of
      from (
        select period.period_start, period.period_end, load.source_id, max(load.data_as_of) as data_as_of
        from (select distinct period_start, period_end from chosen) as period
        join load on load.state = 'published'
          and load.billing_period_start < period.period_end and load.billing_period_end > period.period_start
        group by 1, 2, 3
      ) as source_reach
      group by 1, 2
    )
    select chosen.*, trim_scale(coalesce(actual.actual, 0)) as actual,
      coalesce(actual.missing_rates, '{}') as missing_rates, reach.data_as_of
    from chosen
    left join actual on actual.id = chosen.id
    left join reach on reach.period_start = chosen.period_start and reach.period_end = chosen.period_end
    order by chosen.id
  `.execute(db);
  return rows.map(toFigure);
}

function condition(choice: EnvelopeChoice): RawBuilder<boolean> {
  if (choice === 'all') return sql`true`;
  if ('envelopeIds' in choice) return sql`envelope.id = any (${[...choice.envelopeIds]}::bigint[])`;
  return sql`(state.closed_at is null
    or envelope.period_start < ${choice.until}::date and envelope.period_end > ${choice.from}::date)`;
}

interface FigureRow {
  id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  period_start: IsoDate;
  period_end: IsoDate;
  counts: 'controlled' | 'loaded';
  version: number;
  envelope_limit: Decimal;
  currency: string;
  cost_metric: CostMetric;
  rungs: Decimal[];
  approved_by: string | null;
  approved_on: IsoDate;
  approval: string | null;
  pattern_ids: string[];
  actual: Decimal;
  missing_rates: string[];
  data_as_of: Date | null;
}

function toFigure(row: FigureRow): EnvelopeFigure {
  return {
    envelopeId: row.id,
    scope: toScope(row.scope_kind, row.scope_id),
    periodId: row.period_id,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    counts: row.counts,
    version: row.version,
    limit: row.envelope_limit,
    currency: row.currency,
    costMetric: row.cost_metric,
    rungs: row.rungs,
    approvedBy: row.approved_by,
    approvedOn: row.approved_on,
    approval: row.approval,
    patternIds: row.pattern_ids,
    actual: row.missing_rates.length === 0 ? row.actual : null,
    missingRates: row.missing_rates,
    dataAsOf: row.data_as_of,
  };
}
