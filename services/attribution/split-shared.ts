/**
 * Cuts shared cost over pods, exactly. Every rollup cell is counted in units of its own quantum, 10^-max(12, its scale); a pod gets
 * the whole units of its share (integer division), and the units left over go one each to the largest remainders, ties to the
 * lower pod id. Negative amounts are cut like positive ones and mirrored. So the parts add up to the whole in every metric.
 *
 * One set of weights serves the four metrics of a cell. Weights by direct cost are those of the calendar month of the charge date
 * and of the billing currency, over all current loads; a pod at or below zero takes no part.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import type { RulebookContent } from './rulebook.ts';
import { listSplitCandidates } from './split-candidates.ts';

/** What a month's figures are made of: the loads that are current, under the rulebook in force. */
export interface FiguresScope {
  readonly months: readonly IsoDate[];
  readonly loadIds: readonly string[];
  readonly rulebookId: number;
}

/** pod_cost of the scope with its charge_month, as SQL for a FROM clause. */
export function podCostOf(scope: FiguresScope): RawBuilder<unknown> {
  return sql`(
    select month.charge_month, rollup_cost.*
    from unnest(${scope.months}::date[]) as month (charge_month)
    join rollup_cost on rollup_cost.load_id = any(${scope.loadIds}::bigint[]) and rollup_cost.rulebook_id = ${scope.rulebookId}
      and rollup_cost.charge_date >= month.charge_month
      and rollup_cost.charge_date < (month.charge_month + interval '1 month')::date
  )`;
}

/**
 * Writes shared_cost of the scope's months; the caller has taken the former rows away and has written the direct rows of pod_day,
 * which the weights are read from. A cell that nobody can carry keeps its rule and has no pod.
 */
export async function insertSharedCost(
  trx: Transaction<DB>,
  scope: FiguresScope,
  content: RulebookContent,
): Promise<void> {
  const owners = content.rules.flatMap((rule) =>
    'split' in rule && rule.split.owner !== undefined ? [{ ruleId: rule.id, podId: rule.split.owner }] : [],
  );
  const metrics = METRIC_COLUMNS.map(metricSql);
  const each = (part: (metric: MetricSql) => RawBuilder<unknown>) => sql.join(metrics.map(part));
  // `offset 0` keeps the planner from working each quotient out again at every mention.
  await sql`
    insert into shared_cost (charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name, charge_category,
      billing_currency, ${each(({ whole }) => whole)})
    with cell as materialized (
      select row_number() over () as cell, to_split.*, owner.pod_id as owner_pod_id, ${each(({ counted }) => counted)}
      from ${podCostOf(scope)} as to_split
      left join unnest(${owners.map((one) => one.ruleId)}::text[], ${owners.map((one) => one.podId)}::text[])
        as owner (rule_id, pod_id) on owner.rule_id = to_split.rule_id
      where to_split.kind = 'to_split'
    ), participant as materialized (${participantsSql(scope, content)}),
    divided as (
      select cell.*, participant.pod_id as carrier, weight, weights, ${each(({ divided }) => divided)}
      from cell left join participant on participant.rule_id = cell.rule_id
        and participant.charge_date = cell.charge_date and participant.billing_currency = cell.billing_currency
      offset 0
    ), ranked as (
      select divided.*, ${each(({ ranked }) => ranked)} from divided
    )
    select charge_date, load_id, rule_id, owner_pod_id, carrier, provider_name, service_name, charge_category,
      billing_currency, ${each(({ part }) => part)}
    from ranked
  `.execute(trx);
}

interface MetricSql {
  readonly whole: RawBuilder<unknown>;
  readonly counted: RawBuilder<unknown>;
  readonly divided: RawBuilder<unknown>;
  readonly ranked: RawBuilder<unknown>;
  readonly part: RawBuilder<unknown>;
}

/** The steps of the division for one metric, each an item of its step's select list. */
function metricSql(column: string): MetricSql {
  const whole = sql.ref(column);
  const name = (step: string) => sql.ref(`${column}_${step}`);
  const places = sql`greatest(12, min_scale(${whole}))`;
  return {
    whole,
    counted: sql`abs(${whole}) * ('1e' || ${places})::numeric as ${name('units')},
      sign(${whole}) * ('1e-' || ${places})::numeric as ${name('quantum')}`,
    divided: sql`div(${name('units')} * weight, weights) as ${name('quotient')}`,
    ranked: sql`${name('units')} - sum(${name('quotient')}) over (partition by cell) as ${name('missing')},
      row_number() over (partition by cell
        order by ${name('units')} * weight - ${name('quotient')} * weights desc, carrier collate "C") as ${name('rank')}`,
    part: sql`case when carrier is null then ${whole} else trim_scale(${name('quantum')}
      * (${name('quotient')} + case when ${name('rank')} <= ${name('missing')} then 1 else 0 end)) end`,
  };
}

/**
 * rule_id, charge_date, billing_currency, pod_id, weight and the weights' sum. "Has direct cost": the month's direct cost is not
 * zero in at least one metric.
 */
function participantsSql(scope: FiguresScope, content: RulebookContent): RawBuilder<unknown> {
  const candidates = listSplitCandidates(content);
  const weighed = METRIC_COLUMNS.map((column) => sql`when ${column} then direct.${sql.ref(column)}`);
  const isNotZero = METRIC_COLUMNS.map((column) => sql`direct.${sql.ref(column)} <> 0`);
  return sql`
    select rule_id, charge_date, billing_currency, pod_id, weight,
      sum(weight) over (partition by rule_id, charge_date, billing_currency) as weights
    from (
      select demand.rule_id, demand.charge_date, demand.billing_currency, candidate.pod_id,
        coalesce(candidate.weight::numeric, case candidate.basis ${sql.join(weighed, sql` `)} end) as weight
      from (select distinct charge_month, rule_id, charge_date, billing_currency from cell) as demand
      join unnest(
        ${candidates.map((one) => one.ruleId)}::text[], ${candidates.map((one) => one.podId)}::text[],
        ${candidates.map((one) => one.from)}::date[], ${candidates.map((one) => one.until)}::date[],
        ${candidates.map((one) => one.weight)}::text[], ${candidates.map((one) => one.basisColumn)}::text[],
        ${candidates.map((one) => one.needsDirectCost)}::boolean[]
      ) as candidate (rule_id, pod_id, valid_from, valid_until, weight, basis, needs_direct_cost)
        on candidate.rule_id = demand.rule_id
        and demand.charge_date >= candidate.valid_from and demand.charge_date < candidate.valid_until
      left join (
        select month.charge_month, pod_day.pod_id, pod_day.billing_currency,
          ${sql.join(METRIC_COLUMNS.map((column) => sql`sum(pod_day.${sql.ref(column)}) as ${sql.ref(column)}`))}
        from unnest(${scope.months}::date[]) as month (charge_month)
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
