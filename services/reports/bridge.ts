/**
 * The bridge from the invoice to the reports: per provider and billing currency, from the BilledCost of the bills through each kind
 * of charge to their EffectiveCost, and from there, by charge date, to what the reports of the period show. Whole billing periods,
 * no conversion; the steps add up exactly.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, type Decimal, subtract, sum } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { type ReportPeriod, type ReportRequest, readReportFrame, reportPeriod } from './report-frame.ts';

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
  /** EffectiveCost in these bills on charge dates outside of the period; no report of the period has it. */
  readonly chargedElsewhere: Decimal;
  /** EffectiveCost on charge dates of the period in bills of other billing periods. */
  readonly billedElsewhere: Decimal;
  /** effectiveCost − chargedElsewhere + billedElsewhere: what the reports of the period add up to. */
  readonly reportedCost: Decimal;
}

export interface Bridge {
  readonly period: ReportPeriod;
  readonly dataAsOf: string | null;
  readonly rows: readonly BridgeRow[];
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
export async function bridge(db: Kysely<DB>, request: ReportRequest): Promise<Bridge> {
  const frame = await readReportFrame(db, request);
  const steps = await readSteps(db, frame.period);
  const dated = await readDated(db, frame.period, frame.rulebook);
  const keyOf = (row: { provider: string | null; currency: string }) => JSON.stringify([row.provider, row.currency]);
  const stepsByKey = Map.groupBy(steps, keyOf);
  const datedByKey = new Map(dated.map((row) => [keyOf(row), row]));
  const keys = new Map(
    [...steps, ...dated].map((row) => [keyOf(row), { provider: row.provider, currency: row.currency }]),
  );
  const rows = [...keys]
    .map(([key, place]) => toRow(place, stepsByKey.get(key) ?? [], datedByKey.get(key) ?? ZERO_DATED))
    .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
  return { period: reportPeriod(frame), dataAsOf: frame.dataAsOf, rows };
}

async function readSteps(db: Kysely<DB>, period: { start: IsoDate; end: IsoDate }): Promise<StepRow[]> {
  const loads = await sql<{
    id: string;
  }>`select id::text as id from load where state = 'published' and ${touches(period)}`.execute(db);
  const { rows } = await sql<StepRow>`
    select origin.provider_name as provider, billed.billing_currency as currency, ${stepSql()} as step, sum(billed.lines)::int as lines,
      trim_scale(sum(billed.billed_cost)) as billed, trim_scale(sum(billed.effective_cost)) as effective
    from (
      select origin_id, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost, sum(line_count) as lines
      from charge where load_id = any(${loads.rows.map(({ id }) => id)}::bigint[]) group by 1, 2
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
async function readDated(
  db: Kysely<DB>,
  period: { start: IsoDate; end: IsoDate },
  rulebook: number,
): Promise<DatedRow[]> {
  const isChargedHere = sql`(charge_date >= ${period.start}::date and charge_date < ${period.end}::date)`;
  const { rows } = await sql<DatedRow>`
    select provider_name as provider, billing_currency as currency,
      trim_scale(coalesce(sum(effective_cost) filter (where is_billed_here), 0)) as charged_elsewhere,
      trim_scale(coalesce(sum(effective_cost) filter (where not is_billed_here), 0)) as billed_elsewhere
    from rollup_cost join (select id, ${touches(period)} as is_billed_here from load where state = 'published') as load on load.id = load_id
    where rulebook_id = ${rulebook} and is_billed_here <> ${isChargedHere}
    group by provider_name, billing_currency
  `.execute(db);
  return rows;
}

function touches(period: { start: IsoDate; end: IsoDate }): RawBuilder<unknown> {
  return sql`(billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date)`;
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
