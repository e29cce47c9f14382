/**
 * The rollup of a load under one rulebook told from its rollup under another one: the cells of rules that give to somebody else are taken
 * over with their sums, and of the charges only those are read whose origins the two rulebooks attribute otherwise. Where the rulebook is
 * laid upon the other one, only the cells that differ are written and every other cell is the base's, for good: neither a load's charges nor
 * a rulebook ever change. Where most cells differ, or the rulebook stands for itself, all are written.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { METRIC_COLUMNS, refuseDifferences } from './check-conservation.ts';
import type { Source } from './derive-attribution.ts';
import { takenOverCells, writeChangedStretches, writeMovedCells } from './moved-cells.ts';
import { tellRollUpMonths } from './rollup-months.ts';

/** Above this share of a load's cells all are written: to replace a former cell costs as much as to write one. */
const TAKEN_OVER_SHARE_MAX = 0.3;

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
/** What tells one cell from another; the nullable ones are compared as such. */
const KEY = ['charge_date', 'kind', 'billing_currency'].map((column) => sql.ref(column));
const NULLABLE_KEY = ['pod_id', 'rule_id', 'provider_name', 'service_name', 'charge_category'].map((column) =>
  sql.ref(column),
);
const CELL = [...KEY, ...NULLABLE_KEY];

/**
 * Writes the rollup; gives which cells it wrote. None where it has to be made from all charges: the load is not rolled up under the source,
 * or too much moved. All of them are the caller's to check.
 * @throws AppError conservation_broken where what the differing cells hold is not what the cells they replace held.
 */
export async function rollUpFromSource(
  trx: Transaction<DB>,
  loadId: string,
  told: Source,
): Promise<'difference' | 'all' | 'none'> {
  if (!(await isRolledUp(trx, loadId, told.source.id))) return 'none';
  const { gone, asked, given } = told.moved;
  const isAsked = gone.length + asked.length > 0;
  const stretches = isAsked ? await writeChangedStretches(trx, loadId, told) : null;
  if (stretches === undefined) return 'none';
  const isAll = !told.isLaid || (await areMostTakenOver(trx, loadId, told));
  const takesOver = !isAll && given.length > 0;
  if (isAsked || takesOver) {
    await withBulkPlans(trx, () => writeMovedCells(trx, loadId, told, { stretches, takesOver }));
  }
  if (isAll) await withBulkPlans(trx, () => writeAllCells(trx, loadId, told, isAsked));
  else await writeDifference(trx, loadId, told, isAsked || takesOver);
  await sql`drop table if exists changed_stretch, moved_cell`.execute(trx);
  return isAll ? 'all' : 'difference';
}

async function writeDifference(trx: Transaction<DB>, loadId: string, told: Source, isMoved: boolean): Promise<void> {
  const layers = await layRollUp(trx, loadId, told);
  if (isMoved) {
    await withBulkPlans(trx, () => replaceCells(trx, loadId, told.rulebook.id, layers));
    await refuseUnequalSums(trx, loadId, told);
  }
  await tellRollUpMonths(trx, loadId, { rulebookId: told.rulebook.id, sourceId: told.source.id, isMoved });
  await sql`drop table if exists replacing_cell`.execute(trx);
}

/** Whether the load has a complete rollup under the rulebook. */
export async function isRolledUp(trx: Transaction<DB>, loadId: string, rulebookId: number): Promise<boolean> {
  const { rows } = await sql`
    select from load_rollup where load_id = ${loadId}::bigint and rulebook_id = ${rulebookId}
  `.execute(trx);
  return rows.length > 0;
}

async function areMostTakenOver(trx: Transaction<DB>, loadId: string, { source, moved }: Source): Promise<boolean> {
  if (moved.given.length === 0) return false;
  const { rows } = await sql<{ are_most: boolean }>`
    select count(*) filter (where rule_id = any(${moved.given.map(({ ruleId }) => ruleId)}::text[]))
      > ${String(TAKEN_OVER_SHARE_MAX)}::numeric * count(*) as are_most
    from rollup_cost where load_id = ${loadId}::bigint and rulebook_id = ${source.id}
  `.execute(trx);
  return rows[0]?.are_most === true;
}

/** Writes every cell: the source's as the rulebook gives them, with what charges moved between them. */
async function writeAllCells(trx: Transaction<DB>, loadId: string, told: Source, isMoved: boolean): Promise<void> {
  const columns = sql.join([...CELL, ...METRICS]);
  const taken = takenOverCells(loadId, told);
  const cells = isMoved
    ? sql`
      select ${sql.join(CELL)}, ${sql.join(METRICS.map((metric) => sql`trim_scale(sum(${metric})) as ${metric}`))}, sum(line_count) as line_count
      from (
        select ${columns}, line_count from (${taken}) as taken union all select ${columns}, line_count from moved_cell
      ) as cell group by ${sql.join(CELL)} having sum(line_count) <> 0`
    : taken;
  await sql`
    insert into pod_cost (load_id, rulebook_id, ${columns}, line_count)
    select ${loadId}::bigint, ${told.rulebook.id}::integer, ${columns}, line_count from (${cells}) as cell
  `.execute(trx);
}

/** Gives the layers that the rollup takes its other cells from, nearest first. */
async function layRollUp(trx: Transaction<DB>, loadId: string, { rulebook, source }: Source): Promise<number[]> {
  await sql`
    insert into rollup_layer (load_id, rulebook_id, layer_id, nearer_ids)
    values (${loadId}::bigint, ${rulebook.id}::integer, ${source.id}::integer, array[${rulebook.id}::integer])
    union all
    select load_id, ${rulebook.id}::integer, layer_id, ${rulebook.id}::integer || nearer_ids from rollup_layer
    where load_id = ${loadId}::bigint and rulebook_id = ${source.id}
  `.execute(trx);
  const { rows } = await sql<{ layer_id: number }>`
    select layer_id from rollup_layer where load_id = ${loadId}::bigint and rulebook_id = ${rulebook.id} order by cardinality(nearer_ids)
  `.execute(trx);
  return rows.map((row) => row.layer_id);
}

/** Each cell that charges left or entered gets its new sums, or goes with its last charge. */
async function replaceCells(
  trx: Transaction<DB>,
  loadId: string,
  rulebookId: number,
  layers: readonly number[],
): Promise<void> {
  const totals = METRICS.map((metric) => sql`trim_scale(coalesce(former.${metric}, 0) + moved.${metric}) as ${metric}`);
  const sameKey = [
    ...KEY.map((column) => sql`former.${column} = moved.${column}`),
    // Equality of texts can be hashed, which "is not distinct from" cannot; it alone would take null for empty.
    ...NULLABLE_KEY.map(
      (column) => sql`coalesce(former.${column}, '') = coalesce(moved.${column}, '')
        and (former.${column} is null) = (moved.${column} is null)`,
    ),
  ];
  const nearest = [rulebookId, ...layers];
  // A merge join would sort every cell of the load by the few columns it picks.
  await sql`set local enable_mergejoin = off`.execute(trx);
  await sql`
    create temp table replacing_cell on commit drop as
    select ${sql.join(CELL.map((column) => sql`moved.${column}`))}, former.cell_id, ${sql.join(totals)},
      coalesce(former.line_count, 0) + moved.line_count as line_count
    from moved_cell as moved
    left join (
      select * from pod_cost where load_id = ${loadId}::bigint and rulebook_id = any(${layers}::integer[]) and (replaced_in is null
        or not replaced_in && (${nearest}::integer[])[:array_position(${nearest}::integer[], rulebook_id) - 1])
    ) as former on ${sql.join(sameKey, sql` and `)}
  `.execute(trx);
  await sql`set local enable_mergejoin to default`.execute(trx);
  await sql`set local enable_nestloop = on`.execute(trx);
  // Locked in one order, so that two rulebooks prepared at once wait for each other and never deadlock.
  await sql`
    select from pod_cost where cell_id in (select cell_id from replacing_cell) order by cell_id for update
  `.execute(trx);
  await sql`
    update pod_cost set replaced_in = coalesce(replaced_in, '{}') || ${rulebookId}::integer
    where cell_id in (select cell_id from replacing_cell)
  `.execute(trx);
  await sql`
    insert into pod_cost (load_id, rulebook_id, ${sql.join([...CELL, ...METRICS])}, line_count)
    select ${loadId}::bigint, ${rulebookId}::integer, ${sql.join([...CELL, ...METRICS])}, line_count
    from replacing_cell where line_count <> 0
  `.execute(trx);
}

/** Cost only moved between cells: per charge month, currency and metric it is as much as before. */
async function refuseUnequalSums(trx: Transaction<DB>, loadId: string, { rulebook, source }: Source): Promise<void> {
  const columns = sql`date_trunc('month', charge_date::timestamp)::date as charge_month, billing_currency, ${sql.join(METRICS)}`;
  await refuseDifferences(trx, {
    what: `rollup of load ${loadId} under rulebook ${rulebook.id}, against the one under rulebook ${source.id}`,
    expected: sql`select ${columns} from pod_cost where cell_id in (select cell_id from replacing_cell)`,
    found: sql`select ${columns} from pod_cost where load_id = ${loadId}::bigint and rulebook_id = ${rulebook.id}`,
  });
}
