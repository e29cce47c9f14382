/**
 * Stores the exchange rates a report will read, and the adjustments of closed months that no statement has booked yet. Reports may run under a role that writes nothing, so whoever serves them calls
 * this first with the owner's connection; what no rate resolves stays missing, and the report that needs it says so.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates } from '../fx/conversion.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, utcDate } from '../kernel/period.ts';
import { listClosedMonths } from '../periods/closed-months.ts';
import { refreshOpenAdjustments } from '../periods/open-adjustments.ts';
import { adjustmentNeedOf } from '../periods/pod-adjustments.ts';
import { BILLING_CURRENCIES } from './costs.ts';
import { type ReportRequest, readReportFrame } from './report-frame.ts';
import { firstMonth } from './value-since-start.ts';

/** Fills every conversion that charges and outcomes of the period need, up to today. Cheap where all of them are stored. */
export async function prepareConversions(
  db: Kysely<DB>,
  request: ReportRequest & { readonly detail?: boolean },
): Promise<void> {
  if (request.currency === BILLING_CURRENCIES) return;
  await refreshOpenAdjustments(db);
  const frame = await readReportFrame(db, request);
  const { currency } = frame;
  // The detail goes back to the first day of all.
  const first = request.detail === true ? await firstMonth(db, frame.period.start) : null;
  const period = { start: first ?? frame.period.start, end: frame.period.end };
  const closed = first === null ? frame.closed : await listClosedMonths(db, period);
  const statementIds = closed.map((month) => month.statementId);
  const tomorrow = addDays(utcDate(request.at), 1);
  await fillConversionRates(db, {
    to: currency,
    need: sql`
      select billing_currency as from_currency, charge_date as on_date from pod_day
      where charge_date >= ${period.start} and charge_date < ${period.end} and billing_currency <> ${currency}
      union
      select currency, day::date from outcome join outcome_schedule as scheduled on scheduled.outcome_id = outcome.id,
        generate_series(greatest(scheduled.recognised_from, ${period.start}::date),
          least(scheduled.recognised_until, ${period.end}::date, ${tomorrow}::date) - 1, interval '1 day') as day
      where outcome.currency <> ${currency}
      ${statementIds.length === 0 ? sql`` : sql`union ${frozenNeed(statementIds, currency)}`}
      union ${adjustmentNeedOf(statementIds, currency)}
    `,
  });
}

/**
 * Gives a reader of reports that convert, each in a transaction of its own. What such a report needs stored is hardly ever missing: the
 * adjustments are looked after once for each `figuresVersion`, and rates where the report, which has read what needs them, says so.
 * The reader throws AppError missing_exchange_rate where no rate resolves, and whatever the report throws.
 */
export function createConvertedReader(db: Kysely<DB>) {
  let refreshedVersion: string | undefined;
  return async <Report>(
    figuresVersion: string,
    request: ReportRequest,
    read: () => Promise<Report>,
  ): Promise<Report> => {
    if (refreshedVersion !== figuresVersion) await refreshOpenAdjustments(db);
    refreshedVersion = figuresVersion;
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'missing_exchange_rate') throw error;
    }
    await prepareConversions(db, request);
    return read();
  };
}

/** Closed months in a currency that no rate was known for when they were closed. */
function frozenNeed(statementIds: readonly number[], currency: string): RawBuilder<unknown> {
  const ofThese = sql`statement_id = any(${[...statementIds]}::integer[])`;
  return sql`
    select billing_currency, charge_date from statement_pod_day
    where ${ofThese} and billing_currency <> ${currency} and not exists (
      select from statement_rate as frozen where frozen.statement_id = statement_pod_day.statement_id
        and from_currency = billing_currency and to_currency = ${currency} and on_date = charge_date)
    union
    select statement_value.currency, recognised_on from statement_value
    where ${ofThese} and currency <> ${currency} and not exists (
      select from statement_rate as frozen where frozen.statement_id = statement_value.statement_id
        and from_currency = statement_value.currency and to_currency = ${currency} and on_date = recognised_on)`;
}
