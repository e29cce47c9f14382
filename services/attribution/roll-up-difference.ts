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

interface Difference {
  readonly loadId: string;
  readonly rulebookId: number;
  readonly baseId: number;
  /** The base and the layers below it. */
  readonly below: readonly number[];
}

/**
 * Writes the rollup as a difference; false, and nothing written, where it has to be made in full: there is no base, the load is not rolled
 * up under it, or too much moved.
 * @throws AppError conservation_broken where what the written cells hold is not what the cells they replace held.
 */
export async function rollUpDifference(trx: Transaction<DB>, loadId: string, rulebookId: number): Promise<boolean> {
  const below = (await readLayers(trx, rulebookId)).slice(1);
  const [baseId] = below;
  if (baseId === undefined) return false;
  const difference = { loadId, rulebookId, baseId, below };
  const { isRolledUp, moved, charges } = await measure(trx, difference);
  if (!isRolledUp || moved > MOVED_SHARE_MAX * charges) return false;
  await sql`
    insert into rollup_layer (load_id, rulebook_id, layer_id, nearer_ids)
    values (${loadId}::bigint, ${rulebookId}::integer, ${baseId}::integer, array[${rulebookId}::integer])
    union all
    select load_id, ${rulebookId}::integer, layer_id, ${rulebookId}::integer || nearer_ids from rollup_layer
    where load_id = ${loadId}::bigint and rulebook_id = ${baseId}
  `.execute(trx);
  await withBulkPlans(trx, async () => {
    if (moved < LOOKED_UP_SHARE_MAX * charges) await sql`set local enable_nestloop = on`.execute(trx);
    await writeCells(trx, difference);
  });
  await refuseUnequalSums(trx, difference);
  return true;
}

async function measure(
  trx: Transaction<DB>,
  { loadId, rulebookId, baseId }: Difference,
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

async function writeCells(trx: Transaction<DB>, { loadId, rulebookId, baseId, below }: Difference): Promise<void> {
  const charges = sql`(select * from ${sql.table(await chargeTableOf(trx, loadId))} where load_id = ${loadId}::bigint)`;
  const stretch = sql`origin_id, valid_from, valid_until, kind, pod_id, rule_id`;
  const sums = METRICS.map((metric) => sql`sum(changed.sign * charge.${metric}) as ${metric}`);
  const totals = METRICS.map((metric) => sql`trim_scale(coalesce(former.${metric}, 0) + delta.${metric})`);
  const sameKey = [
    ...KEY.map((column) => sql`former.${column} = delta.${column}`),
    // Equality of texts can be hashed, which "is not distinct from" cannot; it alone would take null for empty.
    ...NULLABLE_KEY.map(
      (column) => sql`coalesce(former.${column}, '') = coalesce(delta.${column}, '')
        and (former.${column} is null) = (delta.${column} is null)`,
    ),
  ];
  await sql`
    with signed as materialized (
      select ${stretch}, 1 as sign from attribution where rulebook_id = ${rulebookId}
      union all
      select ${stretch}, -1 from attributed_origin where rulebook_id = ${baseId}
        and origin_id in (select origin_id from attribution where rulebook_id = ${rulebookId})
    ), changed as materialized (
      select ${stretch}, sum(sign) as sign from signed group by ${stretch} having sum(sign) <> 0
    ), delta as materialized (
      select charge.charge_date,
        case changed.kind when 'pod' then 'direct' when 'split' then 'to_split' else 'unattributed' end as kind,
        changed.pod_id, changed.rule_id, origin.provider_name, origin.service_name, origin.charge_category, charge.billing_currency,
        ${sql.join(sums)}, sum(changed.sign * charge.line_count) as line_count
      from changed
      join ${charges} as charge on charge.origin_id = changed.origin_id
        and charge.charge_date >= changed.valid_from and charge.charge_date < changed.valid_until
      join origin on origin.id = changed.origin_id
      group by 1, 2, 3, 4, 5, 6, 7, 8
    ), former as materialized (
      select pod_cost.*
      from rollup_layer as layer join pod_cost on pod_cost.load_id = layer.load_id and pod_cost.rulebook_id = layer.layer_id
      where layer.load_id = ${loadId}::bigint and layer.rulebook_id = ${rulebookId}
        and (replaced_in is null or not replaced_in && nearer_ids)
    ), met as materialized (
      select ${sql.join([...KEY, ...NULLABLE_KEY].map((column) => sql`delta.${column}`))}, former.cell_id,
        ${sql.join(totals.map((total, index) => sql`${total} as ${METRICS[index]}`))},
        coalesce(former.line_count, 0) + delta.line_count as line_count
      from delta left join former on ${sql.join(sameKey, sql` and `)}
    ), replaced as (
      update pod_cost set replaced_in = coalesce(replaced_in, '{}') || ${rulebookId}::integer
      from (
        -- In one order, so that two rulebooks prepared at once wait for each other and never deadlock.
        select cell_id from pod_cost where load_id = ${loadId}::bigint and rulebook_id = any(${below}::integer[])
          and cell_id in (select cell_id from met) order by cell_id for update
      ) as gone
      where pod_cost.load_id = ${loadId}::bigint and rulebook_id = any(${below}::integer[]) and pod_cost.cell_id = gone.cell_id
    )
    insert into pod_cost (load_id, rulebook_id, ${sql.join([...KEY, ...NULLABLE_KEY, ...METRICS])}, line_count)
    select ${loadId}::bigint, ${rulebookId}::integer, ${sql.join([...KEY, ...NULLABLE_KEY, ...METRICS])}, line_count
    from met where line_count <> 0
  `.execute(trx);
}

/** Cost only moved between cells: per charge month, currency and metric it is as much as before. */
async function refuseUnequalSums(
  trx: Transaction<DB>,
  { loadId, rulebookId, baseId, below }: Difference,
): Promise<void> {
  const columns = sql`date_trunc('month', charge_date::timestamp)::date as charge_month, billing_currency, ${sql.join(METRICS)}`;
  await refuseDifferences(trx, {
    what: `rollup of load ${loadId} under rulebook ${rulebookId}, against the one under rulebook ${baseId}`,
    expected: sql`select ${columns} from pod_cost
      where load_id = ${loadId}::bigint and rulebook_id = any(${below}::integer[]) and ${rulebookId} = any (replaced_in)`,
    found: sql`select ${columns} from pod_cost where load_id = ${loadId}::bigint and rulebook_id = ${rulebookId}`,
  });
}
