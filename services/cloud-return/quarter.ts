/**
 * A quarter and those before it, each with its value report: whatever the CIO's quarter shows of cost, value, envelopes and returns comes
 * from these reports, so that it equals what `report value-per-pod` says of the same period.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { isZero } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import {
  addDays,
  daysBetween,
  type FiscalCalendar,
  parsePeriod,
  type Period,
  quarterOf,
  shiftQuarter,
  utcDate,
} from '../kernel/period.ts';
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
  /** What the asked quarter is held against: of one that goes on, as many days as it has. Of the quarter before and a year ago. */
  readonly compared: Quarter | null;
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

/**
 * The asked quarter and those of the trend before it, the nearest first: whatever the report converts lies in them.
 * @throws AppError invalid_period where it names no quarter, or one that has not begun.
 */
export async function quartersOfTrend(
  db: Kysely<DB>,
  asked: { quarter: string; at: Date },
): Promise<readonly Period[]> {
  const calendar = await readFiscalCalendar(db);
  const period = parseQuarter(asked.quarter, calendar);
  const today = utcDate(asked.at);
  if (period.start > today) {
    const { id } = quarterOf(today, calendar);
    throw new AppError(
      'invalid_period',
      `${period.id} has not begun: its first day is ${period.start}. Ask for ${id}, which goes on, or for one before it.`,
    );
  }
  return Array.from({ length: TREND_QUARTERS }, (_, back) => shiftQuarter(period, -back, calendar));
}

/** The quarters before one, the nearest first, in the currency and metric of its report. */
export async function readFormerQuarters(
  db: Kysely<DB>,
  asked: { quarter: Quarter; periods: readonly Period[]; at: Date },
): Promise<FormerQuarter[]> {
  const { currency, costMetric } = asked.quarter.report;
  const read = async (period: string): Promise<Quarter> => {
    const request = { period, at: asked.at, currency, costMetric };
    return { frame: await readReportFrame(db, request), report: await valuePerPod(db, request) };
  };
  const found: FormerQuarter[] = [];
  for (const [back, period] of asked.periods.entries()) {
    const missing = { period, quarter: null, compared: null };
    try {
      const quarter = await read(period.id);
      if (isEmpty(quarter.report)) {
        found.push({ ...missing, note: `nothing is known of ${period.id}` });
        continue;
      }
      const isCompared = back === 0 || back === YEAR_AGO - 1;
      const days = isCompared ? asManyDays(period, asked.quarter) : null;
      found.push({ period, quarter, compared: days === null ? quarter : await read(days), note: null });
    } catch (error) {
      // A quarter that cannot be converted is not compared with; the asked one stands without it.
      if (!(error instanceof AppError) || error.code !== 'missing_exchange_rate') throw error;
      found.push({ ...missing, note: error.message });
    }
  }
  return found;
}

/** The first days of a former quarter, as many as the asked one has, as a period; null where that is all of them, or none. */
function asManyDays(former: Period, { frame }: Quarter): string | null {
  const counted = daysBetween(frame.period.start, frame.windowEnd);
  const end = addDays(former.start, counted);
  return counted === 0 || frame.windowEnd === frame.period.end || end >= former.end ? null : `${former.start}..${end}`;
}

/** The same quarter a year before, of those that stand before one. */
export function yearAgoOf(former: readonly FormerQuarter[]): FormerQuarter | undefined {
  return former[YEAR_AGO - 1];
}

/** Nobody billed or delivered anything. */
export function isEmpty(given: {
  pods: ValuePerPod['pods'];
  total: Pick<ValuePerPod['total'], 'cost' | 'verified' | 'claimed'>;
}): boolean {
  const { cost, verified, claimed } = given.total;
  return given.pods.length === 0 && [cost, verified, claimed].every(isZero);
}
