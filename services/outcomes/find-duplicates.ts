/**
 * Outcomes that may be the same: one address as evidence or reference of both, or one pool with overlapping recognition and amounts
 * within 5 %. Found when they are stated, for many at once; answered by finance before either is verified.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { COUNTED_STATES } from './outcome.ts';

/** A share of the larger amount by which two amounts of a pool may differ. */
const NEAR = '0.05';

/**
 * Finds those of the given outcomes anew; what was answered stays. At an address that many share, each is set against the five before it,
 * so that a dashboard which everybody cites makes no pair of every two.
 */
export async function findDuplicates(trx: Transaction<DB>, outcomeIds: readonly string[], at: Date): Promise<void> {
  if (outcomeIds.length === 0) return;
  const given = sql`${[...outcomeIds]}::bigint[]`;
  await sql`
    delete from outcome_duplicate where answer is null and (outcome_id = any (${given}) or other_id = any (${given}))
  `.execute(trx);
  await sql`
    with counted as not materialized (
      select id, pool_id, amount from outcome where state = any (${[...COUNTED_STATES]}::text[])
    ), asked as (
      select uri from outcome_evidence where outcome_id = any (${given})
      union select url from outcome_reference where outcome_id = any (${given}) and url is not null
    ), address as (
      select outcome_id, uri from outcome_evidence where uri in (select uri from asked)
      union select outcome_id, url from outcome_reference where url in (select uri from asked)
    ), near as (
      select uri, outcome_id, array[lag(outcome_id, 1) over by_address, lag(outcome_id, 2) over by_address, lag(outcome_id, 3) over by_address,
        lag(outcome_id, 4) over by_address, lag(outcome_id, 5) over by_address] as others
      from address join counted on counted.id = address.outcome_id
      window by_address as (partition by uri order by outcome_id)
    ), pair as (
      select outcome_id, other_id, 'the same address ' || uri as reason from near, unnest(others) as other_id where other_id is not null
      union all
      select greatest(mine.id, other.id), least(mine.id, other.id), 'the same pool ' || mine.pool_id || ', overlapping and within 5 %'
      from counted as mine join counted as other on other.pool_id = mine.pool_id and other.id <> mine.id
        and abs(mine.amount - other.amount) <= ${NEAR}::numeric * greatest(mine.amount, other.amount)
      where mine.id = any (${given}) and exists (
        select from outcome_schedule as one join outcome_schedule as two
          on one.recognised_from < two.recognised_until and two.recognised_from < one.recognised_until
        where one.outcome_id = mine.id and two.outcome_id = other.id)
    )
    insert into outcome_duplicate (outcome_id, other_id, reason, found_at)
    select outcome_id, other_id, min(reason), ${at.toISOString()}::timestamptz from pair
    where outcome_id = any (${given}) or other_id = any (${given}) group by outcome_id, other_id
    on conflict (outcome_id, other_id) do nothing
  `.execute(trx);
}
