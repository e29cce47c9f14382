/**
 * The rollup of a load under a rulebook that is laid upon another one, made from the rollup under the base: only the charges of origins
 * that the two attribute otherwise are read, and only the cells that these enter or leave are written. Every other cell is the base's, for
 * good: neither a load's charges nor a rulebook ever change.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { chargeTableOf } from './charge-table.ts';
import { METRIC_COLUMNS, refuseDifferences } from './check-conservation.ts';
import { readLayers } from './rulebook-layers.ts';

/** Above this share of a load's charges they are all read in one go; below it each origin's are looked up. */
const LOOKED_UP_SHARE_MAX = 0.02;
/** Above this share of attributed origins per charge the whole rollup is made anew: nearly every cell would be written twice. */
const MOVED_SHARE_MAX = 0.1;

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
/** What tells one cell from another; the nullable ones are compared as such. */
const KEY = ['charge_date', 'kind', 'billing_currency'].map((column) => sql.ref(column));
const NULLABLE_KEY = ['pod_id', 'rule_id', 'provider_name', 'service_name', 'charge_category'].map((column) =>
  sql.ref(column),
);
const STRETCH = sql`origin_id, valid_from, valid_until, kind, pod_id, rule_id`;

interface Difference {
  readonly loadId: string;
  readonly rulebookId: number;
  readonly baseId: number;
  /** Whether few charges are asked for: each origin's are looked up then. */
  readonly isLookedUp: boolean;
}

/**
 * Writes the rollup as a difference; false, and nothing written, where it has to be made in full: there is no base, the load is not rolled
 * up under it, or too much moved.
 * @throws AppError conservation_broken where what the written cells hold is not what the cells they replace held.
 */
export async function rollUpDifference(trx: Transaction<DB>, loadId: string, rulebookId: number): Promise<boolean> {
  const [, baseId] = await readLayers(trx, rulebookId);
  if (baseId === undefined) return false;
  const { isRolledUp, moved, charges } = await measure(trx, { loadId, rulebookId, baseId });
  if (!isRolledUp || moved > MOVED_SHARE_MAX * charges) return false;
  const difference = { loadId, rulebookId, baseId, isLookedUp: moved < LOOKED_UP_SHARE_MAX * charges };
  const layers = await layRollUp(trx, difference);
  await withBulkPlans(trx, async () => {
    await writeMovedCells(trx, difference);
    await replaceCells(trx, difference, layers);
  });
  await refuseUnequalSums(trx, difference);
  await sql`drop table moved_cell, replacing_cell`.execute(trx);
  return true;
}

async function measure(
  trx: Transaction<DB>,
  { loadId, rulebookId, baseId }: Omit<Difference, 'isLookedUp'>,
): Promise<{ isRolledUp: boolean; moved: number; charges: number }> {
  const { rows } = await sql<{ is_rolled_up: boolean; moved: number; charges: number }>`
    select exists (select from load_rollup where load_id = load.id and rulebook_id = ${baseId}) as is_rolled_up,
      (select count(*)::integer from attribution where rulebook_id = ${rulebookId}) as moved,
      coalesce(charge_count, 2147483647)::double precision as charges
    from load where id = ${loadId}::bigint
  `.execute(trx);
  const [row] = rows;
  return { isRolledUp: row?.is_rolled_up === true, moved: row?.moved ?? 0, charges: row?.charges ?? 0 };
}

/** Gives the layers that the rollup takes its other cells from, nearest first. */
async function layRollUp(trx: Transaction<DB>, { loadId, rulebookId, baseId }: Difference): Promise<number[]> {
  await sql`
    insert into rollup_layer (load_id, rulebook_id, layer_id, nearer_ids)
    values (${loadId}::bigint, ${rulebookId}::integer, ${baseId}::integer, array[${rulebookId}::integer])
    union all
    select load_id, ${rulebookId}::integer, layer_id, ${rulebookId}::integer || nearer_ids from rollup_layer
    where load_id = ${loadId}::bigint and rulebook_id = ${baseId}
  `.execute(trx);
  const { rows } = await sql<{ layer_id: number }>`
    select layer_id from rollup_layer where load_id = ${loadId}::bigint and rulebook_id = ${rulebookId} order by cardinality(nearer_ids)
  `.execute(trx);
  return rows.map((row) => row.layer_id);
}

/** Writes moved_cell: per cell what its charges' change of owner adds and takes away. */
async function writeMovedCells(
  trx: Transaction<DB>,
  { loadId, rulebookId, baseId, isLookedUp }: Difference,
): Promise<void> {
  const charges = sql`(select * from ${sql.table(await chargeTableOf(trx, loadId))} where load_id = ${loadId}::bigint)`;
  const sums = METRICS.map((metric) => sql`sum(changed.sign * charge.${metric}) as ${metric}`);
  const former = isLookedUp
    ? sql`(select distinct origin_id as id from attribution where rulebook_id = ${rulebookId}) as own
        cross join lateral (select * from attributed_origin where rulebook_id = ${baseId} and origin_id = own.id offset 0) as former`
    : sql`attributed_origin where rulebook_id = ${baseId}
        and origin_id in (select origin_id from attribution where rulebook_id = ${rulebookId})`;
  // Looked up by plans of their own: what the planner believes of fresh tables is far off.
  if (isLookedUp) await sql`set local enable_nestloop = on`.execute(trx);
  await sql`
    create temp table moved_cell on commit drop as
    with signed as materialized (
      select ${STRETCH}, 1 as sign from attribution where rulebook_id = ${rulebookId}
      union all
      select ${STRETCH}, -1 from ${former}
    ), changed as materialized (
      select ${STRETCH}, sum(sign) as sign from signed group by ${STRETCH} having sum(sign) <> 0
    )
    select charge.charge_date,
      case changed.kind when 'pod' then 'direct' when 'split' then 'to_split' else 'unattributed' end as kind,
      changed.pod_id, changed.rule_id, origin.provider_name, origin.service_name, origin.charge_category, charge.billing_currency,
      ${sql.join(sums)}, sum(changed.sign * charge.line_count) as line_count
    from changed
    join ${charges} as charge on charge.origin_id = changed.origin_id
      and charge.charge_date >= changed.valid_from and charge.charge_date < changed.valid_until
    join origin on origin.id = changed.origin_id
    group by 1, 2, 3, 4, 5, 6, 7, 8
  `.execute(trx);
  await sql`set local enable_nestloop = off`.execute(trx);
}

/** Each cell that charges left or entered gets its new sums, or goes with its last charge. */
async function replaceCells(
  trx: Transaction<DB>,
  { loadId, rulebookId }: Difference,
  layers: readonly number[],
): Promise<void> {
  const columns = [...KEY, ...NULLABLE_KEY];
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
    select ${sql.join(columns.map((column) => sql`moved.${column}`))}, former.cell_id, ${sql.join(totals)},
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
    insert into pod_cost (load_id, rulebook_id, ${sql.join([...columns, ...METRICS])}, line_count)
    select ${loadId}::bigint, ${rulebookId}::integer, ${sql.join([...columns, ...METRICS])}, line_count
    from replacing_cell where line_count <> 0
  `.execute(trx);
}

/** Cost only moved between cells: per charge month, currency and metric it is as much as before. */
async function refuseUnequalSums(trx: Transaction<DB>, { loadId, rulebookId, baseId }: Difference): Promise<void> {
  const columns = sql`date_trunc('month', charge_date::timestamp)::date as charge_month, billing_currency, ${sql.join(METRICS)}`;
  await refuseDifferences(trx, {
    what: `rollup of load ${loadId} under rulebook ${rulebookId}, against the one under rulebook ${baseId}`,
    expected: sql`select ${columns} from pod_cost where cell_id in (select cell_id from replacing_cell)`,
    found: sql`select ${columns} from pod_cost where load_id = ${loadId}::bigint and rulebook_id = ${rulebookId}`,
  });
}
