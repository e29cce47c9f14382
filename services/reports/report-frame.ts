/**
 * What every report has in common: its period by the organisation's fiscal calendar, the currency and cost metric it is given in,
 * how far its data reaches, and the rulebook behind it.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { COST_METRICS, type CostMetric } from '../attribution/rulebook.ts';
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, type IsoDate, type Period, parsePeriod } from '../kernel/period.ts';
import { didYouMean, listWords } from '../organisation/suggestion.ts';
import { readCompleteness } from './complete-through.ts';

export interface ReportRequest {
  /** A period's name, such as 2026-Q3. */
  readonly period: string;
  /** The reporting cost metric if absent. */
  readonly costMetric?: string;
  /** The reporting currency if absent. */
  readonly currency?: string;
  /** Now: decides whether the period is over. */
  readonly at: Date;
}

export interface ReportFrame {
  readonly period: Period;
  readonly through: IsoDate | null;
  /** The day after `through`, or the period's start where nothing is complete: figures are of [start, windowEnd). */
  readonly windowEnd: IsoDate;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly revenueBasis: 'margin' | 'gross';
  readonly rulebook: number;
  readonly dataAsOf: string | null;
}

/** The contract's `period` of a report. */
export interface ReportPeriod {
  readonly id: string;
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  readonly through: IsoDate | null;
}

/** The SQL column of each cost metric. */
export const METRIC_COLUMNS = {
  BilledCost: 'billed_cost',
  EffectiveCost: 'effective_cost',
  ListCost: 'list_cost',
  ContractedCost: 'contracted_cost',
} as const satisfies Record<CostMetric, string>;

/**
 * Reads the frame of a report.
 * @throws AppError invalid_period, or invalid_input for an unknown metric or currency.
 */
export async function readReportFrame(db: Kysely<DB>, request: ReportRequest): Promise<ReportFrame> {
  const setting = await db
    .selectFrom('organisation')
    .select(['reporting_currency', 'cost_metric', 'revenue_basis', 'rulebook_id'])
    .select(['fiscal_year_start_month', 'fiscal_year_named_by'])
    .executeTakeFirstOrThrow();
  const period = parsePeriod(request.period, {
    fiscalYearStartMonth: setting.fiscal_year_start_month,
    fiscalYearNamedBy: setting.fiscal_year_named_by === 'end' ? 'end' : 'start',
  });
  const { through, dataAsOf } = await readCompleteness(db, period, request.at);
  return {
    period,
    through,
    windowEnd: through === null ? period.start : addDays(through, 1),
    currency: checkCurrency(request.currency ?? setting.reporting_currency),
    costMetric: checkMetric(request.costMetric ?? setting.cost_metric),
    revenueBasis: setting.revenue_basis === 'gross' ? 'gross' : 'margin',
    rulebook: setting.rulebook_id,
    dataAsOf,
  };
}

export function reportPeriod({ period, through }: ReportFrame): ReportPeriod {
  return { id: period.id, start: period.start, end: period.end, through };
}

function checkCurrency(text: string): string {
  if (isCurrencyCode(text)) return text;
  throw new AppError('invalid_input', `"${text}" is not a known currency. ${currencyFix(text)}`);
}

function checkMetric(text: string): CostMetric {
  const metric = COST_METRICS.find((known) => known === text);
  if (metric !== undefined) return metric;
  const fix = didYouMean(text, COST_METRICS) ?? `Use ${listWords(COST_METRICS)}.`;
  throw new AppError('invalid_input', `"${text}" is not a cost metric. ${fix}`);
}
