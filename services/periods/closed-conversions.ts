/** The exchange rates that comparing closed months with what is known now needs, each to the currency its month was closed in. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates, requireConversionRates } from '../fx/conversion.ts';
import { nameUnconverted } from '../reports/pod-values.ts';
import type { ClosedMonth } from './closed-months.ts';
import type { DriftScope } from './drift.ts';

type Compared = Pick<DriftScope, 'closed' | 'of'>;

/** Stores the conversions that a comparison needs; what no rate resolves stays missing. */
export async function fillClosedConversions(db: Kysely<DB>, scope: Compared): Promise<void> {
  for (const currency of new Set(scope.closed.map((month) => month.currency))) {
    await fillConversionRates(db, { to: currency, need: conversionNeed(scope, currency) });
  }
}

/**
 * Checks that what a comparison of these months needs is stored.
 * @throws AppError missing_exchange_rate naming the first date and pair, and the outcomes that ask for it.
 */
export async function requireClosedConversions(db: Kysely<DB>, closed: readonly ClosedMonth[]): Promise<void> {
  const scope = { closed };
  for (const to of new Set(closed.map((month) => month.currency))) {
    const rated = sql`
      select outcome_id, stored.rate from (${valueNeed(scope, to)}) as need
      left join conversion_rate as stored on stored.from_currency = need.from_currency and stored.to_currency = ${to}
        and stored.on_date = need.on_date`;
    const neededBy = () => nameUnconverted(db, rated);
    await requireConversionRates(db, { need: conversionNeed(scope, to), to, neededBy });
  }
}

/** What months closed in a currency need to be converted to it. */
function conversionNeed(scope: Compared, currency: string): RawBuilder<unknown> {
  const { closed, of } = scope;
  const ofCosts = sql`
    select distinct billing_currency as from_currency, charge_date as on_date
    from ${rangesIn(closed, currency)} join pod_day on charge_date >= month_start and charge_date < month_end
    where billing_currency <> ${currency}`;
  const ofValues = sql`select from_currency, on_date from (${valueNeed(scope, currency)}) as value`;
  if (of === undefined) return sql`${ofCosts} union ${ofValues}`;
  return of === 'cost' ? ofCosts : ofValues;
}

/** Rows of outcome_id, from_currency and on_date: what counts, and nothing that was rejected or taken back. */
function valueNeed({ closed, of }: Compared, currency: string): RawBuilder<unknown> {
  const isAsked = typeof of === 'object' ? sql`counted.outcome_id = any(${[...of]}::bigint[])` : sql`true`;
  return sql`
    select outcome.id as outcome_id, outcome.currency as from_currency, day::date as on_date from ${rangesIn(closed, currency)}
    join counted_schedule as counted on counted.counted_from < month_end and counted.counted_until > month_start
    join outcome on outcome.id = counted.outcome_id
    cross join generate_series(greatest(counted.counted_from, month_start), least(counted.counted_until, month_end) - 1,
      interval '1 day') as day
    where outcome.currency <> ${currency} and counted.amount is not null and ${isAsked}`;
}

function rangesIn(closed: readonly ClosedMonth[], currency: string): RawBuilder<unknown> {
  const months = closed.filter((month) => month.currency === currency);
  return sql`unnest(${months.map((month) => month.start)}::date[], ${months.map((month) => month.end)}::date[])
    as month (month_start, month_end)`;
}
