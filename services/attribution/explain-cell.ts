/**
 * A cell of a report as SQL: a pod (or nobody) and a period, narrowed by the explorer's filters. Rules are added up from the rollups where
 * these keep every dimension asked for, else from the charges of the origins that pass. Origins are ranked by the months of
 * `load_origin`, a sixth of the charges; the few that weigh most are then added up exactly from the charges, found by their index.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type IsoDate, type Period, monthsTouched } from '../kernel/period.ts';
import { type CostDimension, dimensionSql, isKeptByRollup } from '../reports/cost-dimensions.ts';
import { type CostFilter, filterSql } from '../reports/cost-filters.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import { createWhenScope } from './compile-when.ts';
import type { ExplainedMoney } from './explain-sources.ts';
import { sumsAsText } from './explain-sources.ts';
import type { RulebookContent } from './rulebook.ts';

export interface Cell {
  readonly podId: string | null;
  readonly period: Period;
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
  /** The column of the metric by which origins are ranked. */
  readonly metric: string;
  readonly filters: readonly CostFilter[];
  readonly tags: RulebookContent['tags'];
}

export interface CellRule extends ExplainedMoney {
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly lineCount: string;
  /** In the ranking metric: what the pod has of the rule, and the whole of it. */
  readonly part: Decimal;
  readonly whole: Decimal;
}

export interface CellOrigin extends ExplainedMoney {
  readonly originId: string;
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly lineCount: string;
  readonly loadId: string;
  readonly providerName: string | null;
  readonly subAccountId: string | null;
  readonly serviceName: string | null;
  readonly resourceId: string | null;
  readonly resourceName: string | null;
  readonly chargeCategory: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
}

const ORIGINS_MAX = 20;
/** Ranked by whole months, added up exactly: those that a pod had only a part of a month fall back, so more are taken. */
const CANDIDATES_MAX = 60;
const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const KEPT_COLUMNS = sql`provider_name, service_name, charge_category`;

/** @throws AppError invalid_input for a dimension that a cell of a pod cannot be narrowed by. */
export function refuseForeignFilters(filters: readonly CostFilter[]): void {
  const foreign = filters.find(({ dimension }) => dimension.name === 'pod' || dimension.name === 'portfolio');
  if (foreign === undefined) return;
  throw new AppError(
    'invalid_input',
    `A cell is of one pod already; leave the filter on ${foreign.dimension.name} out, and name the pod with --pod.`,
  );
}

/** The cell's cost by rule, kind and currency. */
export async function readCellRules(db: Kysely<DB>, cell: Cell): Promise<CellRule[]> {
  const part = sql`sum(line.${sql.ref(cell.metric)})::text`;
  const direct = isKept(cell) ? rollupLines(cell, sql`kind in ('direct', 'unattributed')`) : chargeLines(cell);
  const shared = sql`(select load_id, charge_date, 'shared'::text as kind, pod_id, rule_id, ${KEPT_COLUMNS}, billing_currency, ${METRICS}
    from shared_cost where ${inCell(cell)} and pod_id is not distinct from ${cell.podId}::text)`;
  const { rows } = await sql<CellRule>`
    select line.rule_id as "ruleId", 'direct' as kind, line.billing_currency as "billingCurrency", ${sumsAsText('line')},
      sum(line.line_count)::text as "lineCount", ${part} as part, ${part} as whole
    from ${direct} as line ${joinLoad(cell)} where ${isKept(cell) ? filtersSql(cell) : sql`true`}
    group by line.rule_id, line.billing_currency
    ${
      isKept(cell)
        ? sql`union all
    select carried.*, whole.line_count, carried_part.part, whole.part
    from (
      select line.rule_id as "ruleId", 'shared' as kind, line.billing_currency as "billingCurrency", ${sumsAsText('line')}
      from ${shared} as line ${joinLoad(cell)} where ${filtersSql(cell)} group by line.rule_id, line.billing_currency
    ) as carried
    join (
      select line.rule_id, line.billing_currency, ${part} as part
      from ${shared} as line ${joinLoad(cell)} where ${filtersSql(cell)} group by line.rule_id, line.billing_currency
    ) as carried_part on carried_part.rule_id = carried."ruleId" and carried_part.billing_currency = carried."billingCurrency"
    join (
      select line.rule_id, line.billing_currency, sum(line.line_count)::text as line_count, ${part} as part
      from ${rollupLines(cell, sql`kind = 'to_split'`)} as line ${joinLoad(cell)} where ${filtersSql(cell)}
      group by line.rule_id, line.billing_currency
    ) as whole on whole.rule_id = carried."ruleId" and whole.billing_currency = carried."billingCurrency"`
        : sql``
    }
    order by 2, 3, 1
  `.execute(db);
  return rows;
}

/** The origins of the greatest amounts in the ranking metric, either sign; of split cost those of the whole. */
export async function readCellOrigins(
  db: Kysely<DB>,
  cell: Cell,
  rules: readonly { readonly ruleId: string | null; readonly kind: string }[],
): Promise<CellOrigin[]> {
  const splitRuleIds = rules.filter((rule) => rule.kind === 'shared').map((rule) => rule.ruleId);
  const isOfCell = sql`(attribution.kind = 'split' and attribution.rule_id = any(${splitRuleIds}::text[])
    or attribution.kind <> 'split' and attribution.pod_id is not distinct from ${cell.podId}::text)`;
  const metric = sql.ref(`spent.${cell.metric}`);
  const byMonth = isOfWholeMonths(cell);
  const spent = byMonth
    ? sql`(select origin_id, load_id, charge_month as charge_date, (charge_month + interval '1 month')::date as until_date,
        billing_currency, ${METRICS} from load_origin
        where load_id = any(${cell.loadIds}::bigint[]) and charge_month = any(${monthsTouched(cell.period.start, cell.period.end)}::date[]))`
    : sql`(select origin_id, load_id, charge_date, charge_date + 1 as until_date, billing_currency, ${METRICS} from charge where ${inCell(cell)})`;
  const ranked = await sql<{ origin_id: string }>`
    select spent.origin_id from ${spent} as spent
    join attributed_origin as attribution on attribution.rulebook_id = ${cell.rulebookId} and attribution.origin_id = spent.origin_id
      and attribution.valid_from < spent.until_date and attribution.valid_until > spent.charge_date
    ${joinOriginOfSpent(cell)}
    where ${isOfCell}
    group by spent.origin_id, spent.billing_currency
    order by abs(sum(${metric})) desc, spent.origin_id limit ${CANDIDATES_MAX}
  `.execute(db);
  const candidates = [...new Set(ranked.rows.map((row) => row.origin_id))];
  const { rows } = await sql<CellOrigin>`
    with top as (
      select spent.origin_id, attribution.rule_id, attribution.kind, spent.billing_currency, ${sumsAsText('spent')},
        sum(spent.line_count)::text as "lineCount", max(spent.load_id) as load_id, abs(sum(${metric})) as weight
      from charge as spent
      join attributed_origin as attribution on attribution.rulebook_id = ${cell.rulebookId} and attribution.origin_id = spent.origin_id
        and spent.charge_date >= attribution.valid_from and spent.charge_date < attribution.valid_until
      ${joinOriginOfSpent(cell)}
      where spent.origin_id = any(${candidates}::bigint[]) and attribution.origin_id = any(${candidates}::bigint[])
        and ${inCell(cell, 'spent')} and ${isOfCell}
      group by spent.origin_id, attribution.rule_id, attribution.kind, spent.billing_currency
      order by weight desc, spent.origin_id limit ${ORIGINS_MAX}
    )
    select top.origin_id as "originId", top.rule_id as "ruleId",
      case top.kind when 'split' then 'shared' else 'direct' end as kind, top.billing_currency as "billingCurrency",
      "billedCost", "effectiveCost", "listCost", "contractedCost", "lineCount", top.load_id as "loadId",
      provider_name as "providerName", sub_account_id as "subAccountId", service_name as "serviceName",
      resource_id as "resourceId", resource_name as "resourceName", charge_category as "chargeCategory", tags
    from top join origin on origin.id = top.origin_id order by top.weight desc, top.origin_id
  `.execute(db);
  return rows;
}

/** The loads, dates and currencies in which the cell's cost was charged. */
export async function readCellCharged(
  db: Kysely<DB>,
  cell: Cell,
): Promise<{ loadId: string; date: IsoDate; currency: string }[]> {
  const condition = isKept(cell) ? filtersSql(cell) : sql`true`;
  const shared = sql`(select load_id, charge_date, 'shared'::text as kind, pod_id, rule_id, ${KEPT_COLUMNS}, billing_currency
    from shared_cost where ${inCell(cell)} and pod_id is not distinct from ${cell.podId}::text)`;
  const direct = isKept(cell) ? rollupLines(cell, sql`kind in ('direct', 'unattributed')`) : chargeLines(cell);
  const { rows } = await sql<{ loadId: string; date: IsoDate; currency: string }>`
    select line.load_id as "loadId", line.charge_date as date, line.billing_currency as currency
    from ${direct} as line ${joinLoad(cell)} where ${condition}
    ${isKept(cell) ? sql`union select line.load_id, line.charge_date, line.billing_currency from ${shared} as line ${joinLoad(cell)} where ${condition}` : sql`group by 1, 2, 3`}
    order by 1, 2, 3
  `.execute(db);
  return rows;
}

function isKept(cell: Cell): boolean {
  return cell.filters.every(({ dimension }) => isKeptByRollup(dimension));
}

/** Whole calendar months, and no filter that looks into them. */
function isOfWholeMonths({ period, filters }: Cell): boolean {
  return (
    period.start.endsWith('-01') &&
    period.end.endsWith('-01') &&
    !filters.some(({ dimension }) => dimension.name === 'day')
  );
}

function inCell({ loadIds, period }: Cell, table?: string): RawBuilder<unknown> {
  const column = (name: string) => sql.ref(table === undefined ? name : `${table}.${name}`);
  return sql`${column('load_id')} = any(${loadIds}::bigint[])
    and ${column('charge_date')} >= ${period.start}::date and ${column('charge_date')} < ${period.end}::date`;
}

/** Rows of the rollup; what is split has no pod yet, everything else is direct to readers. */
function rollupLines(cell: Cell, kinds: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select load_id, charge_date, case kind when 'to_split' then 'shared' else 'direct' end as kind, pod_id, rule_id, ${KEPT_COLUMNS},
      billing_currency, ${METRICS}, line_count
    from rollup_cost where ${inCell(cell)} and rulebook_id = ${cell.rulebookId} and ${kinds}
      and (kind = 'to_split' or pod_id is not distinct from ${cell.podId}::text))`;
}

/** The charges of the pod's own origins that pass the filters. Parts of a split have no such dimensions, as in the explorer. */
function chargeLines(cell: Cell): RawBuilder<unknown> {
  const scope = createWhenScope(cell.tags, 'bound.texts');
  const dimension = (one: CostDimension) => dimensionSql(one, (key) => scope.tag(key));
  const condition = filterSql(cell.filters, dimension, cell.tags.fold);
  const tags = [...scope.columns].map(([name, text]) => sql`, ${sql.raw(text)} as ${sql.ref(name)}`);
  const columns = [
    ...new Set(cell.filters.flatMap(({ dimension: one }) => (one.place === 'origin' ? [one.column] : []))),
  ];
  const origins = columns.map((column) => sql`, origin.${sql.ref(column)}`);
  return sql`(select line.load_id, line.charge_date, line.rule_id, line.billing_currency, ${METRICS}, line.line_count
    from (
      select charge.*, 'direct'::text as kind, attribution.pod_id, attribution.rule_id ${joinPieces(origins)} ${joinPieces(tags)}
      from charge
      join attributed_origin as attribution on attribution.rulebook_id = ${cell.rulebookId} and attribution.origin_id = charge.origin_id
        and charge.charge_date >= attribution.valid_from and charge.charge_date < attribution.valid_until
      join origin on origin.id = charge.origin_id
      cross join (select ${[...scope.texts]}::text[] as texts) as bound
      where ${inCell(cell, 'charge')} and attribution.kind <> 'split' and attribution.pod_id is not distinct from ${cell.podId}::text
    ) as line ${joinLoad(cell)} where ${condition})`;
}

/** Filters that origins can be told by, for the ranking; the rest is in the rules and dates. */
function joinOriginOfSpent(cell: Cell): RawBuilder<unknown> {
  if (cell.filters.length === 0) return sql``;
  const scope = createWhenScope(cell.tags, 'bound.texts');
  const condition = filterSql(cell.filters, (one) => dimensionSql(one, (key) => scope.tag(key)), cell.tags.fold);
  const tags = [...scope.columns].map(([name, text]) => sql`, ${sql.raw(text)} as ${sql.ref(name)}`);
  return sql`
    join origin on origin.id = spent.origin_id
    join load on load.id = spent.load_id
    cross join (select ${[...scope.texts]}::text[] as texts) as bound
    join lateral (
      select origin.*, attribution.pod_id, attribution.rule_id, spent.charge_date, spent.billing_currency,
        case attribution.kind when 'split' then 'shared' else 'direct' end as kind ${joinPieces(tags)}
    ) as line on ${condition}`;
}

function joinPieces(pieces: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return pieces.length === 0 ? sql`` : sql.join([...pieces], sql` `);
}

function joinLoad({ filters }: Cell): RawBuilder<unknown> {
  const needs = filters.some(({ dimension }) => dimension.name === 'source' || dimension.name === 'billingPeriod');
  return needs ? sql`join load on load.id = line.load_id` : sql``;
}

function filtersSql(cell: Cell): RawBuilder<unknown> {
  const noTags = () => '';
  return filterSql(cell.filters, (dimension) => dimensionSql(dimension, noTags), cell.tags.fold);
}
