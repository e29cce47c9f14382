/**
 * Which exchange rates a stored conversion was resolved from. Whoever stores one beside an import that has not ended reads the rates of before, and
 * the import cannot forget what it does not see: so imports are numbered, what they leave stands is of their number, and what is of an earlier one is stale.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** The newest import that can be seen. */
export const RATES_VERSION = sql<string>`(select coalesce(max(version), 0) from fx_import)`;

/** Rows of conversion_rate, as a query. */
export const STALE_CONVERSIONS = sql`select from conversion_rate where rates_version < ${RATES_VERSION}`;

/** Within an import, once it has forgotten the conversions that it may have changed. */
export async function raiseRatesVersion(trx: Transaction<DB>): Promise<void> {
  await sql`
    with raised as (insert into fx_import default values returning version)
    update conversion_rate set rates_version = raised.version from raised`.execute(trx);
}

/** Whether some stored conversion is stale. */
export async function hasStaleConversions(db: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql`${STALE_CONVERSIONS} limit 1`.execute(db);
  return rows.length > 0;
}

/** Forgets stale conversions; those that somebody else forgets at this moment are left to them. */
export async function forgetStaleConversions(db: Kysely<DB>): Promise<void> {
  await sql`
    delete from conversion_rate using (
      select from_currency, to_currency, on_date from conversion_rate where rates_version < ${RATES_VERSION} for update skip locked) as stale
    where (conversion_rate.from_currency, conversion_rate.to_currency, conversion_rate.on_date) = (stale.from_currency, stale.to_currency, stale.on_date)
  `.execute(db);
}
