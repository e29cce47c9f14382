/** What a source's calls have cost by UTC day, and its daily budget of them; counted before a call is made, so that a kill forgets none. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { utcDate } from '../kernel/period.ts';

export interface CountedSpending {
  readonly sourceId: string;
  readonly requests: number;
  readonly bytesBilled?: number;
  /** US dollars. */
  readonly amount?: Decimal;
  /** The source's own limits; absent: none. */
  readonly requestsPerDayMax?: number;
  readonly bytesBilledPerDayMax?: number;
  readonly at: Date;
}

/** @throws AppError source_budget where it would go beyond the day's budget; nothing is counted then. */
export async function countSpending(db: Kysely<DB>, spending: CountedSpending): Promise<void> {
  const { sourceId, requests, bytesBilled = 0, amount = '0', requestsPerDayMax, bytesBilledPerDayMax, at } = spending;
  const day = utcDate(at);
  const { rows } = await sql`
    insert into source_spending as spent (source_id, on_date, requests, bytes_billed, amount)
    select ${sourceId}, ${day}::date, ${requests}, ${bytesBilled}, ${amount}::numeric
    where ${requests} <= coalesce(${requestsPerDayMax ?? null}::bigint, ${requests})
      and ${bytesBilled} <= coalesce(${bytesBilledPerDayMax ?? null}::bigint, ${bytesBilled})
    on conflict (source_id, on_date) do update set requests = spent.requests + excluded.requests,
      bytes_billed = spent.bytes_billed + excluded.bytes_billed, amount = spent.amount + excluded.amount
    where spent.requests + excluded.requests <= coalesce(${requestsPerDayMax ?? null}::bigint, spent.requests + excluded.requests)
      and spent.bytes_billed + excluded.bytes_billed <= coalesce(${bytesBilledPerDayMax ?? null}::bigint, spent.bytes_billed + excluded.bytes_billed)
    returning 1`.execute(db);
  if (rows.length > 0) return;
  const limits = [
    ...(requestsPerDayMax === undefined ? [] : [`${requestsPerDayMax} requests (requestsPerDayMax)`]),
    ...(bytesBilledPerDayMax === undefined ? [] : [`${bytesBilledPerDayMax} bytes billed (bytesBilledPerDayMax)`]),
  ];
  throw new AppError(
    'source_budget',
    `The source "${sourceId}" has used up its budget of ${limits.join(' and ')} for ${day} (UTC). It goes on tomorrow; raise the limit in the organisation file to go on today.`,
  );
}
