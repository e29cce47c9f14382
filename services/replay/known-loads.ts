/**
 * The loads that counted at an instant, and their rollups under the rulebook of then. A load is kept while it is current, for 90 days
 * after it was replaced, and for good where a close held it; a report that needs another one cannot be replayed, and says so.
 */
import { sql } from 'kysely';
import { ensureRollUp } from '../attribution/roll-up.ts';
import { AppError } from '../kernel/errors.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { ownTable, type Shadow } from './shadow.ts';

/** As long as a replaced load serves replays where no close holds it; its charges go then. */
const KEPT_DAYS = 90;

export interface KnownLoads {
  /** Every charge month of the loads that the asked dates touch, `YYYY-MM-01`, ascending. */
  readonly months: readonly IsoDate[];
  /** Of these loads, those whose charges were dropped: only what their rollups keep can be told of them. */
  readonly withoutCharges: readonly string[];
}

interface LoadRow {
  readonly id: string;
  readonly source_id: string;
  readonly billing_period_start: IsoDate;
  readonly billing_period_end: IsoDate;
  readonly superseded_at: Date | null;
  readonly is_rolled_up: boolean;
  readonly is_dropped: boolean;
  readonly is_kept: boolean;
}

/** Hides load: those that counted then stand as published, those replaced by then as replaced; nothing that came or went later shows. */
export async function hideLoads(shadow: Shadow, at: Date): Promise<void> {
  const instant = sql`${at.toISOString()}::timestamptz`;
  await shadow.copy('load', sql`published_at <= ${instant}`);
  await sql`
    update load set state = 'published', superseded_at = null, charges_dropped_at = null where superseded_at > ${instant}
  `.execute(shadow.trx);
}

/** Dates that a report reads, half-open. */
export interface AskedDates {
  readonly start: IsoDate;
  readonly end: IsoDate;
}

/**
 * Rolls up what is not rolled up under the rulebook of then, and finds what the figures of these dates are made of.
 * @throws AppError not_replayable naming the load that is not kept any more, and from when on a replay is possible.
 */
export async function readKnownLoads(
  shadow: Shadow,
  asked: { dates: readonly AskedDates[]; rulebookId: number; at: Date; now: Date },
): Promise<KnownLoads> {
  const { trx } = shadow;
  const { dates, rulebookId, at } = asked;
  const range = sql`unnest(${dates.map(({ start }) => start)}::date[], ${dates.map(({ end }) => end)}::date[]) as range (first, beyond)`;
  const { rows: loads } = await sql<LoadRow>`
    select load.id::text as id, load.source_id, load.billing_period_start, load.billing_period_end, own.superseded_at,
      rolled_up.load_id is not null as is_rolled_up, own.charges_dropped_at is not null as is_dropped,
      own.superseded_at is null or own.superseded_at > ${asked.now.toISOString()}::timestamptz - make_interval(days => ${KEPT_DAYS})
        or exists (select from statement_load where statement_load.load_id = own.id)
        or exists (select from ${ownTable('statement')} as closed where closed.state = 'approved'
          and closed.known_at >= own.published_at and closed.known_at < own.superseded_at) as is_kept
    from load join ${ownTable('load')} as own on own.id = load.id
    left join load_rollup as rolled_up on rolled_up.load_id = load.id and rolled_up.rulebook_id = ${rulebookId}
    where load.state = 'published' and (rolled_up.load_id is null or exists (
      select from ${range}
      where load.billing_period_start < range.beyond and load.billing_period_end > range.first
        or exists (select from rollup_cost where rollup_cost.load_id = load.id and rollup_cost.rulebook_id = ${rulebookId}
          and charge_date >= range.first and charge_date < range.beyond)))
    order by load.id
  `.execute(trx);
  refuseForgotten(loads, at);
  for (const load of loads) if (!load.is_rolled_up) await ensureRollUp(trx, load.id, rulebookId);
  const { rows: months } = await sql<{ charge_month: IsoDate }>`
    select distinct date_trunc('month', charge_date::timestamp)::date as charge_month from rollup_cost
    where load_id = any(${loads.map(({ id }) => id)}::bigint[]) and rulebook_id = ${rulebookId} order by 1
  `.execute(trx);
  return {
    months: months.map((row) => row.charge_month),
    withoutCharges: loads.filter((load) => load.is_dropped).map(({ id }) => id),
  };
}

function refuseForgotten(loads: readonly LoadRow[], at: Date): void {
  const forgotten = loads.filter((load) => !load.is_kept || (load.is_dropped && !load.is_rolled_up));
  const last = forgotten.toSorted((one, other) => Number(one.superseded_at) - Number(other.superseded_at)).at(-1);
  if (last === undefined) return;
  const bill = `load ${last.id} (${last.source_id} ${billingPeriodName(last.billing_period_start, last.billing_period_end)})`;
  const replaced = last.superseded_at?.toISOString() ?? '';
  throw new AppError(
    'not_replayable',
    `What was known at ${at.toISOString()} is not kept any more: ${bill} counted then and was replaced at ${replaced}. Replaced loads are ` +
      `kept for ${KEPT_DAYS} days, and for good where a closed period holds them. Ask as known from ${replaced} on, or for the statement of the closed period.`,
    { details: { loadIds: forgotten.map(({ id }) => id), replayableFrom: replaced } },
  );
}
