/**
 * What of a load's rollup differs between two rulebooks, cell by cell: what charges of origins with another owner add and take away, and
 * whole cells of rules that give to somebody else.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { chargeTableOf } from './charge-table.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import { givenTable, type Source } from './derive-attribution.ts';
import { laidAttribution } from './laid-attribution.ts';

/** Above this share of a load's charges they are all read in one go; below it each origin's are looked up. */
const LOOKED_UP_SHARE_MAX = 0.02;
/** Above this share of moved stretches per charge the whole rollup is made anew: nearly every cell would be written twice. */
const MOVED_SHARE_MAX = 0.1;

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
const STRETCH = sql`origin_id, valid_from, valid_until, kind, pod_id, rule_id`;
/** What tells one cell from another. */
const CELL = sql`charge_date, kind, pod_id, rule_id, provider_name, service_name, charge_category, billing_currency`;

/** How a load's charges are found for what moved. */
export interface MovedStretches {
  readonly count: number;
  /** Whether each origin's charges are looked up, or all are read. */
  readonly isLookedUp: boolean;
}

/**
 * Writes changed_stretch: the stretches that one of the rulebooks has and the other has not, kept rules that give to somebody else aside,
 * with sign 1 for the rulebook's and -1 for the source's. Undefined where they are too many to be told from.
 */
export async function writeChangedStretches(
  trx: Transaction<DB>,
  loadId: string,
  { rulebook, source, isLaid, moved }: Source,
): Promise<MovedStretches | undefined> {
  const { rows } = await sql<{ own: number; charges: number }>`
    select (select count(*)::integer from attribution where rulebook_id = ${rulebook.id}) as own,
      coalesce(charge_count, 2147483647)::double precision as charges
    from load where id = ${loadId}::bigint
  `.execute(trx);
  const { own, charges } = rows[0] ?? { own: 0, charges: 0 };
  const isLookedUp = isLaid && own < LOOKED_UP_SHARE_MAX * charges;
  const origins = sql`select origin_id from attribution where rulebook_id = ${rulebook.id}`;
  const former = isLookedUp
    ? sql`(select distinct origin_id as id from attribution where rulebook_id = ${rulebook.id}) as own
        cross join lateral (select * from attributed_origin where rulebook_id = ${source.id} and origin_id = own.id offset 0) as former`
    : sql`${await laidAttribution(trx, source.id)} as former`;
  const counted = await withBulkPlans(trx, async () => {
    if (isLookedUp) await sql`set local enable_nestloop = on`.execute(trx);
    await sql`
      create temp table changed_stretch on commit drop as
      select ${STRETCH}, sum(sign) as sign from (
        select ${STRETCH}, 1 as sign from attribution where rulebook_id = ${rulebook.id}
        union all
        select former.origin_id, former.valid_from, former.valid_until, coalesce(given.kind, former.kind),
          case when given.rule_id is null then former.pod_id else given.pod_id end, former.rule_id, -1
        from ${former} left join ${givenTable(moved.given)} on given.rule_id = former.rule_id
        ${isLaid && !isLookedUp ? sql`where former.origin_id in (${origins})` : sql``}
      ) as signed group by ${STRETCH} having sum(sign) <> 0
    `.execute(trx);
    return sql<{ count: number }>`select count(*)::integer as count from changed_stretch`.execute(trx);
  });
  const count = counted.rows[0]?.count ?? 0;
  if (count > MOVED_SHARE_MAX * charges) {
    await sql`drop table changed_stretch`.execute(trx);
    return undefined;
  }
  return { count, isLookedUp: count < LOOKED_UP_SHARE_MAX * charges };
}

/** Writes moved_cell: per cell what leaves and enters it. `takesOver`: cells of rules that give to somebody else are among them. */
export async function writeMovedCells(
  trx: Transaction<DB>,
  loadId: string,
  told: Source,
  { stretches, takesOver }: { stretches: MovedStretches | null; takesOver: boolean },
): Promise<void> {
  const parts = [
    ...(stretches === null ? [] : [await movedCharges(trx, loadId)]),
    ...(takesOver ? [turnedCells(loadId, told)] : []),
  ];
  const sums = METRICS.map((metric) => sql`sum(sign * ${metric}) as ${metric}`);
  // Looked up by plans of their own: what the planner believes of fresh tables is far off.
  if (stretches?.isLookedUp === true) await sql`set local enable_nestloop = on`.execute(trx);
  await sql`
    create temp table moved_cell on commit drop as
    select ${CELL}, ${sql.join(sums)}, sum(sign * line_count) as line_count
    from (${sql.join(parts, sql` union all `)}) as part group by ${CELL}
  `.execute(trx);
  await sql`set local enable_nestloop = off`.execute(trx);
}

/** The cells of a load under the source, of all rules or of these, with whom the rulebook gives them to. */
export function takenOverCells(loadId: string, { source, moved }: Source): RawBuilder<unknown> {
  return sql`
    select charge_date, coalesce(${cellKind(sql`given.kind`)}, cell.kind) as kind,
      case when given.rule_id is null then cell.pod_id else given.pod_id end as pod_id, cell.rule_id, provider_name, service_name,
      charge_category, billing_currency, ${sql.join(METRICS)}, line_count
    from rollup_cost as cell left join ${givenTable(moved.given)} on given.rule_id = cell.rule_id
    where load_id = ${loadId}::bigint and rulebook_id = ${source.id}`;
}

async function movedCharges(trx: Transaction<DB>, loadId: string): Promise<RawBuilder<unknown>> {
  return sql`
    select charge.charge_date, ${cellKind(sql`changed.kind`)} as kind, changed.pod_id, changed.rule_id, origin.provider_name,
      origin.service_name, origin.charge_category, charge.billing_currency,
      ${sql.join(METRICS.map((metric) => sql`charge.${metric}`))}, charge.line_count, changed.sign
    from changed_stretch as changed
    join (select * from ${sql.table(await chargeTableOf(trx, loadId))} where load_id = ${loadId}::bigint) as charge
      on charge.origin_id = changed.origin_id and charge.charge_date >= changed.valid_from and charge.charge_date < changed.valid_until
    join origin on origin.id = changed.origin_id`;
}

/** Cells of rules that give to somebody else: away from the former, over to the new one. */
function turnedCells(loadId: string, { source, moved }: Source): RawBuilder<unknown> {
  return sql`
    select charge_date, turned.kind, turned.pod_id, cell.rule_id, provider_name, service_name, charge_category, billing_currency,
      ${sql.join(METRICS)}, line_count, turned.sign
    from rollup_cost as cell join ${givenTable(moved.given)} on given.rule_id = cell.rule_id
    cross join lateral (values (cell.kind, cell.pod_id, -1), (${cellKind(sql`given.kind`)}, given.pod_id, 1)) as turned (kind, pod_id, sign)
    where load_id = ${loadId}::bigint and rulebook_id = ${source.id}`;
}

/** The kind of a cell whose origins have this kind of attribution; null for null. */
function cellKind(kind: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case ${kind} when 'pod' then 'direct' when 'split' then 'to_split' when 'unattributed' then 'unattributed' end`;
}
