/**
 * The months of a load's rollup under a rulebook, with everything its days keep. A rulebook that is laid upon another one has all of them,
 * told from the other's: they are few. Written with the rollup and never changed.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';

const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const PLACE = sql`kind, pod_id, rule_id, provider_name, service_name, charge_category, billing_currency`;
const KEY = sql`charge_month, ${PLACE}`;
const MONTH = sql`date_trunc('month', charge_date::timestamp)::date as charge_month`;

/** Adds up the cells that were written for the rulebook: all of its rollup. */
export async function sumRollUpMonths(trx: Kysely<DB>, loadId: string, rulebookId: number): Promise<void> {
  const cells = sql`
    select *, ${MONTH} from pod_cost where load_id = ${loadId}::bigint and rulebook_id = ${rulebookId}::integer`;
  await insertMonths(trx, { loadId, rulebookId, rows: cells });
}

/** The source's months; `isMoved`: without the cells that were replaced (replacing_cell), and with those that took their place. */
export async function tellRollUpMonths(
  trx: Kysely<DB>,
  loadId: string,
  told: { rulebookId: number; sourceId: number; isMoved: boolean },
): Promise<void> {
  const { rulebookId, sourceId, isMoved } = told;
  const taken = METRIC_COLUMNS.map((column) => sql`-${sql.ref(column)}`);
  const moved = sql`
    union all
    select ${MONTH}, ${PLACE}, ${METRICS}, line_count from replacing_cell where line_count <> 0
    union all
    select ${MONTH}, ${PLACE}, ${sql.join(taken)}, -line_count from pod_cost where cell_id in (select cell_id from replacing_cell)`;
  const rows = sql`
    select charge_month, ${PLACE}, ${METRICS}, line_count from rollup_month
    where load_id = ${loadId}::bigint and rulebook_id = ${sourceId}::integer ${isMoved ? moved : sql``}`;
  await insertMonths(trx, { loadId, rulebookId, rows });
}

async function insertMonths(
  trx: Kysely<DB>,
  { loadId, rulebookId, rows }: { loadId: string; rulebookId: number; rows: RawBuilder<unknown> },
): Promise<void> {
  const sums = METRIC_COLUMNS.map((column) => sql`trim_scale(sum(${sql.ref(column)}))`);
  // Few sums of many cells: see cell_day in rebuild-months.ts.
  await sql`set local enable_sort = off`.execute(trx);
  await sql`
    insert into rollup_month (load_id, rulebook_id, ${KEY}, ${METRICS}, line_count)
    select ${loadId}::bigint, ${rulebookId}::integer, ${KEY}, ${sql.join(sums)}, sum(line_count)
    from (${rows}) as cell group by ${KEY} having sum(line_count) <> 0
  `.execute(trx);
  await sql`set local enable_sort to default`.execute(trx);
}
