/**
 * Prior-period adjustments per pod as a value report shows them: those that its closed months booked and, where the period contains the
 * month in which corrections are shown now, those that nothing has booked yet. Beside cost, value and return, never in them.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { monthOf } from '../kernel/period.ts';
import { METRIC_COLUMNS, type ReportFrame } from '../reports/report-frame.ts';
import { readTextRows, textRows } from '../reports/text-rows.ts';
import { listClosedMonths } from './closed-months.ts';
import { rateJoins, rateOf } from './closed-rows.ts';
import { requireClosedConversions } from './closed-conversions.ts';
import { ADJUSTMENT_COLUMNS, driftRows, readRevenueBasis } from './drift.ts';

export interface PodAdjustment {
  readonly cost: Decimal;
  /** Verified value of the bases that enter the return. */
  readonly value: Decimal;
}

/** Of a row of `organisation`: whether open_adjustment is of its figures. */
const IS_FRESH = sql<boolean>`exists (
  select from open_adjustment_version as stored where stored.figures_version = organisation.figures_version)`;

/** By pod id; null is the unattributed. */
export type PodAdjustments = ReadonlyMap<string | null, PodAdjustment>;

/**
 * The adjustments of the report's period, in its currency and cost metric.
 * @throws AppError missing_exchange_rate.
 */
export async function readPodAdjustments(db: Kysely<DB>, frame: ReportFrame): Promise<PodAdjustments> {
  const sources: RawBuilder<unknown>[] = [];
  const { booking, isAdjusting } = bookingOf(frame);
  if (booking.length > 0) sources.push(bookedAdjustments(booking));
  if (isAdjusting) sources.push(await openAdjustments(db));
  return sources.length === 0 ? new Map() : sumAdjustments(db, sql.join(sources, sql` union all `), frame);
}

/** Whose adjustments a report shows: the statements that booked some, and whether corrections are shown in it now. */
export function bookingOf({ closed, adjusting, period }: ReportFrame): { booking: number[]; isAdjusting: boolean } {
  return {
    booking: closed
      .filter(({ start, end }) => monthOf(start).start === start && monthOf(start).end === end)
      .map((month) => month.statementId),
    isAdjusting: adjusting !== null && adjusting.start >= period.start && adjusting.end <= period.end,
  };
}

/** What `sumAdjustments` converts: rows of these bookings, and those kept of what nothing has booked yet. */
export function adjustmentNeedOf(statementIds: readonly number[], currency: string): RawBuilder<unknown> {
  const kept = sql`select null::integer as statement_id, ${ADJUSTMENT_COLUMNS} from open_adjustment`;
  return adjustmentNeed(sql`${bookedAdjustments(statementIds)} union all ${kept}`, currency);
}

/** Rows of statement_id and ADJUSTMENT_COLUMNS that statements booked. */
export function bookedAdjustments(statementIds: readonly number[]): RawBuilder<unknown> {
  return sql`select statement_id, ${ADJUSTMENT_COLUMNS} from statement_adjustment where statement_id = any(${[...statementIds]}::integer[])`;
}

/**
 * Rows of statement_id (null) and ADJUSTMENT_COLUMNS that nothing has booked yet: as kept where they are of the current figures, else worked out.
 * @throws AppError missing_exchange_rate.
 */
export async function openAdjustments(db: Kysely<DB>): Promise<RawBuilder<unknown>> {
  const { rows } = await sql<{ is_fresh: boolean }>`
    select ${IS_FRESH} as is_fresh from organisation
  `.execute(db);
  if (rows[0]?.is_fresh === true)
    return sql`select null::integer as statement_id, ${ADJUSTMENT_COLUMNS} from open_adjustment`;
  const closed = await listClosedMonths(db);
  await requireClosedConversions(db, closed);
  return sql`select null::integer as statement_id, ${ADJUSTMENT_COLUMNS} from (${driftRows({ closed }, await readRevenueBasis(db))}) as drift`;
}

/**
 * Adds rows of statement_id and ADJUSTMENT_COLUMNS up by pod, in the frame's currency and metric.
 * @throws AppError missing_exchange_rate.
 */
export async function sumAdjustments(
  db: Kysely<DB>,
  rows: RawBuilder<unknown>,
  frame: Pick<ReportFrame, 'currency' | 'costMetric'>,
): Promise<PodAdjustments> {
  const { rows: found } = await sql<
    PodAdjustment & { pod_id: string | null; is_missing: boolean }
  >`${sumsOf(rows, frame)}`.execute(db);
  if (found.some((row) => row.is_missing)) {
    await requireConversionRates(db, { need: adjustmentNeed(rows, frame.currency), to: frame.currency });
  }
  return new Map(found.map(({ pod_id, cost, value }) => [pod_id, { cost, value }]));
}

/**
 * The adjustments of the report's period as a text that `readKeptAdjustments` reads, in the frame's currency and metric; null where those that
 * nothing has booked are not kept for the figures of `organisation`.
 */
export function keptAdjustmentsQuery(frame: ReportFrame): RawBuilder<string | null> {
  const { booking, isAdjusting } = bookingOf(frame);
  if (booking.length === 0 && !isAdjusting) return sql<string>`''`;
  const open = sql`select null::integer as statement_id, ${ADJUSTMENT_COLUMNS} from open_adjustment`;
  const rows = isAdjusting ? sql`${bookedAdjustments(booking)} union all ${open}` : bookedAdjustments(booking);
  const text = textRows(['pod_id', 'cost', 'value', 'is_missing'], sumsOf(rows, frame));
  return isAdjusting ? sql<string | null>`case when ${IS_FRESH} then ${text} end` : text;
}

/** The adjustments of such a text; null where a rate is missing. */
export function readKeptAdjustments(text: string): PodAdjustments | null {
  const rows = readTextRows(text);
  if (rows.some(([, , , isMissing]) => isMissing === 'true')) return null;
  return new Map(
    rows.map(([podId, cost, value]) => [podId === '' ? null : (podId ?? null), { cost, value } as PodAdjustment]),
  );
}

/** Rows of pod_id, cost, value, is_missing. */
function sumsOf(rows: RawBuilder<unknown>, frame: Pick<ReportFrame, 'currency' | 'costMetric'>): RawBuilder<unknown> {
  const metric = METRIC_COLUMNS[frame.costMetric];
  return sql`
    select pod_id, trim_scale(coalesce(sum(cost), 0)) as cost, trim_scale(coalesce(sum(value), 0)) as value,
      bool_or(cost is null or value is null) as is_missing
    from (
      select adjustment.pod_id, ${inCurrency(metric, frame.currency)} as cost,
        case when adjustment.kind = 'value-verified' and adjustment.beside is null then ${inCurrency('amount', frame.currency)} else 0 end as value
      from (${rows}) as adjustment join statement as adjusted on adjusted.id = adjustment.adjusted_statement_id
      ${rateJoins({ alias: 'adjustment', currency: 'currency', date: 'adjusted_on', hasStatement: true }, frame.currency)}
    ) as figure group by pod_id`;
}

/** What rows of statement_id and ADJUSTMENT_COLUMNS need to be given in a currency, where no statement froze the rate. */
function adjustmentNeed(rows: RawBuilder<unknown>, currency: string): RawBuilder<unknown> {
  return sql`
    select adjustment.currency as from_currency, adjustment.adjusted_on as on_date
    from (${rows}) as adjustment join statement as adjusted on adjusted.id = adjustment.adjusted_statement_id
    where adjustment.currency <> ${currency} and adjusted.currency <> ${currency} and not exists (
      select from statement_rate as frozen where frozen.statement_id = adjustment.statement_id
        and from_currency = adjustment.currency and to_currency = ${currency} and on_date = adjustment.adjusted_on)`;
}

/**
 * In the currency of the corrected statement as stated, rates that moved included; in any other at the day's rate, as known when it was
 * booked.
 */
function inCurrency(name: string, currency: string): RawBuilder<unknown> {
  const figure = sql.ref(`adjustment.${name}`);
  return sql`case when adjusted.currency = ${currency} then ${sql.ref(`adjustment.reported_${name}`)}
    when adjustment.currency = ${currency} or ${figure} = 0 then ${figure} else ${figure} * ${rateOf(true)} end`;
}
