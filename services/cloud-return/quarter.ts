/**
 * A quarter and those before it, each with its value report: whatever the CIO's quarter shows of cost, value, envelopes and returns comes
 * from these reports, so that it equals what `report value-per-pod` says of the same period.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type FiscalCalendar, parsePeriod, type Period, shiftQuarter } from '../kernel/period.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { type ReportFrame, readReportFrame } from '../reports/report-frame.ts';
import { valuePerPod } from '../reports/value-per-pod.ts';

/** A trend shows so many quarters, the asked one included. */
export const TREND_QUARTERS = 8;
const YEAR_AGO = 4;

export interface Quarter {
  readonly frame: ReportFrame;
  readonly report: ValuePerPod;
}

/** A former quarter; its figures are missing where they cannot be had, and `note` says why. */
export interface FormerQuarter {
  readonly period: Period;
  readonly quarter: Quarter | null;
  readonly note: string | null;
}

/**
 * The period of a quarter's name.
 * @throws AppError invalid_period where it names something else.
 */
export function parseQuarter(name: string, calendar: FiscalCalendar): Period {
  const period = parsePeriod(name, calendar);
  if (period.kind === 'quarter') return period;
  throw new AppError(
    'invalid_period',
    `"${period.id}" is not a quarter. Write one such as ${period.start.slice(0, 4)}-Q3.`,
  );
}

/** The same with the organisation's calendar. */
export async function readQuarter(db: Kysely<DB>, name: string): Promise<Period> {
  return parseQuarter(name, await readFiscalCalendar(db));
}

/** The asked quarter and those of the trend before it, the nearest first: whatever the report converts lies in them. */
export async function quartersOfTrend(db: Kysely<DB>, name: string): Promise<readonly Period[]> {
  const calendar = await readFiscalCalendar(db);
  const period = parseQuarter(name, calendar);
  return Array.from({ length: TREND_QUARTERS }, (_, back) => shiftQuarter(period, -back, calendar));
}

/** The quarters before one, the nearest first, in the currency and metric of its report. */
export async function readFormerQuarters(
  db: Kysely<DB>,
  asked: { report: ValuePerPod; periods: readonly Period[]; at: Date },
): Promise<FormerQuarter[]> {
  const { currency, costMetric } = asked.report;
  const found: FormerQuarter[] = [];
  for (const period of asked.periods) {
    const request = { period: period.id, at: asked.at, currency, costMetric };
    try {
      const report = await valuePerPod(db, request);
      const quarter = isEmpty(report) ? null : { frame: await readReportFrame(db, request), report };
      found.push({ period, quarter, note: quarter === null ? `nothing is known of ${period.id}` : null });
    } catch (error) {
      // A quarter that cannot be converted is not compared with; the asked one stands without it.
      if (!(error instanceof AppError) || error.code !== 'missing_exchange_rate') throw error;
      found.push({ period, quarter: null, note: error.message });
    }
  }
  return found;
}

/** The same quarter a year before, of those that stand before one. */
export function yearAgoOf(former: readonly FormerQuarter[]): FormerQuarter | undefined {
  return former[YEAR_AGO - 1];
}

function isEmpty({ pods, total }: ValuePerPod): boolean {
  return (
    pods.length === 0 && [total.cost, total.verified, total.claimed].every((figure) => compare(figure, ZERO) === 0)
  );
}
