/**
 * Cuts shared cost over pods, exactly. Every rollup cell is counted in units of its own quantum, 10^-max(12, its scale); a pod gets
 * the whole units of its share (integer division), and the units left over go one each to the largest remainders, ties to the
 * lower pod id. Negative amounts are cut like positive ones and mirrored. So the parts add up to the whole in every metric.
 *
 * One set of weights serves the four metrics of a cell (split-weights.ts). Each amount is cut once per set of weights, however many
 * metrics and cells have it: a cell's metrics are often equal, and what runs all day costs the same every day.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import type { RulebookContent } from './rulebook.ts';
import { vectorStepsSql } from './split-weights.ts';

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

const CELL_KEYS = sql.join(
  ['charge_month', 'charge_date', 'load_id', 'rule_id', 'provider_name', 'service_name', 'charge_category'].map(
    (column) => sql.ref(column),
  ),
);

/**
 * Writes shared_cost of the scope's months; the caller has taken the former rows away and has written the direct rows of pod_day,
 * which the weights are read from. A cell that nobody can carry keeps its rule and has no pod; one that is zero in every metric
 * has no rows.
 *
 * The arrays hold exact numbers in the order of pod ids and never leave the statement. One small sort per amount takes 30 % less
 * processor time than one sort over all parts, and setting a cell's four lists side by side spares four joins of all parts.
 */
export async function insertSharedCost(
  trx: Transaction<DB>,
  scope: FiguresScope,
  content: RulebookContent,
): Promise<void> {
  const owners = content.rules.flatMap((rule) =>
    'split' in rule && rule.split.owner !== undefined ? [{ ruleId: rule.id, podId: rule.split.owner }] : [],
  );
  const each = (part: (column: string) => RawBuilder<unknown>, between = sql`, `) =>
    sql.join(METRIC_COLUMNS.map(part), between);
  const ref = sql.ref;
  await sql`
    insert into shared_cost (charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name, charge_category,
      billing_currency, ${each((column) => ref(column))})
    with cell as materialized (
      select ${CELL_KEYS}, billing_currency, ${each((column) => sql`sum(${ref(column)}) as ${ref(column)}`)}
      from ${podCostOf(scope)} as to_split
      where kind = 'to_split' group by ${CELL_KEYS}, billing_currency
      having ${each((column) => sql`sum(${ref(column)}) <> 0`, sql` or `)}
    ),
    ${vectorStepsSql(scope, content, sql`(select distinct rule_id, charge_month, charge_date, billing_currency from cell)`)},
    vector as materialized (
      select vector, array_agg(pod_id order by pod_id collate "C") as pod_ids,
        array_agg(weight order by pod_id collate "C") as weights, sum(weight) as weights_sum
      from participant group by vector
    ),
    weighed as materialized (
      select cell.*, vector.vector, vector.pod_ids
      from cell join dated using (rule_id, charge_month, charge_date, billing_currency) left join vector using (vector)
    ),
    cut as materialized (${cutsSql()})
    select weighed.charge_date, weighed.load_id, weighed.rule_id, owner.pod_id, part.pod_id, weighed.provider_name,
      weighed.service_name, weighed.charge_category, weighed.billing_currency,
      ${each((column) => sql`case when part.pod_id is null then weighed.${ref(column)} else coalesce(part.${ref(column)}, 0) end`)}
    from weighed
    left join unnest(${owners.map((one) => one.ruleId)}::text[], ${owners.map((one) => one.podId)}::text[])
      as owner (rule_id, pod_id) on owner.rule_id = weighed.rule_id
    ${each(
      (column) => sql`left join cut as ${ref(`cut_${column}`)} on ${ref(`cut_${column}`)}.vector = weighed.vector
        and ${ref(`cut_${column}`)}.amount = weighed.${ref(column)}`,
      sql` `,
    )}
    left join lateral unnest(weighed.pod_ids, ${each((column) => sql`${ref(`cut_${column}`)}.parts`)})
      as part (pod_id, ${each((column) => ref(column))}) on true
  `.execute(trx);
}

/** Each amount but zero that a vector cuts, with its parts in the order of the vector's pods. */
function cutsSql(): RawBuilder<unknown> {
  const amounts = sql.join(METRIC_COLUMNS.map((column) => sql`(weighed.${sql.ref(column)})`));
  // `offset 0` keeps the planner from working a power of ten or a quotient out again at every mention.
  return sql`
    select whole.vector, whole.amount, part.parts
    from (
      select vector, amount, abs(amount) * ('1e' || places)::numeric as units, sign(amount) * ('1e-' || places)::numeric as quantum
      from (
        select distinct weighed.vector, metric.amount, greatest(12, min_scale(metric.amount)) as places
        from weighed cross join lateral (values ${amounts}) as metric (amount)
        where weighed.pod_ids is not null and metric.amount <> 0
      ) as distinct_amount offset 0
    ) as whole
    join vector using (vector)
    cross join lateral (
      select array_agg(trim_scale(whole.quantum * (quotient + case when rank <= whole.units - quotients then 1 else 0 end))
        order by pod_number) as parts
      from (
        select pod_number, quotient, sum(quotient) over by_remainder as quotients, row_number() over by_remainder as rank
        from (
          select pod_number, weight, div(whole.units * weight, vector.weights_sum) as quotient
          from unnest(vector.weights) with ordinality as carrier (weight, pod_number) offset 0
        ) as divided
        window by_remainder as (
          order by whole.units * weight - quotient * vector.weights_sum desc, pod_number
          rows between unbounded preceding and unbounded following
        )
      ) as ranked
    ) as part`;
}
