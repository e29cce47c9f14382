/**
 * The figures before a change, kept for the length of its transaction, and the exchange rates before and after it: what a plan, or the
 * change itself, is told by in money.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates } from '../fx/conversion.ts';

/** Makes former_day, a copy of pod_day, and former_rate, the conversions of its rows into the currency. To be called before the change. */
export async function rememberFigures(trx: Transaction<DB>, currency: string): Promise<void> {
  await sql`create temporary table former_day (like pod_day) on commit drop`.execute(trx);
  await sql`insert into former_day select * from pod_day`.execute(trx);
  await sql`analyze former_day`.execute(trx);
  await fillNeeded(trx, currency);
  await sql`
    create temporary table former_rate (billing_currency text, on_date date, rate numeric, primary key (billing_currency, on_date)) on commit drop
  `.execute(trx);
  await sql`
    insert into former_rate select from_currency, on_date, rate from conversion_rate where to_currency = ${currency}
  `.execute(trx);
}

/**
 * Makes planned_rate: for each billing currency and charge date that could be converted before the change and can after it, the rates of
 * both into the currency. To be called after the change.
 */
export async function pairRates(trx: Transaction<DB>, currency: string): Promise<void> {
  await fillNeeded(trx, currency);
  await sql`
    create temporary table planned_rate (billing_currency text, on_date date, former numeric, planned numeric) on commit drop
  `.execute(trx);
  await sql`
    insert into planned_rate
    select former.billing_currency, former.on_date, former.rate, planned.rate
    from former_rate as former join conversion_rate as planned on planned.from_currency = former.billing_currency
      and planned.to_currency = ${currency} and planned.on_date = former.on_date
    union all
    select distinct billing_currency, charge_date, 1::numeric, 1::numeric from former_day where billing_currency = ${currency}
  `.execute(trx);
  await sql`analyze planned_rate`.execute(trx);
}

/** Cost only moves between pods: before and after, the same currencies are billed on the same dates. */
async function fillNeeded(trx: Transaction<DB>, currency: string): Promise<void> {
  const need = sql`
    select distinct billing_currency as from_currency, charge_date as on_date from former_day where billing_currency <> ${currency}`;
  await fillConversionRates(trx, { to: currency, need });
}
