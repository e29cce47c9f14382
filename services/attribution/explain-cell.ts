/**
 * A cell's cost by rule, and where it was charged: from the rollups where these keep every dimension asked for, else from the origins
 * that pass: by the months of `load_origin`, and by their charges only where a month or an origin is the cell's in part.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { dimensionSql } from '../reports/cost-dimensions.ts';
import { filterSql } from '../reports/cost-filters.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import { passLines, stretchesSql } from './explain-origins.ts';
import { type Cell, filtersOfRollups, isKept, isOfWholeMonths } from './explain-scope.ts';
import type { ExplainedMoney } from './explain-sources.ts';
import { sumsAsText } from './explain-sources.ts';

export interface CellRule extends ExplainedMoney {
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly lineCount: string;
  /** In the ranking metric: what the pod has of the rule, and the whole of it. */
  readonly part: Decimal;
  readonly whole: Decimal;
}

export interface CellCharge {
  readonly loadId: string;
  readonly date: IsoDate;
  readonly currency: string;
}

const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const KEPT_COLUMNS = sql`provider_name, service_name, charge_category`;

/** The cell's cost by rule, kind and currency. Parts of a split have only the dimensions of rollups, as in the explorer. */
export async function readCellRules(db: Kysely<DB>, cell: Cell): Promise<CellRule[]> {
  const part = sql`sum(line.${sql.ref(cell.metric)})::text`;
  const named = sql`"billedCost", "effectiveCost", "listCost", "contractedCost"`;
  const direct = sql`
    select line.rule_id as "ruleId", 'direct' as kind, line.billing_currency as "billingCurrency", ${sumsAsText('line')},
      sum(line.line_count)::text as "lineCount", ${part} as part, ${part} as whole
    from ${isKept(cell) ? rollupLines(cell, ownKind(cell)) : originLines(cell)} as line
    where ${isKept(cell) ? passRollups(cell) : sql`true`}
    group by line.rule_id, line.billing_currency`;
  const { rows } = await sql<CellRule>`
    with carried as (
      select line.rule_id, line.billing_currency, ${sumsAsText('line')}, ${part} as part
      from ${sharedLines(cell)} as line where ${isKept(cell) ? passRollups(cell) : sql`false`} group by line.rule_id, line.billing_currency
    ), whole as (
      select line.rule_id, line.billing_currency, sum(line.line_count)::text as "lineCount", ${part} as part
      from ${rollupLines(cell, sql`kind = 'to_split'`)} as line
      where line.rule_id in (select rule_id from carried) and ${passRollups(cell)} group by line.rule_id, line.billing_currency
    )
    ${direct}
    union all
    select rule_id, 'shared', billing_currency, ${named}, "lineCount", carried.part, whole.part
    from carried join whole using (rule_id, billing_currency)
    order by 2, 3, 1
  `.execute(db);
  return rows;
}

/** The loads, dates and currencies in which the cell's cost was charged; of whole months in the reporting currency only their first. */
export async function readCellCharged(db: Kysely<DB>, cell: Cell): Promise<CellCharge[]> {
  const columns = sql`line.load_id as "loadId", line.charge_date as date, line.billing_currency as currency`;
  const { rows } = isKept(cell)
    ? await sql<CellCharge>`
        select ${columns} from ${rollupLines(cell, ownKind(cell))} as line where ${passRollups(cell)}
        union select ${columns} from ${sharedLines(cell)} as line where ${passRollups(cell)}
        order by 1, 2, 3`.execute(db)
    : await sql<CellCharge>`
        select distinct ${columns} from ${originLines(cell, { withDates: true })} as line order by 1, 2, 3`.execute(db);
  return rows;
}

/** Rows of the rollup; what is split has no pod yet, everything else is direct to readers. */
function rollupLines(cell: Cell, kinds: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select load_id, charge_date, case kind when 'to_split' then 'shared' else 'direct' end as kind, pod_id, rule_id, ${KEPT_COLUMNS},
      billing_currency, ${METRICS}, line_count
    from rollup_cost where ${inCell(cell)} and rulebook_id = ${cell.rulebookId} and ${kinds})`;
}

/** A null pod and a named one apart: of `is not distinct from` the planner takes either for a rare one. */
function ownKind({ podId }: Cell): RawBuilder<unknown> {
  return podId === null ? sql`kind = 'unattributed'` : sql`kind = 'direct' and pod_id = ${podId}::text`;
}

/** What the pod carries of split cost; of nobody what nobody could carry. */
function sharedLines(cell: Cell): RawBuilder<unknown> {
  const own = cell.podId === null ? sql`pod_id is null` : sql`pod_id = ${cell.podId}::text`;
  return sql`(select load_id, charge_date, 'shared'::text as kind, pod_id, rule_id, ${KEPT_COLUMNS}, billing_currency, ${METRICS}
    from shared_cost where ${inCell(cell)} and ${own})`;
}

/**
 * The cost of the pod's own origins that pass the filters. Months that are the cell's in full come as they were added up, unless their
 * dates are wanted and they are in another currency, whose rate hangs on the date.
 */
function originLines(cell: Cell, { withDates = false } = {}): RawBuilder<unknown> {
  const columns = sql`line.load_id, line.billing_currency, ${METRICS}, line.line_count, stretch.rule_id`;
  const whole = sql`stretch.valid_from <= ${cell.period.start}::date and stretch.valid_until >= ${cell.period.end}::date`;
  const foreign = withDates ? sql`line.billing_currency <> ${cell.reportingCurrency}` : sql`false`;
  const byMonth = isOfWholeMonths(cell);
  const months = sql`
    select ${columns}, line.charge_date
    from stretch join (select *, charge_month as charge_date from load_origin) as line on line.origin_id = stretch.origin_id
    where ${whole} and not ${foreign} and line.load_id = any(${cell.loadIds}::bigint[])
      and line.charge_month >= ${cell.period.start}::date and line.charge_month < ${cell.period.end}::date and ${passLines(cell)}
    union all`;
  const remaining = withDates
    ? sql`select * from stretch where not (${whole}) or origin_id in (
        select line.origin_id from load_origin as line
        where ${foreign} and line.load_id = any(${cell.loadIds}::bigint[]) and line.origin_id in (select origin_id from stretch))`
    : sql`select * from stretch where not (${whole})`;
  return sql`(
    with stretch as materialized ${stretchesSql(cell, [])} ${byMonth ? months : sql``}
    select ${columns}, line.charge_date
    from (${byMonth ? remaining : sql`select * from stretch`}) as stretch
    join charge as line on line.origin_id = stretch.origin_id
      and line.charge_date >= stretch.valid_from and line.charge_date < stretch.valid_until
    where ${inCell(cell, 'line')} and ${passLines(cell)})`;
}

function inCell({ loadIds, period }: Cell, table?: string): RawBuilder<unknown> {
  const column = (name: string) => sql.ref(table === undefined ? name : `${table}.${name}`);
  return sql`${column('load_id')} = any(${loadIds}::bigint[])
    and ${column('charge_date')} >= ${period.start}::date and ${column('charge_date')} < ${period.end}::date`;
}

function passRollups(cell: Cell): RawBuilder<unknown> {
  return filterSql(filtersOfRollups(cell), (dimension) => dimensionSql(dimension, () => ''), cell.tags.fold);
}
