/**
 * Stores published exchange rates. A repeated import changes nothing; a changed or new rate forgets every resolved conversion it
 * could have decided, which the next `fillConversionRates` resolves again. A rate that leaves the file stays stored; a rate that
 * was corrected stays in former_fx_rate with the time it was known, for reports as known at an instant.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError, countFurther, describeFault } from '../kernel/errors.ts';
import { raiseRatesVersion } from './rates-version.ts';
import { readRates } from './read-rates.ts';

export interface FxImport {
  /** Rates the files hold. */
  readonly rates: number;
  /** Of these, the ones that were new or had another value before. */
  readonly changed: number;
}

/**
 * Imports the files of the organisation's `fx.files`, all or nothing. What is new is known from `at` on, or, without it, as if it
 * had always been.
 * @throws AppError invalid_input with every fault by file, line and column.
 */
export async function importFxFiles(
  trx: Transaction<DB>,
  files: readonly { name: string; text: string }[],
  at?: Date,
): Promise<FxImport> {
  const { rates, faults } = readRates(files);
  if (faults[0] !== undefined) {
    const more = countFurther(faults);
    throw new AppError('invalid_input', `Exchange rates: ${describeFault(faults[0])}${more} Nothing was imported.`, {
      faults,
    });
  }
  if (rates.length === 0) return { rates: 0, changed: 0 };
  const knownFrom = at?.toISOString() ?? '-infinity';
  const { rows } = await sql<{ changed: number }>`
    with imported as materialized (
      select rate_date::date, base_currency, quote_currency, rate::numeric, file_name, ${knownFrom}::timestamptz as known_from
      from unnest(${rates.map((rate) => rate.date)}::text[], ${rates.map((rate) => rate.base)}::text[],
        ${rates.map((rate) => rate.quote)}::text[], ${rates.map((rate) => rate.rate)}::text[],
        ${rates.map((rate) => rate.fileName)}::text[])
        as row (rate_date, base_currency, quote_currency, rate, file_name)
    ), former as (
      -- Every part of this statement sees the rates as they were before it.
      insert into former_fx_rate (rate_date, base_currency, quote_currency, rate, file_name, known_from, known_until)
      select rate_date, base_currency, quote_currency, fx_rate.rate, fx_rate.file_name, fx_rate.known_from, imported.known_from
      from imported join fx_rate using (base_currency, quote_currency, rate_date) where fx_rate.rate <> imported.rate
    ), changed as (
      insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name, known_from)
      select rate_date, base_currency, quote_currency, rate, file_name, known_from from imported
      on conflict (base_currency, quote_currency, rate_date)
      do update set rate = excluded.rate, file_name = excluded.file_name, known_from = excluded.known_from
      where fx_rate.rate <> excluded.rate
      returning rate_date, base_currency, quote_currency
    ), touched as (
      -- A month's average moves with each of its rates, hence from the month's first day.
      select currency, date_trunc('month', min(rate_date))::date as since
      from changed, lateral (values (base_currency), (quote_currency)) as side (currency) group by currency
    ), forgotten as (
      -- Each leg of a conversion names its first or its last currency, one hop included.
      delete from conversion_rate using touched
      where touched.currency in (conversion_rate.from_currency, conversion_rate.to_currency)
        and conversion_rate.on_date >= touched.since
    )
    select count(*)::int as changed from changed
  `.execute(trx);
  const changed = rows[0]?.changed ?? 0;
  if (changed > 0) await raiseRatesVersion(trx);
  return { rates: rates.length, changed };
}

/** Forgets every resolved conversion: needed where the policy or the carry days of the organisation change. */
export async function clearConversionRates(trx: Transaction<DB>): Promise<void> {
  await trx.deleteFrom('conversion_rate').execute();
  await raiseRatesVersion(trx);
}
