/**
 * A month's cost by billing account (the entity that is invoiced), pod and day: what charges and the month's figures give together. Splits do
 * not keep the account, so a day's split cost of a load and rule is shared over the accounts that have a part in it as the whole was.
 */
import { type RawBuilder, sql } from 'kysely';
import type { DateRange } from './closed-months.ts';

export interface EntityScope {
  readonly month: DateRange;
  /** The loads, rulebook and shares of this statement; null: those that count now. */
  readonly statementId: number | null;
  readonly rulebookId: number;
  /** The column of the cost metric. */
  readonly metric: string;
}

/** How many decimals a part of split cost is cut at, where several accounts have a part in it. */
const SPLIT_PLACES = 15;

/**
 * Rows (charge_date, entity, currency, pod_id, cost), several of which may be of one cell. An account's parts add up to its cost exactly;
 * a pod's parts of split cost to within units of the last of 15 decimals.
 */
export function entityCosts({ month, statementId, rulebookId, metric }: EntityScope): RawBuilder<unknown> {
  const cost = sql.ref(metric);
  const isInMonth = sql`charge_date >= ${month.start}::date and charge_date < ${month.end}::date`;
  const sharedCost =
    statementId === null
      ? sql`shared_cost where true`
      : sql`statement_shared_cost where statement_id = ${statementId}::integer`;
  const whole = sql`load_id, rule_id, currency, charge_date`;
  return sql`
    with charged as materialized (
      select charge.load_id, origin.billing_account_id as entity, charge.charge_date, charge.billing_currency as currency,
        given.kind, given.rule_id, given.pod_id, sum(charge.cost) as cost
      from (
        select load_id, origin_id, charge_date, billing_currency, sum(${cost}) as cost from charge
        where load_id = any(array(${loadIds({ month, statementId, rulebookId })})) and ${isInMonth} group by 1, 2, 3, 4
      ) as charge
      join attributed_origin as given on given.rulebook_id = ${rulebookId} and given.origin_id = charge.origin_id
        and given.valid_from <= charge.charge_date and given.valid_until > charge.charge_date
      join origin on origin.id = charge.origin_id
      group by 1, 2, 3, 4, 5, 6, 7
    ), to_split as (
      select ${whole}, entity, sum(cost) as cost, sum(sum(cost)) over same as whole_cost, count(*) over same as entities
      from charged where kind = 'split' group by ${whole}, entity window same as (partition by ${whole})
    ), bearer as (
      select load_id, rule_id, billing_currency as currency, charge_date, pod_id, sum(${cost}) as cost,
        count(*) over (partition by load_id, rule_id, billing_currency, charge_date) as bearers
      from ${sharedCost} and ${isInMonth} group by load_id, rule_id, billing_currency, charge_date, pod_id
    ), cut as (
      -- One entity bears its split cost as it was split; several bear their parts of it.
      select ${whole}, entity, pod_id, to_split.cost as entity_cost,
        case when entities = 1 then bearer.cost
          when whole_cost = 0 then round(to_split.cost / bearers, ${sql.lit(SPLIT_PLACES)})
          else round(to_split.cost * bearer.cost / whole_cost, ${sql.lit(SPLIT_PLACES)}) end as cost
      from to_split join bearer using (${whole})
    ), shared as (
      -- The first bearer takes what cutting left, so that an entity's parts add up to its cost.
      select charge_date, entity, currency, pod_id, cost + case
        when row_number() over in_order = 1 then entity_cost - sum(cost) over of_entity else 0 end as cost
      from cut
      window of_entity as (partition by ${whole}, entity), in_order as (partition by ${whole}, entity order by pod_id collate "C")
    )
    select charge_date, entity, currency, pod_id, cost from charged where kind <> 'split'
    union all
    select charge_date, entity, currency, pod_id, cost from shared`;
}

function loadIds({ month, statementId, rulebookId }: Omit<EntityScope, 'metric'>): RawBuilder<unknown> {
  if (statementId !== null) return sql`select load_id from statement_load where statement_id = ${statementId}::integer`;
  return sql`
    select id from load where state = 'published' and exists (
      select from rollup_cost where rollup_cost.load_id = load.id and rulebook_id = ${rulebookId}
        and charge_date >= ${month.start}::date and charge_date < ${month.end}::date)`;
}
