/** One rate per currency, by which amounts of several currencies are ranked together; figures are converted day by day, never by these. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { Period } from '../kernel/period.ts';
import type { CellPart } from './explain-scope.ts';

export type RankingRates = readonly { readonly currency: string; readonly rate: Decimal }[];

/** The latest stored rate of the period for each foreign currency that the parts' loads were billed in; 1 where there is none. */
export async function readRankingRates(
  db: Kysely<DB>,
  { parts, period, to }: { parts: readonly CellPart[]; period: Period; to: string },
): Promise<RankingRates> {
  const { rows } = await sql<{ currency: string; rate: Decimal }>`
    select billed.currency, coalesce((
      select rate from conversion_rate as stored
      where from_currency = billed.currency and to_currency = ${to} and on_date < ${period.end}::date
      order by on_date desc limit 1
    ), 1)::text as rate
    from (
      select distinct billing_currency as currency from load_total
      where load_id = any(${parts.flatMap(({ loadIds }) => loadIds)}::bigint[]) and billing_currency <> ${to}
    ) as billed order by 1`.execute(db);
  return rows;
}

/** The rate of a currency; 1 for the one that is not foreign. */
export function ratedSql(rates: RankingRates, currency: RawBuilder<unknown>): RawBuilder<unknown> {
  if (rates.length === 0) return sql`1`;
  const cases = rates.map((one) => sql`when ${one.currency} then ${one.rate}::numeric`);
  return sql`case ${currency} ${sql.join(cases, sql` `)} else 1 end`;
}
