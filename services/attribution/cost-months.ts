/** The cells of cost by month: written from the rollups and shared_cost whenever those of a month were, in the same transaction. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import { type FiguresScope, podCostOf } from './split-shared.ts';

const KEY = sql.join(
  ['pod_id', 'kind', 'provider_name', 'service_name', 'charge_category', 'billing_currency'].map((column) =>
    sql.ref(column),
  ),
);
const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const SUMS = sql.join(METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));

/** Replaces cost_month of the scope's months; shared_cost of these months is written already. */
export async function sumCostMonths(trx: Kysely<DB>, scope: FiguresScope): Promise<void> {
  await sql`delete from cost_month where charge_month = any(${scope.months}::date[])`.execute(trx);
  // Few sums of many cells: see cell_day in rebuild-months.ts.
  await sql`set local enable_sort = off`.execute(trx);
  await sql`
    insert into cost_month (charge_month, ${KEY}, ${METRICS})
    select charge_month, ${KEY}, ${SUMS}
    from (
      select charge_month, pod_id, 'direct' as kind, provider_name, service_name, charge_category, billing_currency, ${METRICS}
      from ${podCostOf(scope)} as cell where kind <> 'to_split'
    ) as direct group by charge_month, ${KEY}
    union all
    select charge_month, ${KEY}, ${SUMS}
    from (
      select month.charge_month, pod_id, 'shared' as kind, provider_name, service_name, charge_category, billing_currency, ${METRICS}
      from unnest(${scope.months}::date[]) as month (charge_month)
      join shared_cost on charge_date >= month.charge_month and charge_date < (month.charge_month + interval '1 month')::date
    ) as shared group by charge_month, ${KEY}
  `.execute(trx);
  await sql`set local enable_sort to default`.execute(trx);
}
