/**
 * Resolves dated conversions once and stores them: direct, else inverse, else one hop through a common currency; by policy the
 * latest rate on or before the date (at most carryDays old) or the average of the month's published rates. Kept at 15 decimals,
 * half-even; products with it are exact. Reports only read; filling needs the right to write `conversion_rate`.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';

/** A query of rows (from_currency, on_date): what must be convertible. */
export type ConversionNeed = RawBuilder<unknown>;

/** Resolves and stores what of the need is not stored yet and can be resolved; the rest stays missing without an error. */
export async function fillConversionRates(
  db: Kysely<DB>,
  options: { need: ConversionNeed; to: string },
): Promise<void> {
  // Planning the resolution takes longer than asking whether anything is missing, which is hardly ever so.
  const missing = sql`
    select from_currency, on_date from (${options.need}) as asked
    where from_currency <> ${options.to} and not exists (
      select from conversion_rate as stored where stored.from_currency = asked.from_currency
        and stored.to_currency = ${options.to} and stored.on_date = asked.on_date)`;
  const { rows } = await sql<{ found: boolean }>`select exists (${missing}) as found`.execute(db);
  if (rows[0]?.found !== true) return;
  await sql`
    with setting as (
      select fx_policy as policy, fx_carry_days as carry_days from organisation
    ), open_need as materialized (
      select distinct from_currency, on_date from (${missing}) as missing
    ), pair as materialized (
      select base_currency as one, quote_currency as other from fx_rate where exists (select from open_need)
      union select quote_currency, base_currency from fx_rate where exists (select from open_need)
    )
    insert into conversion_rate (from_currency, to_currency, on_date, rate, published_on, path)
    select need.from_currency, ${options.to}, need.on_date, resolved.rate, resolved.published_on, resolved.path
    from setting cross join open_need as need cross join lateral (
      select divide_half_even(dividend, divisor, 15) as rate, published_on, path from (
        (select 1 as preference, dividend, divisor, published_on, 'direct' as path
         from (${publishedLeg(sql`need.from_currency`, sql.val(options.to))}) as leg)
        union all
        (select 2, divisor, dividend, published_on, 'inverse'
         from (${publishedLeg(sql.val(options.to), sql`need.from_currency`)}) as leg)
        union all
        (select 3, one.dividend * two.dividend, one.divisor * two.divisor, least(one.published_on, two.published_on),
           'through ' || first_pair.other
         from pair as first_pair
         join pair as second_pair on second_pair.one = first_pair.other and second_pair.other = ${options.to}
         cross join lateral (${eitherLeg(sql`need.from_currency`, sql`first_pair.other`)}) as one
         cross join lateral (${eitherLeg(sql`first_pair.other`, sql.val(options.to))}) as two
         where first_pair.one = need.from_currency)
      ) as candidate order by preference, published_on desc, path limit 1
    ) as resolved
    where resolved.rate > 0
    on conflict do nothing
  `.execute(db);
}

/**
 * Checks that everything of the need is stored.
 * @throws AppError missing_exchange_rate naming the first date and pair, how many more there are, and the fix.
 */
export async function requireConversionRates(
  db: Kysely<DB>,
  options: { need: ConversionNeed; to: string },
): Promise<void> {
  const { rows } = await sql<{ from_currency: string; on_date: string; missing: number }>`
    select asked.from_currency, asked.on_date, (count(*) over ())::int as missing
    from (select distinct from_currency, on_date from (${options.need}) as need) as asked
    left join conversion_rate as stored on stored.from_currency = asked.from_currency
      and stored.to_currency = ${options.to} and stored.on_date = asked.on_date
    where asked.from_currency <> ${options.to} and stored.rate is null
    order by asked.on_date, asked.from_currency limit 1
  `.execute(db);
  const first = rows[0];
  if (first === undefined) return;
  const setting = await db.selectFrom('organisation').select(['fx_policy', 'fx_carry_days']).executeTakeFirstOrThrow();
  const more = first.missing === 1 ? '' : ` (and ${first.missing - 1} more)`;
  const rule =
    setting.fx_policy === 'daily'
      ? `a rate serves at most ${setting.fx_carry_days} days after its date`
      : `a month without a published rate uses the last one, at most ${setting.fx_carry_days} days old`;
  throw new AppError(
    'missing_exchange_rate',
    `There is no exchange rate from ${first.from_currency} to ${options.to} for ${first.on_date}${more}; ${rule}. ` +
      `Add ${first.from_currency} and ${options.to} for that date to a file of fx.files and run "outturn apply".`,
    { details: { date: first.on_date, from: first.from_currency, to: options.to, missing: first.missing } },
  );
}

/** What was published from base to quote, as a fraction: the month's average where the policy says so and there is one, else the latest. */
function publishedLeg(base: RawBuilder<unknown>, quote: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select dividend, divisor, published_on from (
      (select 1 as rank, sum(rate) as dividend, count(*)::numeric as divisor, max(rate_date) as published_on from fx_rate
       where setting.policy = 'month-average' and base_currency = ${base} and quote_currency = ${quote}
         and rate_date >= date_trunc('month', need.on_date)::date
         and rate_date < (date_trunc('month', need.on_date) + interval '1 month')::date
       having count(*) > 0)
      union all
      (select 2, rate, 1, rate_date from fx_rate
       where base_currency = ${base} and quote_currency = ${quote}
         and rate_date <= need.on_date and rate_date >= need.on_date - setting.carry_days
       order by rate_date desc limit 1)
    ) as published order by rank limit 1
  `;
}

function eitherLeg(from: RawBuilder<unknown>, to: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select dividend, divisor, published_on from (
      (select 1 as rank, dividend, divisor, published_on from (${publishedLeg(from, to)}) as straight)
      union all
      (select 2, divisor, dividend, published_on from (${publishedLeg(to, from)}) as turned)
    ) as either order by rank limit 1
  `;
}
