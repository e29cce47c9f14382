/**
 * Resolves dated conversions once and stores them (resolve_conversion in SQL, which views share): direct, else inverse, else one hop
 * through a common currency; by policy the latest rate on or before the date (at most carryDays old) or the average of the month's
 * published rates. Kept at 15 decimals, half-even; products with it are exact. Reports only read; filling needs the right to write `conversion_rate`.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { forgetStaleConversions, hasStaleConversions, RATES_VERSION, STALE_CONVERSIONS } from './rates-version.ts';

/** Beside so many imports, one after another, nobody fills. */
const ATTEMPTS_MAX = 3;

/** A query of rows (from_currency, on_date): what must be convertible. */
export type ConversionNeed = RawBuilder<unknown>;

/** Resolves and stores what of the need is not stored yet and can be resolved; the rest stays missing without an error. */
export async function fillConversionRates(
  db: Kysely<DB>,
  options: { need: ConversionNeed; to: string | readonly string[] },
): Promise<void> {
  const targets = typeof options.to === 'string' ? [options.to] : options.to;
  // Planning the resolution takes longer than asking whether anything is missing, which is hardly ever so.
  const missing = sql`
    select from_currency, to_currency, on_date
    from (${options.need}) as asked cross join unnest(${[...targets]}::text[]) as target (to_currency)
    where from_currency <> to_currency and not exists (
      select from conversion_rate as stored where stored.from_currency = asked.from_currency
        and stored.to_currency = target.to_currency and stored.on_date = asked.on_date)`;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const { rows } = await sql<{ found: boolean; is_stale: boolean }>`
      select exists (${missing}) as found, exists (${STALE_CONVERSIONS}) as is_stale`.execute(db);
    const { found = false, is_stale: isStale = false } = rows[0] ?? {};
    if (isStale) await forgetStaleConversions(db);
    else if (!found) return;
    await sql`
      insert into conversion_rate (from_currency, to_currency, on_date, rate, published_on, path, rates_version)
      select need.from_currency, need.to_currency, need.on_date, resolved.rate, resolved.published_on, resolved.path, ${RATES_VERSION}
      from (select distinct from_currency, to_currency, on_date from (${missing}) as missing) as need
      cross join lateral resolve_conversion(need.from_currency, need.to_currency, need.on_date) as resolved
      on conflict do nothing
    `.execute(db);
    // An import may have ended meanwhile.
    if (!(await hasStaleConversions(db))) return;
  }
}

/** Every currency that a rate was published from or to, in the order of their codes. */
export async function listRatedCurrencies(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ currency: string }>`
    select base_currency as currency from fx_rate union select quote_currency from fx_rate order by 1
  `.execute(db);
  return rows.map((row) => row.currency);
}

/**
 * Checks that everything of the need is stored. `neededBy` says what asks for it, in a sentence set after the fix, and is asked only then.
 * @throws AppError missing_exchange_rate naming the first date and pair, how many more there are, and the fix.
 */
export async function requireConversionRates(
  db: Kysely<DB>,
  options: { need: ConversionNeed; to: string; neededBy?: () => Promise<string> },
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
  const neededBy = (await options.neededBy?.()) ?? '';
  throw new AppError(
    'missing_exchange_rate',
    `There is no exchange rate from ${first.from_currency} to ${options.to} for ${first.on_date}${more}; ${rule}. ` +
      `Add ${first.from_currency} and ${options.to} for that date to a file of fx.files and run "outturn apply".${neededBy}`,
    { details: { date: first.on_date, from: first.from_currency, to: options.to, missing: first.missing } },
  );
}
