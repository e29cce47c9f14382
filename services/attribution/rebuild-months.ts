/**
 * Replaces the figures of charge months: shared_cost and its months, pod_day, pod_month and cost_month, over all current loads under the rulebook in force. The caller
 * holds the months' locks and has already flipped the states, so that the transaction publishes old or new figures, never a mix.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { METRIC_COLUMNS, refuseDifferences } from './check-conservation.ts';
import { sumCostMonths } from './cost-months.ts';
import { sumPodMonths } from './pod-months.ts';
import { type FiguresScope, insertSharedCost, podCostOf } from './split-shared.ts';
import { currentRulebook } from './store-rulebook.ts';

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
const SUMS = METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`);

/**
 * Rebuilds the given charge months (`YYYY-MM-01`).
 * @throws AppError conservation_broken where direct, shared and unattributed cost are not the rolled-up cost of the current loads.
 */
export async function rebuildMonths(trx: Transaction<DB>, months: readonly IsoDate[]): Promise<void> {
  if (months.length === 0) return;
  const { id: rulebookId, content } = await currentRulebook(trx);
  const scope: FiguresScope = { months, rulebookId, loadIds: await listCurrentLoadIds(trx) };
  await deleteMonths(trx, 'pod_day', months);
  await deleteMonths(trx, 'shared_cost', months);
  await withBulkPlans(trx, async () => {
    await sumCellsByDay(trx, scope);
    await insertDirectDays(trx);
    if (content.rules.some((rule) => 'split' in rule)) {
      await insertSharedCost(trx, scope, content);
      await insertSharedDays(trx, months);
    }
    await sumCostMonths(trx, scope);
  });
  await sumPodMonths(trx, months);
  await refuseDifferences(trx, {
    what: 'split of shared cost over pods',
    expected: sql`select date_trunc('month', charge_date::timestamp)::date as charge_month, * from cell_day`,
    // The sums of the days: what is lost in either is missing here.
    found: sql`select * from pod_month where charge_month = any(${months}::date[]) and kind in ('direct', 'shared')`,
  });
  await refuseDifferences(trx, {
    what: 'cost by month',
    expected: sql`select * from pod_month where charge_month = any(${months}::date[]) and kind in ('direct', 'shared')`,
    found: sql`select * from cost_month where charge_month = any(${months}::date[])`,
  });
  await sql`drop table cell_day`.execute(trx);
}

/** The ids of the loads whose figures count. */
export async function listCurrentLoadIds(trx: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from load where state = 'published' order by id`.execute(trx);
  return rows.map((row) => row.id);
}

async function deleteMonths(
  trx: Transaction<DB>,
  table: 'pod_day' | 'shared_cost',
  months: readonly IsoDate[],
): Promise<void> {
  await sql`
    delete from ${sql.table(table)} as figure using unnest(${months}::date[]) as month (charge_month)
    where figure.charge_date >= month.charge_month
      and figure.charge_date < (month.charge_month + interval '1 month')::date
  `.execute(trx);
}

/** Writes cell_day: the rollups' cells by day. Read once, they serve the direct cost and what everything has to add up to. */
async function sumCellsByDay(trx: Transaction<DB>, scope: FiguresScope): Promise<void> {
  // Thousands of sums of many cells: a hash table of them is smaller than the sort that the planner chooses.
  await sql`set local enable_sort = off`.execute(trx);
  await sql`
    create temp table cell_day on commit drop as
    select charge_date, pod_id, kind, billing_currency, ${sql.join(SUMS)}
    from ${podCostOf(scope)} as pod_cost group by charge_date, pod_id, kind, billing_currency
  `.execute(trx);
  await sql`set local enable_sort to default`.execute(trx);
}

/** Direct cost by pod; unattributed cost is the direct cost of no pod. */
async function insertDirectDays(trx: Transaction<DB>): Promise<void> {
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, ${sql.join(METRICS)})
    select charge_date, pod_id, 'direct', billing_currency, ${sql.join(METRICS)}
    from cell_day where kind in ('direct', 'unattributed')
  `.execute(trx);
}

/** Shares by pod; what nobody can carry joins the unattributed cost; and, counted in no total, the whole by who answers for it. */
async function insertSharedDays(trx: Transaction<DB>, months: readonly IsoDate[]): Promise<void> {
  const added = METRIC_COLUMNS.map(
    (column) => sql`${sql.ref(column)} = pod_day.${sql.ref(column)} + excluded.${sql.ref(column)}`,
  );
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, ${sql.join(METRICS)})
    with part as materialized (
      select charge_date, pod_id, owner_pod_id, billing_currency, ${sql.join(SUMS)}
      from ${rowsOf('shared_cost', months)} as shared_cost group by charge_date, pod_id, owner_pod_id, billing_currency
    )
    select charge_date, pod_id, case when pod_id is null then 'direct' else 'shared' end, billing_currency, ${sql.join(SUMS)}
    from part group by charge_date, pod_id, billing_currency
    union all
    select charge_date, owner_pod_id, 'owned', billing_currency, ${sql.join(SUMS)}
    from part where owner_pod_id is not null group by charge_date, owner_pod_id, billing_currency
    on conflict on constraint pod_day_key do update set ${sql.join(added)}
  `.execute(trx);
}

function rowsOf(table: 'pod_day' | 'shared_cost', months: readonly IsoDate[]) {
  return sql`(
    select figure.* from unnest(${months}::date[]) as month (charge_month)
    join ${sql.table(table)} as figure on figure.charge_date >= month.charge_month
      and figure.charge_date < (month.charge_month + interval '1 month')::date
  )`;
}
