/**
 * The bridge from the invoice to the reports: per provider and billing currency, from the BilledCost of the bills through each kind
 * of charge to their EffectiveCost, and from there, by charge date, to what the reports of the period show. Whole billing periods,
 * no conversion; the steps add up exactly. Reports of closed months show what their statements froze, so there it leads from their loads.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, type Decimal, subtract, sum } from '../kernel/decimal.ts';
import { type DateRange, openRanges } from '../periods/closed-months.ts';
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

/** In the order they are walked. */
export const BRIDGE_STEPS = [
  'usage',
  'coveredUsage',
  'unusedCommitments',
  'commitmentPurchases',
  'otherPurchases',
  'credits',
  'tax',
  'adjustments',
  'other',
] as const;
export type BridgeStep = (typeof BRIDGE_STEPS)[number];

export interface BridgeRow {
  readonly provider: string | null;
  readonly billingCurrency: string;
  /** What the bills' lines are to be paid: the side of the invoice. */
  readonly billedCost: Decimal;
  /** Each kind of charge the bills have; `difference` is its EffectiveCost less its BilledCost. */
  readonly steps: readonly {
    readonly step: BridgeStep;
    readonly billedCost: Decimal;
    readonly effectiveCost: Decimal;
    readonly difference: Decimal;
    readonly lines: number;
  }[];
  /** billedCost + the differences of the steps. */
  readonly effectiveCost: Decimal;
  /** EffectiveCost in these bills that no report of the period has: on charge dates outside of it. */
  readonly chargedElsewhere: Decimal;
  /** EffectiveCost of the reports that is not in these bills: on charge dates of the period in bills of other billing periods. */
  readonly billedElsewhere: Decimal;
  /** effectiveCost − chargedElsewhere + billedElsewhere: what the reports of the period add up to. */
  readonly reportedCost: Decimal;
}

export interface Bridge {
  readonly period: ReportPeriod;
  readonly state: ReportState;
  /** The statement of exactly this period; null while it is open, and for closed days without one of their own. */
  readonly statementId: string | null;
  readonly dataAsOf: string | null;
  readonly rows: readonly BridgeRow[];
  /** The same as now known, where it was asked for. */
  readonly asNow?: Bridge;
}

interface StepRow {
  readonly provider: string | null;
  readonly currency: string;
  readonly step: BridgeStep;
  readonly lines: number;
  readonly billed: Decimal;
  readonly effective: Decimal;
}

interface DatedRow {
  readonly provider: string | null;
  readonly currency: string;
  readonly charged_elsewhere: Decimal;
  readonly billed_elsewhere: Decimal;
}

const ZERO_DATED = { charged_elsewhere: sum([]), billed_elsewhere: sum([]) };

/**
 * The bridge of every billing period that touches the period. Reads the charges of those bills once.
 * @throws AppError invalid_period.
 */
export async function bridge(db: Kysely<DB>, request: ReportRequest & AsNowRequest): Promise<Bridge> {
  const frame = await readReportFrame(db, request);
  const report = await bridgeOf(db, frame);
  return request.asNow === true ? { ...report, asNow: await bridgeOf(db, await asNowKnown(db, frame)) } : report;
}

async function bridgeOf(db: Kysely<DB>, frame: ReportFrame): Promise<Bridge> {
  const steps = await readSteps(db, frame);
  const dated = await readDated(db, frame);
  const keyOf = (row: { provider: string | null; currency: string }) => JSON.stringify([row.provider, row.currency]);
  const stepsByKey = Map.groupBy(steps, keyOf);
  const datedByKey = new Map(dated.map((row) => [keyOf(row), row]));
  const keys = new Map(
    [...steps, ...dated].map((row) => [keyOf(row), { provider: row.provider, currency: row.currency }]),
  );
  const rows = [...keys]
    .map(([key, place]) => toRow(place, stepsByKey.get(key) ?? [], datedByKey.get(key) ?? ZERO_DATED))
    .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
  const head = { period: reportPeriod(frame), state: stateOf(frame), statementId: statementIdOf(frame) };
  return { ...head, dataAsOf: reachOf(frame), rows };
}

/**
 * The first steps of a WITH clause. reported: which loads the reports' days are made of, (load_id, rulebook_id, first_day, end_day). bill: the loads
 * (load_id, rulebook_id) of the billing periods that touch the period, each once: the current one where it touches an open day, else the one
 * of the last closed month's statement.
 */
function billSteps({ period, closed, rulebook }: ReportFrame): RawBuilder<unknown> {
  const open = openRanges(period, closed);
  const starts = (ranges: readonly DateRange[]) => sql`${ranges.map(({ start }) => start)}::date[]`;
  const ends = (ranges: readonly DateRange[]) => sql`${ranges.map(({ end }) => end)}::date[]`;
  return sql`
    reported as materialized (
      select load.id as load_id, ${rulebook}::integer as rulebook_id, first_day, end_day, true as is_open
      from load cross join unnest(${starts(open)}, ${ends(open)}) as days (first_day, end_day) where load.state = 'published'
      union all
      select load_id, rulebook_id, first_day, end_day, false
      from unnest(${closed.map((month) => month.statementId)}::integer[], ${closed.map((month) => month.rulebookId)}::integer[],
        ${starts(closed)}, ${ends(closed)}) as month (statement_id, rulebook_id, first_day, end_day)
      join statement_load using (statement_id)
    ), bill as materialized (
      select distinct on (source_id, billing_period_start, billing_period_end) load_id, rulebook_id
      from reported join load on load.id = reported.load_id
      where billing_period_start < case when is_open then end_day else ${period.end}::date end
        and billing_period_end > case when is_open then first_day else ${period.start}::date end
      order by source_id, billing_period_start, billing_period_end, is_open desc, first_day desc
    )`;
}

async function readSteps(db: Kysely<DB>, frame: ReportFrame): Promise<StepRow[]> {
  // Bound as an array, so that partitions are pruned by it.
  const bills = await sql<{ id: string }>`with ${billSteps(frame)} select load_id::text as id from bill`.execute(db);
  const { rows } = await sql<StepRow>`
    select origin.provider_name as provider, billed.billing_currency as currency, ${stepSql()} as step, sum(billed.lines)::int as lines,
      trim_scale(sum(billed.billed_cost)) as billed, trim_scale(sum(billed.effective_cost)) as effective
    from (
      select origin_id, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost, sum(line_count) as lines
      from charge where load_id = any(${bills.rows.map(({ id }) => id)}::bigint[]) group by 1, 2
    ) as billed
    join origin on origin.id = billed.origin_id
    group by 1, 2, 3
  `.execute(db);
  return rows;
}

/** Which step an origin's charges belong to; each to one. FOCUS: ChargeCategory, CommitmentDiscountId, CommitmentDiscountStatus. */
function stepSql(): RawBuilder<BridgeStep> {
  return sql<BridgeStep>`case
    when origin.commitment_discount_status = 'Unused' then 'unusedCommitments'
    when origin.charge_category = 'Usage' and origin.commitment_discount_id is not null then 'coveredUsage'
    when origin.charge_category = 'Usage' then 'usage'
    when origin.charge_category = 'Purchase' and origin.commitment_discount_id is not null then 'commitmentPurchases'
    when origin.charge_category = 'Purchase' then 'otherPurchases'
    when origin.charge_category = 'Credit' then 'credits'
    when origin.charge_category = 'Tax' then 'tax'
    when origin.charge_category = 'Adjustment' then 'adjustments'
    else 'other'
  end`;
}

/** Billing periods and charge dates part company at the edges; every load is rolled up by charge date (rollup_cost's key). */
async function readDated(db: Kysely<DB>, frame: ReportFrame): Promise<DatedRow[]> {
  const isOfDays = sql`charge_date >= reported.first_day and charge_date < reported.end_day`;
  const { rows } = await sql<DatedRow>`
    with ${billSteps(frame)}
    select provider_name as provider, billing_currency as currency,
      trim_scale(coalesce(sum(effective_cost) filter (where is_billed), 0)) as charged_elsewhere,
      trim_scale(coalesce(sum(effective_cost) filter (where not is_billed), 0)) as billed_elsewhere
    from (
      select provider_name, billing_currency, effective_cost, true as is_billed
      from bill join rollup_cost using (load_id, rulebook_id)
      where not exists (select from reported where reported.load_id = bill.load_id and ${isOfDays})
      union all
      select provider_name, billing_currency, effective_cost, false
      from reported join rollup_cost using (load_id, rulebook_id)
      where ${isOfDays} and not exists (select from bill where bill.load_id = reported.load_id)
    ) as part
    group by provider_name, billing_currency
  `.execute(db);
  return rows;
}

function toRow(
  place: { provider: string | null; currency: string },
  found: readonly StepRow[],
  dated: Pick<DatedRow, 'charged_elsewhere' | 'billed_elsewhere'>,
): BridgeRow {
  const billedCost = sum(found.map((row) => row.billed));
  const steps = BRIDGE_STEPS.flatMap((step) => {
    const row = found.find((one) => one.step === step);
    if (row === undefined) return [];
    const difference = subtract(row.effective, row.billed);
    return [{ step, billedCost: row.billed, effectiveCost: row.effective, difference, lines: row.lines }];
  });
  const effectiveCost = add(billedCost, sum(steps.map((step) => step.difference)));
  return {
    provider: place.provider,
    billingCurrency: place.currency,
    billedCost,
    steps,
    effectiveCost,
    chargedElsewhere: dated.charged_elsewhere,
    billedElsewhere: dated.billed_elsewhere,
    reportedCost: add(subtract(effectiveCost, dated.charged_elsewhere), dated.billed_elsewhere),
  };
}

function sortKey(row: BridgeRow): string {
  return `${row.provider === null ? '1' : `0${row.provider}`} ${row.billingCurrency}`;
}
