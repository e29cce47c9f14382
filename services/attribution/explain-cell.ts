/**
 * A cell's cost by rule and by pod, and where it was charged: from the rollups where these keep every dimension asked for, by month where
 * a month is the cell's in full, else from the
 * origins that pass: by the months of `load_origin`, and by their charges only where a month or an origin is the cell's in part. Parts
 * of split cost have only the dimensions of rollups, the others are null on them, as in the cost explorer. The sums are the report's.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { cutToWindow } from '../periods/closed-months.ts';
import { rateJoins, rateOf } from '../periods/closed-rows.ts';
import { DATED_DIMENSIONS, dimensionSql, isKeptByRollup } from '../reports/cost-dimensions.ts';
import { filterSql } from '../reports/cost-filters.ts';
import { passLines, stretchesOf, stretchesSql } from './cell-stretches.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';
import {
  type Cell,
  type CellPart,
  filtersOfRollups,
  type Grains,
  grainsOf,
  isInParts,
  isKept,
  isOfWholeMonths,
} from './explain-scope.ts';
import { type ExplainedMoney, sumsAsText } from './explain-sources.ts';

/** In the billing currency, and converted day by day: in the reporting metric and currency, null where a rate is missing. */
export interface ConvertedMoney extends ExplainedMoney {
  readonly converted: string | null;
}

export interface CellRule extends ConvertedMoney {
  readonly rulebook: number;
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly lineCount: string;
  /** In the ranking metric: what the cell has of the rule, and the whole of it. */
  readonly part: Decimal;
  readonly whole: Decimal;
}

/** What of a cell over all pods is one pod's; null: unattributed. */
export interface CellPod extends ConvertedMoney {
  readonly podId: string | null;
  readonly kind: 'direct' | 'shared';
}

export interface CellCharge {
  readonly statementId: number | null;
  readonly loadId: string;
  /** Null where no rate hangs on it. */
  readonly date: IsoDate | null;
  readonly currency: string;
}

const METRICS = sql.join(METRIC_COLUMNS.map((column) => sql.ref(column)));
const METRIC_SUMS = sql.join(METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));
const LINE_COLUMNS = sql`rulebook_id, statement_id, load_id, charge_date, kind, pod_id, rule_id, billing_currency, ${METRICS}, line_count`;
const KEPT_COLUMNS = sql`provider_name, service_name, charge_category`;

/** What a cell adds up to. */
export interface CellSums {
  /** By rule, kind and currency. */
  readonly rules: readonly CellRule[];
  /** Of a cell over all pods: by pod, kind and currency. */
  readonly pods: readonly CellPod[];
  /** Where it was charged. */
  readonly charged: readonly CellCharge[];
}

/** All sums of a cell, in one reading of its lines: of a year of a great organisation that is what takes the time. */
export async function readCellSums(db: Kysely<DB>, cell: Cell): Promise<CellSums> {
  const byRule = sql`line.rulebook_id, line.rule_id, line.kind, line.billing_currency`;
  const byPod = sql`line.pod_id, line.kind, line.billing_currency`;
  const metric = sql.ref(`line.${cell.metric}`);
  // Only rates hang on the date, and hardly any line has another's date, pod and rule.
  const date = cell.rates.length === 0 ? sql`null::date` : sql`charge_date`;
  // Money is text in here: a driver would read a JSON number as a float.
  const { rows } = await sql<CellSums>`
    with line as materialized (
      select rulebook_id, statement_id, load_id, ${date} as charge_date, kind, is_whole, pod_id, rule_id, billing_currency, ${METRIC_SUMS},
        sum(line_count) as line_count
      from (${cellLines(cell)}) as line
      group by rulebook_id, statement_id, load_id, ${date}, kind, is_whole, pod_id, rule_id, billing_currency
    ), rule as (
      select line.rulebook_id, line.rule_id, line.kind, line.billing_currency, ${sumsAsText('line')}, ${convertedSum(cell)} as converted,
        sum(line.line_count)::text as line_count, sum(${metric})::text as part
      from line ${ratesOf(cell)} where not line.is_whole group by ${byRule}
    ), whole as (
      select line.rulebook_id, line.rule_id, line.kind, line.billing_currency, sum(line.line_count)::text as line_count, sum(${metric})::text as whole
      from line where line.is_whole group by ${byRule}
    ), found as (
      select rule.rulebook_id as rulebook, rule.rule_id as "ruleId", kind, billing_currency as "billingCurrency",
        "billedCost", "effectiveCost", "listCost", "contractedCost", converted, coalesce(whole.line_count, rule.line_count) as "lineCount",
        part, coalesce(whole.whole, part) as whole
      from rule left join whole using (rulebook_id, rule_id, kind, billing_currency) order by kind, 4, 1, 2
    ), pod as (
      select line.pod_id as "podId", line.kind, line.billing_currency as "billingCurrency", ${sumsAsText('line')},
        ${convertedSum(cell)} as converted
      from line ${ratesOf(cell)} where not line.is_whole and ${cell.owner === 'everybody' ? sql`true` : sql`false`} group by ${byPod}
      order by line.pod_id collate "C" nulls last, 2, 3
    ), charged as (
      select distinct line.statement_id as "statementId", line.load_id::text as "loadId", line.charge_date::text as date,
        line.billing_currency as currency
      from line where not line.is_whole order by 3, 2, 4, 1
    )
    select (select coalesce(json_agg(found), '[]') from found) as rules, (select coalesce(json_agg(pod), '[]') from pod) as pods,
      (select coalesce(json_agg(charged), '[]') from charged) as charged
  `.execute(db);
  return rows[0] ?? { rules: [], pods: [], charged: [] };
}

/** Of each split rule and currency the first open date on which the cell has a part of it. */
export async function readFirstShares(
  db: Kysely<DB>,
  cell: Cell,
): Promise<{ ruleId: string; billingCurrency: string; date: IsoDate }[]> {
  const parts = cell.parts.filter(({ statementId }) => statementId === null);
  const first = await readFirstDates(db, cell, grainsOf({ ...cell, parts }));
  const months = [...new Set(first.map(({ date }) => monthOf(date).start))];
  const ofFirst = parts.map((part) => ({
    ...part,
    days: months.flatMap((month) => cutToWindow(part.days, monthOf(month))),
  }));
  return readFirstDates(db, cell, { months: [], days: ofFirst.filter(({ days }) => days.length > 0) });
}

async function readFirstDates(
  db: Kysely<DB>,
  cell: Cell,
  grains: Grains,
): Promise<{ ruleId: string; billingCurrency: string; date: IsoDate }[]> {
  if (grains.months.length + grains.days.length === 0) return [];
  const { rows } = await sql<{ ruleId: string; billingCurrency: string; date: IsoDate }>`
    select rule_id as "ruleId", billing_currency as "billingCurrency", min(charge_date) as date
    from ${holding(cell, sharedLines(grains))} where ${ownOf(cell)} and ${passKept(cell)} group by rule_id, billing_currency`.execute(
    db,
  );
  return rows;
}

/** What converts: where every charge is in the reporting currency nothing is joined. */
function ratesOf(cell: Cell): RawBuilder<unknown> {
  if (cell.rates.length === 0) return sql``;
  const row = { alias: 'line', currency: 'billing_currency', date: 'charge_date', hasStatement: hasStatement(cell) };
  return rateJoins(row, cell.reportingCurrency);
}

function convertedSum(cell: Cell): RawBuilder<unknown> {
  const metric = sql.ref(`line.${cell.metric}`);
  if (cell.rates.length === 0) return sql`trim_scale(sum(${metric}))::text`;
  const rate = sql`case when line.billing_currency = ${cell.reportingCurrency} then 1 else ${rateOf(hasStatement(cell))} end`;
  return sql`case when bool_or(${rate} is null) then null else trim_scale(sum(${metric} * ${rate}))::text end`;
}

function hasStatement({ parts }: Cell): boolean {
  return parts.some(({ statementId }) => statementId !== null);
}

/** The rows that add up to the cell: what rules gave, and the parts of what they split. And (`is_whole`) the wholes of these rules. */
function cellLines(cell: Cell): RawBuilder<unknown> {
  if (cell.parts.length === 0) return nothing();
  const grains = grainsOf(cell);
  const shared = sql`
    select ${LINE_COLUMNS}, false as is_whole from ${holding(cell, sharedLines(grains))} where ${ownOf(cell)} and ${passKept(cell)}`;
  const rolledUp = (isWhole: RawBuilder<boolean>) => sql`
    select ${LINE_COLUMNS}, is_whole from ${holding(cell, rollupLines(grains, isWhole))}
    where case when is_whole then ${passKept(cell, { withPods: false })} else ${passKept(cell)} end`;
  if (isKept(cell)) return sql`${rolledUp(sql<boolean>`${ownKind(cell)} or kind = 'to_split'`)} union all ${shared}`;
  return sql`select ${LINE_COLUMNS}, false as is_whole from ${originLines(cell)} as line union all ${shared}
    union all ${rolledUp(sql<boolean>`kind = 'to_split' and ${passUnkept(cell)}`)}`;
}

function nothing(): RawBuilder<unknown> {
  return sql`select 0 as rulebook_id, 0 as statement_id, load_id, charge_date, ''::text as kind, false as is_whole, pod_id, rule_id,
    billing_currency, ${METRICS}, line_count from pod_cost where false`;
}

/** Lines with what their pod held on the charge date, where a filter asks for it. */
function holding(cell: Cell, lines: RawBuilder<unknown>): RawBuilder<unknown> {
  if (!cell.filters.some(({ dimension }) => DATED_DIMENSIONS.includes(dimension.name))) return sql`(${lines}) as line`;
  return sql`(
    select line.*, holder.portfolio_id, holder.owner_email, holder.cost_centre from (${lines}) as line
    left join held_pod as holder on holder.pod_id = line.pod_id and holder.statement_id is not distinct from line.statement_id
      and holder.valid_from <= line.charge_date and holder.valid_until > line.charge_date
  ) as line cross join lateral (select line.portfolio_id, line.owner_email, line.cost_centre) as holder`;
}

/** Rows of the rollups of these kinds, of each part; what is split has no pod yet. */
function rollupLines(grains: Grains, kinds: RawBuilder<boolean>): RawBuilder<unknown> {
  return ofGrains(
    grains,
    (part, { suffix, date }) => sql`
      select ${constantsOf(part)}, load_id, ${sql.ref(date)} as charge_date, case kind when 'to_split' then 'shared' else 'direct' end as kind,
        kind = 'to_split' as is_whole, pod_id, rule_id, ${KEPT_COLUMNS}, billing_currency, ${METRICS}, line_count
      from ${sql.table(`rollup_${suffix}`)} as rollup
      where ${isInParts([part], 'rollup', date)} and rulebook_id = ${part.rulebookId} and (${kinds})`,
  );
}

/** A null pod and a named one apart: of `is not distinct from` the planner takes either for a rare one. */
function ownKind({ owner }: Cell): RawBuilder<unknown> {
  if (owner === 'everybody') return sql`kind <> 'to_split'`;
  return owner.podId === null ? sql`kind = 'unattributed'` : sql`kind = 'direct' and pod_id = ${owner.podId}::text`;
}

function ownOf({ owner }: Cell): RawBuilder<unknown> {
  if (owner === 'everybody') return sql`true`;
  return owner.podId === null ? sql`line.pod_id is null` : sql`line.pod_id = ${owner.podId}::text`;
}

/** What is carried of split cost; of nobody what nobody could carry. */
function sharedLines(grains: Grains): RawBuilder<unknown> {
  return ofGrains(grains, (part, { suffix, date }) => {
    const isOpen = part.statementId === null;
    return sql`
      select ${constantsOf(part)}, load_id, ${sql.ref(date)} as charge_date, 'shared'::text as kind, pod_id, rule_id, ${KEPT_COLUMNS},
        billing_currency, ${METRICS}, 0::bigint as line_count
      from ${sql.table(`${isOpen ? 'shared' : 'statement_shared'}_${suffix}`)} as carried
      where ${isOpen ? sql`` : sql`statement_id = ${part.statementId} and`} ${isInParts([part], 'carried', date)}`;
  });
}

/** The rows of all parts: of a month from the tables whose names end so, dated by its first day; of a day from the others. */
function ofGrains(
  { months, days }: Grains,
  rowsOf: (part: CellPart, grain: { suffix: 'month' | 'cost'; date: string }) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  return unionOf([
    ...months.map((part) => rowsOf(part, { suffix: 'month', date: 'charge_month' })),
    ...days.map((part) => rowsOf(part, { suffix: 'cost', date: 'charge_date' })),
  ]);
}

function constantsOf({ rulebookId, statementId }: CellPart): RawBuilder<unknown> {
  return sql`${rulebookId}::integer as rulebook_id, ${statementId}::integer as statement_id`;
}

function unionOf(queries: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql.join([...queries], sql` union all `);
}

/**
 * The cost of the cell's own origins that pass the filters. Months that are the cell's in full come as they were added up, unless they
 * are in another currency: its rate hangs on the date.
 */
function originLines(cell: Cell): RawBuilder<unknown> {
  const isForeign = cell.rates.length > 0;
  const foreign = isForeign ? sql`line.billing_currency <> ${cell.reportingCurrency}` : sql`false`;
  const all = stretchesOf(cell, []).map((stretches, index) => ({ stretches, name: sql.ref(`stretch_${index}`) }));
  const queries = all.flatMap(({ stretches, name }) =>
    stretches.of.parts.flatMap((part) => {
      const [first, last] = [part.days[0]?.start ?? '', part.days.at(-1)?.end ?? ''];
      const isWhole = sql`stretch.valid_from <= ${first}::date and stretch.valid_until >= ${last}::date`;
      const ofPart = sql`${isInParts([part], 'line')} and ${passLines(cell)}`;
      const columns = sql`${constantsOf(part)}, line.load_id, line.charge_date, 'direct'::text as kind, stretch.pod_id, stretch.rule_id,
        line.billing_currency, ${METRICS}, line.line_count`;
      const byCharge = (stretch: RawBuilder<unknown>) => sql`
        select ${columns} from ${stretch} as stretch join charge as line on line.origin_id = stretch.origin_id
          and line.charge_date >= stretch.valid_from and line.charge_date < stretch.valid_until where ${ofPart}`;
      if (!isOfWholeMonths(cell)) return [byCharge(name)];
      const months = sql`(select *, charge_month as charge_date from load_origin)`;
      const whole = sql`
        select ${columns} from ${name} as stretch join ${months} as line on line.origin_id = stretch.origin_id
        where ${isWhole} and not ${foreign} and ${ofPart}`;
      const inPart = byCharge(sql`(select * from ${name} as stretch where not (${isWhole}))`);
      if (!isForeign) return [whole, inPart];
      const abroad = sql`(
        select * from ${name} as stretch where ${isWhole} and origin_id in (
          select line.origin_id from ${months} as line where ${foreign} and ${ofPart}))`;
      return [whole, inPart, sql`${byCharge(abroad)} and ${foreign}`];
    }),
  );
  const stretches = all.map((one) => sql`${one.name} as materialized ${stretchesSql(cell, one.stretches)}`);
  return sql`(with ${sql.join(stretches)} ${unionOf(queries)})`;
}

/** Filters on a row of the rollups or a part of split cost; what these lack is null on them. */
function passKept(cell: Cell, options: { withPods?: boolean } = {}): RawBuilder<unknown> {
  return filterSql(
    filtersOfRollups(cell, options),
    (dimension) => (isKeptByRollup(dimension) ? dimensionSql(dimension, () => '') : sql`null::text`),
    true,
  );
}

/** Whether what has none of the dimensions that rollups lack can pass at all: known before anything is read. */
function passUnkept({ filters }: Cell): RawBuilder<unknown> {
  const unkept = filters.filter(({ dimension }) => !isKeptByRollup(dimension));
  return filterSql(unkept, () => sql`null::text`, true);
}
