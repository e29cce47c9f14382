/** The months of split cost, and the cells of cost by month: written whenever the days of a month were, in the same transaction. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import type { FiguresScope } from './split-shared.ts';

const KEY = sql.join(
  ['pod_id', 'kind', 'provider_name', 'service_name', 'charge_category', 'billing_currency'].map((column) =>
    sql.ref(column),
  ),
);
const SHARED_KEY = sql`load_id, rule_id, pod_id, provider_name, service_name, charge_category, billing_currency`;
const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const SUMS = sql.join(METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));

/** Replaces shared_month and cost_month of the scope's months; rollup_month and shared_cost of these months are written already. */
export async function sumCostMonths(trx: Kysely<DB>, scope: FiguresScope): Promise<void> {
  const { months, loadIds, rulebookId } = scope;
  await sql`delete from shared_month where charge_month = any(${months}::date[])`.execute(trx);
  await sql`delete from cost_month where charge_month = any(${months}::date[])`.execute(trx);
  // Few sums of many cells: see cell_day in rebuild-months.ts.
  await sql`set local enable_sort = off`.execute(trx);
  await sql`
    insert into shared_month (charge_month, ${SHARED_KEY}, ${METRICS})
    select charge_month, ${SHARED_KEY}, ${SUMS}
    from unnest(${months}::date[]) as month (charge_month)
    join shared_cost on charge_date >= month.charge_month and charge_date < (month.charge_month + interval '1 month')::date
    group by charge_month, ${SHARED_KEY}
  `.execute(trx);
  await sql`
    insert into cost_month (charge_month, ${KEY}, ${METRICS})
    select charge_month, ${KEY}, ${SUMS}
    from (
      select charge_month, pod_id, 'direct' as kind, provider_name, service_name, charge_category, billing_currency, ${METRICS}
      from rollup_month
      where load_id = any(${loadIds}::bigint[]) and rulebook_id = ${rulebookId}::integer and charge_month = any(${months}::date[])
        and kind <> 'to_split'
      union all
      select charge_month, pod_id, 'shared', provider_name, service_name, charge_category, billing_currency, ${METRICS}
      from shared_month where charge_month = any(${months}::date[])
    ) as cell group by charge_month, ${KEY}
  `.execute(trx);
  await sql`set local enable_sort to default`.execute(trx);
}
