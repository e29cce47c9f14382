/**
 * The bill against its attribution: per source, billing period, billing currency and cost metric, the file's own sum, what was
 * ingested, and what pods and nobody got of it. Whole billing periods, no conversion; the difference is zero to the last decimal.
 * Beside it, what these bills charge to other dates, and what other bills charge to these. Bills of closed months are as their statements'
 * documents hold them (closed-reconciliation.ts).
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { monthOf } from '../kernel/period.ts';
import { type DateRange, liesIn, openRanges } from '../periods/closed-months.ts';
import { readClosedReconciliation } from './closed-reconciliation.ts';
import { billingPeriodSql } from './cost-dimensions.ts';
import {
  type AsNowRequest,
  asNowKnown,
  METRIC_COLUMNS,
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

export interface ReconciliationRow {
  readonly sourceId: string;
  readonly billingPeriod: string;
  readonly loadId: string;
  readonly billingCurrency: string;
  readonly metric: CostMetric;
  /** The sum of the raw cells of the files. */
  readonly file: Decimal;
  /** The sum of the charges as stored. */
  readonly ingested: Decimal;
  readonly attributed: Decimal;
  readonly unattributed: Decimal;
  /** file − attributed − unattributed. */
  readonly difference: Decimal;
  /** The total of the invoices stated for the source, billing period and currency; of BilledCost only, which is what is invoiced. */
  readonly invoice: Decimal | null;
  /** invoice − file; `report invoices` says why. */
  readonly invoiceDifference: Decimal | null;
  /** The statement it is as closed by; null: as now known. */
  readonly statementId: string | null;
}

/** Cost of a bill by the months of its charge dates. */
export interface ElsewhereRow {
  readonly sourceId: string;
  readonly billingPeriod: string;
  readonly loadId: string;
  readonly chargeMonth: string;
  readonly billingCurrency: string;
  readonly metric: CostMetric;
  readonly ingested: Decimal;
  /** The statement it is as closed by; null: as now known. */
  readonly statementId: string | null;
}

export interface Reconciliation {
  readonly period: ReportPeriod;
  /** mixed: some bills as closed, some as now known; each row says which. */
  readonly state: ReportState;
  /** The statement of exactly this period; null while it is open, and for closed days without one of their own. */
  readonly statementId: string | null;
  readonly rulebook: number;
  readonly dataAsOf: string | null;
  readonly rows: readonly ReconciliationRow[];
  /** In these bills, on charge dates outside of the period. */
  readonly billedHereChargedElsewhere: readonly ElsewhereRow[];
  /** On charge dates of the period, in bills of other billing periods. */
  readonly chargedHereBilledElsewhere: readonly ElsewhereRow[];
  /** The same as now known, where it was asked for. */
  readonly asNow?: Reconciliation;
}

const METRICS = Object.entries(METRIC_COLUMNS) as readonly [CostMetric, string][];

/**
 * Reconciles every billing period that touches the period, whole. Reads only.
 * @throws AppError invalid_period.
 */
export async function reconciliation(db: Kysely<DB>, request: ReportRequest & AsNowRequest): Promise<Reconciliation> {
  const frame = await readReportFrame(db, request);
  const report = await reconcileFrame(db, frame);
  return request.asNow === true ? { ...report, asNow: await reconcileFrame(db, await asNowKnown(db, frame)) } : report;
}

/**
 * The same of a frame. A bill is as closed once every month of the period that it touches is. A period that cuts a closed month is as now known: documents
 * hold whole months.
 */
export async function reconcileFrame(db: Kysely<DB>, asked: ReportFrame): Promise<Reconciliation> {
  const isCut = asked.closed.some(({ start, end }) => monthOf(start).start !== start || monthOf(start).end !== end);
  const frame = isCut ? await asNowKnown(db, asked) : asked;
  const open = openRanges(frame.period, frame.closed);
  const closed = await readClosedReconciliation(db, frame.period, { closed: frame.closed, open });
  const rows = [...closed.rows, ...(await readRows(db, frame, open))];
  return {
    period: reportPeriod(frame),
    state: stateOf(frame),
    statementId: statementIdOf(frame),
    rulebook: frame.rulebook,
    dataAsOf: reachOf(frame),
    rows: rows.sort(byBill),
    billedHereChargedElsewhere: [
      ...closed.billedHereChargedElsewhere,
      ...(await readElsewhere(db, frame, open, 'billedHere')),
    ].sort(byBill),
    chargedHereBilledElsewhere: [
      ...closed.chargedHereBilledElsewhere,
      ...(await readElsewhere(db, frame, open, 'chargedHere')),
    ].sort(byBill),
  };
}

/** By source, billing period, charge month, currency and metric. */
function byBill(left: ReconciliationRow | ElsewhereRow, right: ReconciliationRow | ElsewhereRow): number {
  const keysOf = (row: ReconciliationRow | ElsewhereRow) => [
    row.sourceId,
    row.billingPeriod,
    'chargeMonth' in row ? row.chargeMonth : '',
    row.billingCurrency,
    String(METRICS.findIndex(([name]) => name === row.metric)),
  ];
  const others = keysOf(right);
  const place = keysOf(left).findIndex((key, index) => key !== others[index]);
  return place === -1 ? 0 : (keysOf(left)[place] ?? '') < (others[place] ?? '') ? -1 : 1;
}

/** What is attributed comes from the rollups and the split parts, not from the sums it is held against. */
async function readRows(
  db: Kysely<DB>,
  { rulebook }: ReportFrame,
  open: readonly DateRange[],
): Promise<ReconciliationRow[]> {
  if (open.length === 0) return [];
  const { rows } = await sql<ReconciliationRow>`
    with billed as (
      select load.* from load
      where state = 'published' and ${touches(open)}
    ), filed as (
      select load_id, billing_currency, ${sumOfEach()} from load_file_total
      where load_id in (select id from billed) group by load_id, billing_currency
    ), carried as (
      select load_id, billing_currency, pod_id is not null as is_attributed, ${sumOfEach()} from (
        select load_id, billing_currency, pod_id, ${costColumns()} from rollup_cost
        where load_id in (select id from billed) and rulebook_id = ${rulebook} and kind <> 'to_split'
        union all
        select load_id, billing_currency, pod_id, ${costColumns()} from shared_cost where load_id in (select id from billed)
      ) as part group by load_id, billing_currency, is_attributed
    ), invoiced as (
      select source_id, billing_period_start, billing_period_end, currency, sum(total) as total from invoice
      where state = 'issued' group by source_id, billing_period_start, billing_period_end, currency
    )
    select load.source_id as "sourceId", ${billingPeriodSql('load')} as "billingPeriod", load.id::text as "loadId",
      key.billing_currency as "billingCurrency", metric.name as metric,
      trim_scale(metric.file) as file, trim_scale(metric.ingested) as ingested,
      trim_scale(metric.attributed) as attributed, trim_scale(metric.unattributed) as unattributed,
      trim_scale(metric.file - metric.attributed - metric.unattributed) as difference,
      trim_scale(invoiced.total) as invoice, trim_scale(invoiced.total - metric.file) as "invoiceDifference",
      null::text as "statementId"
    from (
      select load_id, billing_currency from load_total where load_id in (select id from billed)
      union select load_id, billing_currency from filed
    ) as key
    join billed as load on load.id = key.load_id
    left join load_total as ingested using (load_id, billing_currency)
    left join filed using (load_id, billing_currency)
    left join carried as given on given.load_id = key.load_id and given.billing_currency = key.billing_currency
      and given.is_attributed
    left join carried as nobody on nobody.load_id = key.load_id and nobody.billing_currency = key.billing_currency
      and not nobody.is_attributed
    cross join lateral (values ${sql.join(METRICS.map(([name, column], index) => metricRow(index, name, column)))})
      as metric (ordinal, name, file, ingested, attributed, unattributed)
    left join invoiced on metric.name = 'BilledCost' and invoiced.source_id = load.source_id
      and invoiced.billing_period_start = load.billing_period_start and invoiced.billing_period_end = load.billing_period_end
      and invoiced.currency = key.billing_currency
    order by load.source_id collate "C", load.billing_period_start, load.billing_period_end, key.billing_currency collate "C", metric.ordinal
  `.execute(db);
  return rows;
}

function metricRow(ordinal: number, name: string, column: string): RawBuilder<unknown> {
  const of = (table: string) => sql`coalesce(${sql.ref(`${table}.${column}`)}, 0)`;
  return sql`(${sql.lit(ordinal)}, ${sql.lit(name)}, ${of('filed')}, ${of('ingested')}, ${of('given')}, ${of('nobody')})`;
}

function costColumns(): RawBuilder<unknown> {
  return sql.join(METRICS.map(([, column]) => sql.ref(column)));
}

function sumOfEach(): RawBuilder<unknown> {
  return sql.join(METRICS.map(([, column]) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));
}

async function readElsewhere(
  db: Kysely<DB>,
  { period, rulebook }: ReportFrame,
  open: readonly DateRange[],
  side: 'billedHere' | 'chargedHere',
): Promise<ElsewhereRow[]> {
  if (open.length === 0) return [];
  const condition =
    side === 'billedHere'
      ? sql`${touches(open)} and not ${liesIn('charge_date', [period])}`
      : sql`${liesIn('charge_date', open)} and not ${touches([period])}`;
  const { rows } = await sql<ElsewhereRow>`
    select load.source_id as "sourceId", ${billingPeriodSql('load')} as "billingPeriod", load.id::text as "loadId",
      moved.charge_month as "chargeMonth", moved.billing_currency as "billingCurrency", metric.name as metric,
      trim_scale(metric.ingested) as ingested, null::text as "statementId"
    from (
      select load_id, to_char(charge_date, 'YYYY-MM') as charge_month, billing_currency, ${sumOfEach()}
      from rollup_cost join load on load.id = load_id
      where load.state = 'published' and rulebook_id = ${rulebook} and ${condition}
      group by load_id, charge_month, billing_currency
    ) as moved
    join load on load.id = moved.load_id
    cross join lateral (values ${sql.join(METRICS.map(([name, column], ordinal) => sql`(${sql.lit(ordinal)}, ${sql.lit(name)}, ${sql.ref(`moved.${column}`)})`))})
      as metric (ordinal, name, ingested)
    order by load.source_id collate "C", load.billing_period_start, load.billing_period_end, moved.charge_month,
      moved.billing_currency collate "C", metric.ordinal
  `.execute(db);
  return rows;
}

/** Whether a load's billing period touches one of the ranges. */
function touches(ranges: readonly DateRange[]): RawBuilder<boolean> {
  const tests = ranges.map(
    ({ start, end }) => sql`(load.billing_period_start < ${end}::date and load.billing_period_end > ${start}::date)`,
  );
  return sql<boolean>`(${sql.join(tests, sql` or `)})`;
}
