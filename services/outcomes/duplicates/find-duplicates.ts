/**
 * Outcomes that may be the same: they share an address or a file as evidence, a pool, or what they claim for a pod. Found when they are stated, for
 * many at once; answered by finance before either is verified.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { COUNTED_STATES } from '../outcome.ts';

/** A share of the larger amount by which two amounts may differ. */
const NEAR = sql`0.05::numeric`;

/** The five before a row of its window: what many share is set against so many, so that a dashboard which everybody cites makes no pair of every two. */
const BEFORE = sql`array[lag(outcome_id, 1) over alike, lag(outcome_id, 2) over alike, lag(outcome_id, 3) over alike,
  lag(outcome_id, 4) over alike, lag(outcome_id, 5) over alike]`;

/** By what shows them: one address however it is spelled, or the bytes of one file. */
const BY_EVIDENCE = sql`
  asked_address as materialized (
    select address_key(uri) as address from outcome_evidence where outcome_id in (select id from given) and kind = 'link'
    union select address_key(url) from outcome_reference where outcome_id in (select id from given) and url is not null
  ), asked_file as materialized (
    select distinct sha256 from outcome_evidence where outcome_id in (select id from given) and kind = 'file'
  ), trace as (
    select outcome_id, 'the same address ' || address as reason from asked_address join outcome_evidence on address_key(uri) = address and kind = 'link'
    union
    select outcome_id, 'the same address ' || address from asked_address join outcome_reference on address_key(url) = address
    union
    select outcome_id, 'the same file, SHA-256 ' || left(sha256, 12) from asked_file join outcome_evidence using (sha256) where kind = 'file'
  ), shown_by as (
    select outcome_id, reason, ${BEFORE} as others from trace join counted on counted.id = outcome_id
    window alike as (partition by reason order by outcome_id)
  )`;

/**
 * By what is claimed for a pod they share, of one basis: the same title at the same time and amounts that are near, or the same amount of the
 * same days under whatever title.
 */
const BY_CLAIM = sql`
  alike_claim as materialized (
    select other.id from counted as other
    where title_key(title) in (select title_key(title) from outcome where id in (select id from given))
    union
    select other.id from counted as other
    where amount in (select amount from outcome where id in (select id from given) and amount is not null)
  ), claim as materialized (
    select outcome.id as outcome_id, pod_id, basis, effect, currency, amount, outcome_type, quantity, title_key(title) as title,
      coalesce(span.first_day, delivered_on) as first_day, coalesce(span.end_day, delivered_on + 1) as end_day
    from alike_claim join outcome on outcome.id = alike_claim.id join outcome_share as share on share.outcome_id = outcome.id
    cross join lateral (
      select min(recognised_from) as first_day, max(recognised_until) as end_day from outcome_schedule where outcome_id = outcome.id) as span
  ), titled as (
    select *, ${BEFORE} as others from claim
    window alike as (partition by pod_id, basis, effect, currency, title order by first_day, outcome_id)
  ), of_one_amount as (
    select *, ${BEFORE} as others from claim where amount is not null
    window alike as (partition by pod_id, basis, effect, currency, amount, first_day, end_day order by outcome_id)
  ), claimed_twice as (
    select titled.outcome_id, other.outcome_id as other_id, 'the same title and pod, overlapping and within 5 %' as reason
    from titled cross join unnest(titled.others) as before_id
    join claim as other on other.outcome_id = before_id and other.pod_id = titled.pod_id
    where other.end_day > titled.first_day and case
      when titled.amount is null then other.amount is null and titled.outcome_type is not distinct from other.outcome_type
        and titled.quantity is not distinct from other.quantity
      else abs(titled.amount - other.amount) <= ${NEAR} * greatest(titled.amount, other.amount) end
    union all
    select outcome_id, other_id, 'the same amount, pod and days' from of_one_amount, unnest(others) as other_id where other_id is not null
  )`;

/** Finds those of the given outcomes anew; what was answered stays. */
export async function findDuplicates(trx: Transaction<DB>, outcomeIds: readonly string[], at: Date): Promise<void> {
  if (outcomeIds.length === 0) return;
  const given = sql`${[...outcomeIds]}::bigint[]`;
  await sql`
    delete from outcome_duplicate where answer is null and (outcome_id = any (${given}) or other_id = any (${given}))
  `.execute(trx);
  await sql`
    with given as materialized (
      select distinct unnest(${given}) as id
    ), counted as not materialized (
      select * from outcome where state = any (${[...COUNTED_STATES]}::text[])
    ), ${BY_EVIDENCE}, ${BY_CLAIM}, pair as (
      select outcome_id, other_id, reason from shown_by, unnest(others) as other_id where other_id is not null
      union all
      select greatest(mine.id, other.id), least(mine.id, other.id), 'the same pool ' || mine.pool_id || ', overlapping and within 5 %'
      from counted as mine join counted as other on other.pool_id = mine.pool_id and other.id <> mine.id
        and abs(mine.amount - other.amount) <= ${NEAR} * greatest(mine.amount, other.amount)
      where mine.id = any (${given}) and exists (
        select from outcome_schedule as one join outcome_schedule as two
          on one.recognised_from < two.recognised_until and two.recognised_from < one.recognised_until
        where one.outcome_id = mine.id and two.outcome_id = other.id)
      union all
      select greatest(outcome_id, other_id), least(outcome_id, other_id), reason from claimed_twice
    )
    insert into outcome_duplicate (outcome_id, other_id, reason, found_at)
    select outcome_id, other_id, min(reason), ${at.toISOString()}::timestamptz from pair
    where outcome_id = any (${given}) or other_id = any (${given}) group by outcome_id, other_id
    on conflict (outcome_id, other_id) do nothing
  `.execute(trx);
}
