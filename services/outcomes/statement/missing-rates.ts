/**
 * Which statements could not be counted for want of an exchange rate: one claim in a currency that nobody has a rate of would keep
 * everybody from the value report. Every day that is recognised up to today must convert into the reporting currency. Rates of days to
 * come do not exist: what is recognised later asks for today's, so that the currency is one that finance keeps rates of.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { fillConversionRates } from '../../fx/conversion.ts';
import { type IsoDate, utcDate } from '../../kernel/period.ts';

export interface RecognisedStatement {
  /** The stored outcome that it changes; null for a new one. */
  readonly outcomeId: string | null;
  readonly currency: string | null;
  readonly schedule: readonly { readonly from: IsoDate; readonly until: IsoDate }[];
}

export interface MissingRate {
  readonly from: string;
  readonly to: string;
  /** The first day without one. */
  readonly day: IsoDate;
}

/**
 * The first missing rate of each statement, by its position. Days that the stored outcome counts already are not asked for again: a rate that
 * went away since keeps nobody from saying more about a claim.
 */
export async function findMissingRates(
  trx: Transaction<DB>,
  stated: ReadonlyMap<number, RecognisedStatement>,
  at: Date,
): Promise<ReadonlyMap<number, MissingRate>> {
  const { reporting_currency: to } = await trx
    .selectFrom('organisation')
    .select('reporting_currency')
    .executeTakeFirstOrThrow();
  const foreign = [...stated].flatMap(([position, { outcomeId, currency, schedule }]) =>
    currency === null || currency === to ? [] : schedule.map((row) => ({ position, outcomeId, currency, ...row })),
  );
  if (foreign.length === 0) return new Map();
  const today = utcDate(at);
  const asked = sql`(
    select position, "outcomeId" as outcome_id, currency, least("from", ${today}::date) as first_day,
      least("until", ${today}::date + 1) as end_day
    from jsonb_to_recordset(${JSON.stringify(foreign)}::jsonb) as row (position int, "outcomeId" bigint, currency text, "from" date, "until" date)
  ) as asked`;
  const need = sql`
    select currency as from_currency, day::date as on_date
    from (select currency, unnest(range_agg(daterange(first_day, end_day))) as days from ${asked} group by currency) as span
    cross join generate_series(lower(days), upper(days) - 1, interval '1 day') as day`;
  await fillConversionRates(trx, { need, to });
  // What counts after today stands for today, as what is asked of later days does.
  const { rows } = await sql<{ position: number; from: string; day: IsoDate }>`
    with missing as materialized (
      select need.from_currency, range_agg(daterange(need.on_date, need.on_date + 1)) as days
      from (${need}) as need left join conversion_rate as stored on stored.from_currency = need.from_currency
        and stored.to_currency = ${to} and stored.on_date = need.on_date
      where stored.rate is null group by need.from_currency
    )
    select distinct on (position) position, currency as "from", lower(missing.days * new.days) as day
    from missing join ${asked} on currency = from_currency
    cross join lateral (
      select datemultirange(daterange(first_day, end_day)) - coalesce((
        select range_agg(daterange(least(counted.counted_from, ${today}::date), counted.counted_until))
        from outcome join counted_schedule as counted on counted.outcome_id = outcome.id
        where outcome.id = asked.outcome_id and outcome.currency = asked.currency), '{}') as days
    ) as new
    where missing.days && new.days
    order by position, day`.execute(trx);
  return new Map(rows.map(({ position, from, day }) => [position, { from, to, day }]));
}

/** What is missing, and both ways to mend it. */
export function describeMissingRate({ from, to, day }: MissingRate): { reason: string; fix: string } {
  return {
    reason: `there is no exchange rate from ${from} to ${to} for ${day}, so no report could count the amount`,
    fix: `State the amount in ${to}; or finance adds a rate of ${from} and ${to} for that day to a file of fx.files and runs "outturn apply".`,
  };
}
