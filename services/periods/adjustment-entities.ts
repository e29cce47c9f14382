/**
 * Whose invoice an adjustment belongs to: the cost that a month books for closed months, by billing account. A difference of pods does not
 * say it, so charges are added up by account twice, as known now and as stated. What a bill moved from one account to another is in it too,
 * where no pod's cost changed.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { METRIC_COLUMNS } from '../reports/report-frame.ts';
import { isLoadOfMonth } from './adjustment-causes.ts';
import { type ClosedMonth, isStanding } from './closed-months.ts';
import { entityCosts } from './entity-costs.ts';
import type { FreezeScope } from './freeze-month.ts';

/** Writes statement_adjustment_entity of a month whose adjustments are booked. */
export async function bookEntities(trx: Transaction<DB>, scope: FreezeScope): Promise<void> {
  for (const month of await listMovedMonths(trx, scope)) await bookMonth(trx, scope, month);
}

/** Those that are adjusted, and those with a load that was published since a month was last closed: accounts may have changed alone. */
async function listMovedMonths(
  trx: Transaction<DB>,
  { statementId, rulebookId, closedBefore }: FreezeScope,
): Promise<ClosedMonth[]> {
  const { rows } = await sql<{ id: number }>`
    select adjusted_statement_id as id from statement_adjustment
    where statement_id = ${statementId} and kind in ('direct', 'shared')
    union
    select month.statement_id
    from (select id as statement_id, period_start as month_start, period_end as month_end from statement
      where id = any(${closedBefore.map((month) => month.statementId)}::integer[])) as month
    join load on ${isLoadOfMonth(rulebookId)}
      and load.published_at >= (select max(known_at) from statement where kind = 'month' and state = 'approved')
    where not exists (select from statement_load where statement_id = month.statement_id and load_id = load.id)
  `.execute(trx);
  const moved = new Set(rows.map((row) => row.id));
  return closedBefore.filter((month) => moved.has(month.statementId));
}

async function bookMonth(trx: Transaction<DB>, scope: FreezeScope, month: ClosedMonth): Promise<void> {
  const { statementId, supersedesId, costMetric } = scope;
  const metric = METRIC_COLUMNS[costMetric];
  const of = { month, metric };
  const key = sql`adjusted_on, pod_id, currency`;
  await sql`
    insert into statement_adjustment_entity (statement_id, adjusted_statement_id, ${key}, entity, cost)
    with moved as (
      select charge_date as adjusted_on, pod_id, currency, entity, sum(cost) as cost from (
        select charge_date, pod_id, currency, entity, cost
        from (${entityCosts({ ...of, statementId: null, rulebookId: scope.rulebookId })}) as known
        union all
        select charge_date, pod_id, currency, entity, -cost
        from (${entityCosts({ ...of, statementId: month.statementId, rulebookId: month.rulebookId })}) as stated
        union all
        select adjusted_on, pod_id, booked.currency, entity, -cost
        from statement_adjustment_entity as booked join statement as booking on booking.id = booked.statement_id
        where adjusted_on >= ${month.start}::date and adjusted_on < ${month.end}::date and booking.cost_metric = ${costMetric}
          and ${isStanding('booking')} and booking.id is distinct from ${supersedesId}::integer
      ) as part group by charge_date, pod_id, currency, entity having sum(cost) <> 0
    ), whole as (
      select ${key}, sum(${sql.ref(metric)}) as cost from statement_adjustment
      where statement_id = ${statementId} and adjusted_statement_id = ${month.statementId} and kind in ('direct', 'shared')
      group by ${key}
    ), remainder as (
      -- What cutting shared cost left, and what was booked in another cost metric: with the first account of the cell.
      select ${key}, sum(cost) as cost, (array_agg(entity order by entity collate "C") filter (where is_part))[1] as entity from (
        select ${key}, cost, null as entity, false as is_part from whole
        union all
        select ${key}, -cost, entity, true from moved
      ) as side group by ${key} having sum(cost) <> 0
    )
    select ${statementId}::integer, ${month.statementId}::integer, ${key}, entity, sum(cost) from (
      select ${key}, entity, cost from moved union all select ${key}, entity, cost from remainder
    ) as part group by ${key}, entity having sum(cost) <> 0
  `.execute(trx);
}
