/** One rate per currency, by which amounts of several currencies are ranked together; figures are converted day by day, never by these. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { Period } from '../kernel/period.ts';
import type { CellPart } from './explain-scope.ts';

export interface RankingRate {
  readonly currency: string;
  readonly rate: Decimal;
  /** What was billed in it. */
  readonly loadIds: readonly string[];
}

export type RankingRates = readonly RankingRate[];

/** The latest stored rate of the period for each foreign currency that the parts' loads were billed in; 1 where there is none. */
export async function readRankingRates(
  db: Kysely<DB>,
  { parts, period, to }: { parts: readonly CellPart[]; period: Period; to: string },
): Promise<RankingRates> {
  const { rows } = await sql<RankingRate>`
    select billed.currency, load_ids as "loadIds", coalesce((
      select rate from conversion_rate as stored
      where from_currency = billed.currency and to_currency = ${to} and on_date < ${period.end}::date
      order by on_date desc limit 1
    ), 1)::text as rate
    from (
      select billing_currency as currency, array_agg(load_id::text) as load_ids from load_total
      where load_id = any(${parts.flatMap(({ loadIds }) => loadIds)}::bigint[]) and billing_currency <> ${to} group by billing_currency
    ) as billed order by 1`.execute(db);
  return rows;
}

/** The rate of a currency; 1 for the one that is not foreign. */
export function ratedSql(rates: RankingRates, currency: RawBuilder<unknown>): RawBuilder<unknown> {
  if (rates.length === 0) return sql`1`;
  const cases = rates.map((one) => sql`when ${one.currency} then ${one.rate}::numeric`);
  return sql`case ${currency} ${sql.join(cases, sql` `)} else 1 end`;
}
