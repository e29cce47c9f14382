/**
 * The cost explorer: all four cost metrics of a period, grouped by any dimensions and filtered, converted at each day's rate or left
 * in the billing currencies. It covers the whole period as billed so far; `through` says up to where that is complete. Closed days are
 * as their statements froze them.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import { type Decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type CostDimension, DATED_DIMENSIONS, dimensionSql, parseDimensions } from './cost-dimensions.ts';
import { filterSql, parseFilters } from './cost-filters.ts';
import { type CostLines, costLines } from './cost-lines.ts';
import { rateJoins, rateOf } from '../periods/closed-rows.ts';
import {
  type AsNowRequest,
  asNowKnown,
  type ReportFrame,
  type ReportPeriod,
  type ReportRequest,
  type ReportState,
  reachOf,
  readReportFrame,
  reportPeriod,
  statementIdOf,
  stateOf,
} from './report-frame.ts';

export interface FourCosts {
  readonly billedCost: Decimal;
  readonly effectiveCost: Decimal;
  readonly listCost: Decimal;
  readonly contractedCost: Decimal;
}

/** Its dimensions by name (null: none), then the four costs; `billingCurrency` where nothing is converted. */
export type CostRow = FourCosts & { readonly [dimension: string]: string | null };

export interface Costs {
  readonly period: ReportPeriod;
  /** The currency of every figure; `billing` where each row has its own. */
  readonly currency: string;
  readonly by: readonly string[];
  readonly where: readonly string[];
  readonly state: ReportState;
  /** The statement of exactly this period; null while it is open, and for closed days without one of their own. */
  readonly statementId: string | null;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  readonly rows: readonly CostRow[];
  /** One per billing currency where nothing is converted. */
  readonly total: FourCosts | readonly CostRow[];
  /** The same as now known, where it was asked for: closed days as if they were open. */
  readonly asNow?: Costs;
}

/** In place of a currency: convert nothing. */
export const BILLING_CURRENCIES = 'billing';
const ROWS_MAX = 100_000;
const METRICS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;

interface GroupRow {
  readonly keys: (string | null)[];
  readonly is_total: boolean;
  readonly billed_cost: Decimal;
  readonly effective_cost: Decimal;
  readonly list_cost: Decimal;
  readonly contracted_cost: Decimal;
  readonly missing: number;
}

type CostsRequest = ReportRequest & { readonly by?: readonly string[]; readonly where?: readonly string[] };

/**
 * The costs of a period, by pod where `by` is absent. Reads only.
 * @throws AppError invalid_input (dimension, filter, currency, too many rows), invalid_period, forbidden, missing_exchange_rate.
 */
export async function costs(db: Kysely<DB>, request: CostsRequest & AsNowRequest): Promise<Costs> {
  const { currency, ...rest } = request;
  const isBilling = currency === BILLING_CURRENCIES;
  const frame = await readReportFrame(db, isBilling || currency === undefined ? rest : { ...rest, currency });
  const report = await costsOf(db, frame, request);
  if (request.asNow !== true) return report;
  return { ...report, asNow: await costsOf(db, await asNowKnown(db, frame), request) };
}

async function costsOf(db: Kysely<DB>, frame: ReportFrame, request: CostsRequest): Promise<Costs> {
  const isBilling = request.currency === BILLING_CURRENCIES;
  const asked = parseDimensions(request.by === undefined || request.by.length === 0 ? ['pod'] : request.by);
  const filters = parseFilters(request.where ?? []);
  const dimensions = [...asked, ...filters.map((filter) => filter.dimension)];
  const lines = await costLines(db, frame, { dimensions, converts: !isBilling });
  const by = isBilling ? parseDimensions([...asked.map((one) => one.name), 'billingCurrency']) : asked;
  const expression = (dimension: CostDimension) => dimensionSql(dimension, lines.tagColumn);
  const names = new Set([...by, ...filters.map((filter) => filter.dimension)].map((dimension) => dimension.name));
  const condition = filterSql(filters, expression, lines.foldsTags);
  const source = (conversion: RawBuilder<unknown>) =>
    sql`${joined(lines, names, frame.closed.length > 0)} ${conversion} where ${condition}`;
  const rows = await readGroups(db, { frame, source, by, expression, isBilling });
  if (rows.some((row) => row.missing > 0)) {
    const joins = rateJoins(lineOf(frame), frame.currency);
    const need = sql`select line.billing_currency as from_currency, line.charge_date as on_date from ${source(joins)}
      and ${rateOf(frame.closed.length > 0)} is null`;
    await requireConversionRates(db, { need, to: frame.currency });
  }
  const totals = rows.filter((row) => row.is_total);
  return {
    period: reportPeriod(frame),
    currency: isBilling ? BILLING_CURRENCIES : frame.currency,
    by: asked.map((one) => one.name),
    where: request.where ?? [],
    state: stateOf(frame),
    statementId: statementIdOf(frame),
    dataAsOf: reachOf(frame),
    rulebook: frame.rulebook,
    rows: rows.filter((row) => !row.is_total).map((row) => toRow(by, row)),
    total: isBilling
      ? totals.map((row) => toRow(by.slice(-1), { ...row, keys: row.keys.slice(-1) }))
      : totalOf(totals[0]),
  };
}

/**
 * Lines with what their dimensions are joined from, where asked for: the load, and what the pod held on the charge date, on closed days
 * as the statement knew it.
 */
function joined(lines: CostLines, names: ReadonlySet<string>, hasStatement: boolean): RawBuilder<unknown> {
  const load = names.has('source') || names.has('billingPeriod') ? sql`join load on load.id = line.load_id` : sql``;
  if (!DATED_DIMENSIONS.some((name) => names.has(name))) return sql`(${lines.rows}) as line ${load}`;
  return sql`(${lines.rows}) as line ${load}
    left join ${hasStatement ? sql`held_pod` : sql`dated_pod`} as holder on holder.pod_id = line.pod_id
      ${hasStatement ? sql`and coalesce(holder.statement_id, 0) = coalesce(line.statement_id, 0)` : sql``}
      and holder.valid_from <= line.charge_date and holder.valid_until > line.charge_date`;
}

function lineOf(frame: ReportFrame) {
  return { alias: 'line', currency: 'billing_currency', date: 'charge_date', hasStatement: frame.closed.length > 0 };
}

interface Grouping {
  readonly frame: ReportFrame;
  readonly source: (conversion: RawBuilder<unknown>) => RawBuilder<unknown>;
  readonly by: readonly CostDimension[];
  readonly expression: (dimension: CostDimension) => RawBuilder<unknown>;
  readonly isBilling: boolean;
}

/** The groups in the order of their keys, nulls last, then the total: of everything, or of each billing currency (the last key). */
async function readGroups(db: Kysely<DB>, grouping: Grouping): Promise<GroupRow[]> {
  const { frame, source, by, expression, isBilling } = grouping;
  const keys = by.map((_, index) => sql.ref(`key_${index}`));
  const named = by.map((dimension, index) => sql`${expression(dimension)} as ${sql.ref(`key_${index}`)}`);
  const totalOver = isBilling ? keys.slice(-1) : [];
  const hasOwnTotal = totalOver.length < keys.length;
  const converts = isBilling ? sql`false` : sql`line.billing_currency <> ${frame.currency}`;
  const conversion = sql`${rateJoins(lineOf(frame), frame.currency)} and ${converts}`;
  const rate = rateOf(frame.closed.length > 0);
  const figures = METRICS.map(
    (metric) =>
      sql`case when ${converts} then ${sql.ref(`line.${metric}`)} * ${rate} else ${sql.ref(`line.${metric}`)} end as ${sql.ref(metric)}`,
  );
  // Added up once, by key; the totals are those of the few sums: grouping sets over the rows would add everything up twice.
  const partial = METRICS.map((metric) => sql`sum(${sql.ref(metric)}) as ${sql.ref(metric)}`);
  const sums = METRICS.map((metric) => sql`trim_scale(coalesce(sum(${sql.ref(metric)}), 0)) as ${sql.ref(metric)}`);
  const order = keys.map((key) => sql`${key} collate "C" nulls last`);
  const { rows } = await sql<GroupRow>`
    select array[${sql.join(keys)}]::text[] as keys, ${hasOwnTotal ? sql`grouping(key_0) = 1` : sql`false`} as is_total,
      ${sql.join(sums)}, coalesce(sum(missing), 0)::int as missing
    from (
      select ${sql.join(keys)}, ${sql.join(partial)}, count(*) filter (where billed_cost is null) as missing
      from (select ${sql.join(named)}, ${sql.join(figures)} from ${source(conversion)}) as figure group by ${sql.join(keys)}
    ) as added
    group by grouping sets ((${sql.join(keys)}) ${hasOwnTotal ? sql`, (${totalOver.length === 0 ? sql`` : sql.join(totalOver)})` : sql``})
    order by is_total, ${sql.join(order)} limit ${ROWS_MAX + 1}
  `.execute(db);
  if (rows.length > ROWS_MAX) {
    throw new AppError(
      'invalid_input',
      `These costs have more than ${ROWS_MAX} rows. Ask for a shorter period, fewer dimensions or a filter.`,
    );
  }
  return hasOwnTotal ? rows : [...rows, ...rows.map((row) => ({ ...row, is_total: true }))];
}

function toRow(by: readonly CostDimension[], row: GroupRow): CostRow {
  const keys = Object.fromEntries(by.map((dimension, index) => [dimension.name, row.keys[index] ?? null]));
  return { ...keys, ...totalOf(row) };
}

function totalOf(row: GroupRow | undefined): FourCosts {
  return {
    billedCost: row?.billed_cost ?? ZERO,
    effectiveCost: row?.effective_cost ?? ZERO,
    listCost: row?.list_cost ?? ZERO,
    contractedCost: row?.contracted_cost ?? ZERO,
  };
}
