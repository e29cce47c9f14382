/**
 * The bill against its attribution: per source, billing period, billing currency and cost metric, the file's own sum, what was
 * ingested, and what pods and nobody got of it. Whole billing periods, no conversion; the difference is zero to the last decimal.
 * Beside it, what these bills charge to other dates, and what other bills charge to these.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { billingPeriodSql } from './cost-dimensions.ts';
import {
  METRIC_COLUMNS,
  type ReportFrame,
  type ReportPeriod,
  type ReportRequest,
  readReportFrame,
  reportPeriod,
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
}

export interface Reconciliation {
  readonly period: ReportPeriod;
  readonly rulebook: number;
  readonly dataAsOf: string | null;
  readonly rows: readonly ReconciliationRow[];
  /** In these bills, on charge dates outside of the period. */
  readonly billedHereChargedElsewhere: readonly ElsewhereRow[];
  /** On charge dates of the period, in bills of other billing periods. */
  readonly chargedHereBilledElsewhere: readonly ElsewhereRow[];
}

const METRICS = Object.entries(METRIC_COLUMNS) as readonly [CostMetric, string][];

/**
 * Reconciles every billing period that touches the period, whole. Reads only.
 * @throws AppError invalid_period.
 */
export async function reconciliation(db: Kysely<DB>, request: ReportRequest): Promise<Reconciliation> {
  const frame = await readReportFrame(db, request);
  return {
    period: reportPeriod(frame),
    rulebook: frame.rulebook,
    dataAsOf: frame.dataAsOf,
    rows: await readRows(db, frame),
    billedHereChargedElsewhere: await readElsewhere(db, frame, 'billedHere'),
    chargedHereBilledElsewhere: await readElsewhere(db, frame, 'chargedHere'),
  };
}

/** What is attributed comes from the rollups and the split parts, not from the sums it is held against. */
async function readRows(db: Kysely<DB>, { period, rulebook }: ReportFrame): Promise<ReconciliationRow[]> {
  const { rows } = await sql<ReconciliationRow>`
    with billed as (
      select load.* from load
      where state = 'published' and billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date
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
      trim_scale(invoiced.total) as invoice, trim_scale(invoiced.total - metric.file) as "invoiceDifference"
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
  side: 'billedHere' | 'chargedHere',
): Promise<ElsewhereRow[]> {
  const isBilledHere = sql`(load.billing_period_start < ${period.end}::date and load.billing_period_end > ${period.start}::date)`;
  const isChargedHere = sql`(charge_date >= ${period.start}::date and charge_date < ${period.end}::date)`;
  const condition =
    side === 'billedHere'
      ? sql`${isBilledHere} and not ${isChargedHere}`
      : sql`${isChargedHere} and not ${isBilledHere}`;
  const { rows } = await sql<ElsewhereRow>`
    select load.source_id as "sourceId", ${billingPeriodSql('load')} as "billingPeriod", load.id::text as "loadId",
      moved.charge_month as "chargeMonth", moved.billing_currency as "billingCurrency", metric.name as metric,
      trim_scale(metric.ingested) as ingested
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
