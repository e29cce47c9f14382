/**
 * What every report has in common: its period by the organisation's fiscal calendar, the currency and cost metric it is given in,
 * how far its data reaches, the rulebook behind it, and which of its months are closed: their days come from their statements.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { COST_METRICS, type CostMetric } from '../attribution/rulebook.ts';
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, type IsoDate, type Period, parsePeriod } from '../kernel/period.ts';
import { didYouMean, listWords } from '../organisation/suggestion.ts';
import {
  type ClosedMonth,
  adjustingMonth,
  cutToWindow,
  type DateRange,
  openRanges,
  type StandingStatement,
} from '../periods/closed-months.ts';
import { completenessOf } from './complete-through.ts';
import { type ReportFacts, readReportFacts } from './report-facts.ts';

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

/** What a report may ask besides. */
export interface AsNowRequest {
  /** Shows closed periods as now known, beside what their statements say. */
  readonly asNow?: boolean;
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
  /** The months of the period (`YYYY-MM-01`) whose cost is still an estimate. */
  readonly openMonths: readonly IsoDate[];
  /** The closed months of the period, or the parts of them inside, ascending. */
  readonly closed: readonly ClosedMonth[];
  /** The month, of this period or not, in which corrections of closed months are shown now; null while nothing is closed. */
  readonly adjusting: DateRange | null;
  /** The statement of exactly this period. */
  readonly statement: StandingStatement | null;
  /** The billing currencies of the current figures, by month, of this period or not. */
  readonly billed: ReportFacts['billed'];
  /** The currencies of recognised value, by month, of this period or not. */
  readonly valued: ReportFacts['valued'];
  /** The days at which months are cut whose sums of value before them are kept. */
  readonly valueCuts: readonly IsoDate[];
  /** The closed months, of this period or not, whose statements are added up. */
  readonly standingMonths: ReportFacts['standing_months'];
  /** All pods with what they hold, as now known. */
  readonly pods: ReportFacts['pods'];
}

export type ReportState = 'open' | 'closed' | 'mixed';

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
  return frameOf(await readReportFacts(db), request);
}

/**
 * The same where the facts are known.
 * @throws as `readReportFrame`.
 */
export function frameOf(facts: ReportFacts, request: ReportRequest): ReportFrame {
  const period = parsePeriod(request.period, {
    fiscalYearStartMonth: facts.fiscal_year_start_month,
    fiscalYearNamedBy: facts.fiscal_year_named_by === 'end' ? 'end' : 'start',
  });
  const { through, dataAsOf, openMonths } = completenessOf(facts, period, request.at);
  const closed = cutToWindow(facts.closed, period);
  const completeEnd = through === null ? period.start : addDays(through, 1);
  // What is closed counts whole, also where it was closed although a source was late.
  const windowEnd = [completeEnd, ...closed.map((month) => month.end)].sort().at(-1) ?? completeEnd;
  const isWhollyClosed = openRanges(period, closed).length === 0;
  return {
    period,
    through: windowEnd === period.start ? null : addDays(windowEnd, -1),
    windowEnd,
    currency: checkCurrency(request.currency ?? facts.reporting_currency),
    costMetric: checkMetric(request.costMetric ?? facts.cost_metric),
    revenueBasis: facts.revenue_basis === 'gross' ? 'gross' : 'margin',
    rulebook: isWhollyClosed ? (closed.at(-1)?.rulebookId ?? facts.rulebook_id) : facts.rulebook_id,
    dataAsOf,
    openMonths,
    closed,
    adjusting: adjustingMonth(facts.closed),
    statement: facts.standing.find(({ start, end }) => start === period.start && end === period.end) ?? null,
    billed: facts.billed,
    valued: facts.valued,
    valueCuts: facts.value_cuts,
    standingMonths: facts.standing_months,
    pods: facts.pods,
  };
}

/** The same frame for the figures as now known: nothing of it is closed. */
export async function asNowKnown(db: Kysely<DB>, frame: ReportFrame): Promise<ReportFrame> {
  const { rulebook_id: rulebook } = await db.selectFrom('organisation').select('rulebook_id').executeTakeFirstOrThrow();
  return { ...frame, closed: [], statement: null, rulebook };
}

/** Closed where every day of the period is, mixed where some are. */
export function stateOf(frame: ReportFrame): ReportState {
  if (frame.closed.length === 0) return 'open';
  return openRanges(frame.period, frame.closed).length === 0 ? 'closed' : 'mixed';
}

/** The statement of exactly this period, as reports name it. */
export function statementIdOf({ statement }: ReportFrame): string | null {
  return statement === null ? null : String(statement.statementId);
}

/** How far the data reaches: of a closed period as when the last of its months that had any was closed. */
export function reachOf(frame: ReportFrame): IsoDate | null {
  if (stateOf(frame) !== 'closed') return frame.dataAsOf;
  return (
    frame.closed
      .flatMap(({ dataAsOf }) => dataAsOf ?? [])
      .sort()
      .at(-1) ?? null
  );
}

/** The days of the report's window that are not closed. */
export function openDays(frame: ReportFrame): DateRange[] {
  return openRanges({ start: frame.period.start, end: frame.windowEnd }, frame.closed);
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
