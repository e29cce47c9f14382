/**
 * The weights of splits: which pods share a rule's cost on a charge date, and by how much of what. Weights that are the same on many
 * dates are one vector: a rule, a currency and a stretch of a month in which nobody joins, leaves or is measured by day.
 *
 * Direct cost is that of the calendar month of the charge date in the billing currency, over all current loads. Quantities of a metric
 * are those of the charge date itself where any pod has one for that day; else the month's; else the sum of the month's days. Who
 * is at or below zero takes no part; where nobody is above it, nobody carries the cost.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { type Decimal, sum } from '../kernel/decimal.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import type { RulebookContent, RuleSplit } from './rulebook.ts';
import { listSplitCandidates, type SplitCandidate } from './split-candidates.ts';
import { currentRulebook } from './store-rulebook.ts';

export interface SplitWeights {
  readonly ruleId: string;
  readonly method: RuleSplit['method'];
  /** What the weights count: a unit, the direct cost of a metric, or null where they are plain weights. */
  readonly measure: string | null;
  /** Those of the charge date alone or of its month; null where they are the same on every date. */
  readonly per: 'day' | 'month' | null;
  /** By pod id; a pod's share is its weight ÷ `sum`. Empty: nobody carries the cost, it is unattributed. */
  readonly pods: readonly { readonly podId: string; readonly weight: Decimal }[];
  readonly sum: Decimal;
}

/**
 * The weights that cut a rule's cost of a charge date and billing currency under the rulebook in force, so that a share can be
 * worked out by hand: pod's weight ÷ sum, at 12 decimals or the amount's own scale, missing units to the largest remainders.
 * @throws AppError not_found where the rulebook has no such split.
 */
export async function readSplitWeights(
  db: Kysely<DB>,
  asked: { ruleId: string; date: IsoDate; currency: string },
): Promise<SplitWeights> {
  const { content } = await currentRulebook(db);
  const rule = content.rules.find((one) => one.id === asked.ruleId);
  if (rule === undefined || !('split' in rule)) {
    throw new AppError('not_found', `The rulebook in force has no rule "${asked.ruleId}" that splits cost.`);
  }
  const month = monthOf(asked.date).start;
  const demand = sql`(select ${rule.id}::text as rule_id, ${month}::date as charge_month, ${asked.date}::date as charge_date,
    ${asked.currency}::text as billing_currency)`;
  const { rows } = await sql<{ podId: string; weight: Decimal; isDay: boolean }>`
    with ${vectorStepsSql({ months: [month] }, { ...content, rules: [rule] }, demand)}
    select pod_id as "podId", trim_scale(weight)::text as weight, on_date <> 'infinity' as "isDay"
    from participant join dated using (vector) order by pod_id collate "C"
  `.execute(db);
  const { split } = rule;
  return {
    ruleId: rule.id,
    method: split.method,
    measure: await measureOf(db, split, content),
    per: split.method === 'even' || split.method === 'fixed' ? null : rows[0]?.isDay === true ? 'day' : 'month',
    pods: rows.map(({ podId, weight }) => ({ podId, weight })),
    sum: sum(rows.map(({ weight }) => weight)),
  };
}

async function measureOf(db: Kysely<DB>, split: RuleSplit, content: RulebookContent): Promise<string | null> {
  if (split.method === 'proportional') return split.basis ?? content.defaultBasis;
  if (split.method !== 'usage') return null;
  const metric = await db.selectFrom('usage_metric').select('unit').where('id', '=', split.metric).executeTakeFirst();
  return metric?.unit ?? null;
}

/**
 * Steps of a WITH clause for a demand of rule_id, charge_month, charge_date, billing_currency (distinct, as SQL for a FROM clause).
 * `dated` gives each row of it its vector; `participant` has vector, pod_id, weight, above zero only.
 */
export function vectorStepsSql(
  { months }: { readonly months: readonly IsoDate[] },
  content: RulebookContent,
  demand: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const candidates = listSplitCandidates(content);
  return sql`
    ${quantityStepsSql(months, candidates)},
    dated as materialized (
      select asked.*, dense_rank() over (order by rule_id, billing_currency, charge_month, on_date, since) as vector
      from (
        select demand.*, coalesce(day.valid_from, 'infinity') as on_date, max(boundary.since) as since
        from ${demand} as demand
        left join (select distinct rule_id, metric_id from candidate where metric_id is not null) as measured
          on measured.rule_id = demand.rule_id
        left join (select distinct metric_id, valid_from from quantity where is_day) as day
          on day.metric_id = measured.metric_id and day.valid_from = demand.charge_date
        left join (
          select rule_id, valid_from as since from candidate union select rule_id, valid_until from candidate
        ) as boundary on boundary.rule_id = demand.rule_id
          and boundary.since > demand.charge_month and boundary.since <= demand.charge_date
        group by demand.rule_id, demand.charge_month, demand.charge_date, demand.billing_currency, day.valid_from
      ) as asked
    ),
    participant as materialized (${participantsSql(months)})`;
}

/** The candidates as a table, and the quantities of their metrics: by day, and (`infinity`) by month. */
function quantityStepsSql(months: readonly IsoDate[], candidates: readonly SplitCandidate[]): RawBuilder<unknown> {
  const metricIds = [...new Set(candidates.flatMap(({ metricId }) => (metricId === null ? [] : [metricId])))];
  return sql`
    candidate as materialized (
      select * from unnest(
        ${candidates.map((one) => one.ruleId)}::text[], ${candidates.map((one) => one.podId)}::text[],
        ${candidates.map((one) => one.from)}::date[], ${candidates.map((one) => one.until)}::date[],
        ${candidates.map((one) => one.weight)}::text[], ${candidates.map((one) => one.metricId)}::text[],
        ${candidates.map((one) => one.basisColumn)}::text[], ${candidates.map((one) => one.needsDirectCost)}::boolean[]
      ) as candidate (rule_id, pod_id, valid_from, valid_until, weight, metric_id, basis, needs_direct_cost)
    ),
    quantity as materialized (
      select metric_id, pod_id, month.charge_month, valid_from, valid_until = valid_from + 1 as is_day, quantity
      from unnest(${months}::date[]) as month (charge_month)
      join usage_quantity on valid_from >= month.charge_month
        and valid_from < (month.charge_month + interval '1 month')::date
      where metric_id = any(${metricIds}::text[]) and usage_quantity.known_until is null
    ),
    usage_weight as (
      select metric_id, pod_id, charge_month, valid_from as on_date, quantity as weight from quantity where is_day
      union all
      select metric_id, pod_id, charge_month, 'infinity', sum(quantity)
      from quantity
      join (select metric_id, charge_month, bool_and(is_day) as is_day from quantity group by metric_id, charge_month) as finest
        using (metric_id, charge_month, is_day)
      group by metric_id, pod_id, charge_month
    )`;
}

/** "Has direct cost": the month's direct cost is not zero in at least one metric. */
function participantsSql(months: readonly IsoDate[]): RawBuilder<unknown> {
  const weighed = METRIC_COLUMNS.map((column) => sql`when ${column} then direct.${sql.ref(column)}`);
  const isNotZero = METRIC_COLUMNS.map((column) => sql`direct.${sql.ref(column)} <> 0`);
  return sql`
    select vector, pod_id, weight from (
      select demand.vector, candidate.pod_id, case
          when candidate.weight is not null then candidate.weight::numeric
          when candidate.metric_id is not null then usage_weight.weight
          else case candidate.basis ${sql.join(weighed, sql` `)} end
        end as weight
      from (select distinct on (vector) vector, rule_id, charge_month, charge_date, billing_currency, on_date from dated) as demand
      join candidate on candidate.rule_id = demand.rule_id
        and demand.charge_date >= candidate.valid_from and demand.charge_date < candidate.valid_until
      left join usage_weight on usage_weight.metric_id = candidate.metric_id and usage_weight.pod_id = candidate.pod_id
        and usage_weight.charge_month = demand.charge_month and usage_weight.on_date = demand.on_date
      left join (
        select month.charge_month, pod_day.pod_id, pod_day.billing_currency,
          ${sql.join(METRIC_COLUMNS.map((column) => sql`sum(pod_day.${sql.ref(column)}) as ${sql.ref(column)}`))}
        from unnest(${months}::date[]) as month (charge_month)
        join pod_day on pod_day.charge_date >= month.charge_month
          and pod_day.charge_date < (month.charge_month + interval '1 month')::date
        where pod_day.kind = 'direct' and pod_day.pod_id is not null
        group by 1, 2, 3
      ) as direct on direct.charge_month = demand.charge_month and direct.pod_id = candidate.pod_id
        and direct.billing_currency = demand.billing_currency
      where not candidate.needs_direct_cost or ${sql.join(isNotZero, sql` or `)}
    ) as weighed
    where weight > 0`;
}
