/**
 * What a pool's counting outcomes recognise inside a window never exceeds its ceiling, claimed and verified alike; dis-benefits make no
 * room. Verified value stands inside a window altogether. Checked at the end of every write, under the lock of those who write outcomes.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import { recognisedBetween } from '../../reports/pod-values.ts';

/** Of outcomes outside of every window, so many are named. */
const OUTCOMES_NAMED = 10;

interface Overflow {
  readonly pool_id: string;
  readonly valid_from: string;
  readonly valid_until: string;
  readonly ceiling: string;
  readonly currency: string;
  readonly used: string;
  readonly left: string;
  /** What is used beyond it. */
  readonly excess: string;
}

/** Rows (pool_id, valid_from, valid_until, ceiling, outcome_id, amount): what each outcome recognises in each window of its pool. */
export const POOL_USE = sql`
  select ceiling.pool_id, ceiling.valid_from, ceiling.valid_until, ceiling.ceiling, outcome.id as outcome_id,
    ${recognisedBetween(
      'counted',
      sql`greatest(counted.counted_from, ceiling.valid_from)`,
      sql`least(counted.counted_until, ceiling.valid_until)`,
    )} as amount
  from outcome_pool_ceiling as ceiling
  join outcome on outcome.pool_id = ceiling.pool_id and outcome.effect = 'benefit'
  join counted_schedule as counted on counted.outcome_id = outcome.id
    and counted.counted_from < ceiling.valid_until and counted.counted_until > ceiling.valid_from`;

/**
 * Of the pools of these outcomes.
 * @throws AppError conflict with what is left, where a window would hold more than its ceiling.
 */
export async function keepCeilings(trx: Transaction<DB>, outcomeIds: readonly string[]): Promise<void> {
  const given = sql`${[...outcomeIds]}::bigint[]`;
  const over = await findOverflow(trx, {
    pools: sql`select pool_id from outcome where id = any (${given})`,
    mine: sql`outcome_id = any (${given})`,
  });
  if (over === undefined) return;
  const message = `Pool "${over.pool_id}" would hold ${over.used} ${over.currency} ${windowOf(over)}, more than its ceiling of ${over.ceiling}; ${over.left} is left. Lower the amount, let the outcome recognise less there, or ask finance for another ceiling.`;
  throw new AppError('conflict', message, { details: { ...over } });
}

/** Of one pool whose ceilings were set. @throws AppError conflict with what its outcomes recognise already, inside a window or outside of all. */
export async function keepCeilingsOf(trx: Transaction<DB>, poolId: string): Promise<void> {
  const over = await findOverflow(trx, { pools: sql`select ${poolId}::text`, mine: sql`false` });
  if (over === undefined) return keepVerifiedInside(trx, poolId);
  const message = `The outcomes of pool "${over.pool_id}" recognise ${over.used} ${over.currency} ${windowOf(over)} already, ${over.excess} more than a ceiling of ${over.ceiling}. Set at least ${over.used}, or have outcomes of the pool lowered, rejected or retracted first.`;
  throw new AppError('conflict', message, { details: { ...over } });
}

/** A claim outside of every window waits for one; what is verified was, and a window that it needs is not taken away from under it. */
async function keepVerifiedInside(trx: Transaction<DB>, poolId: string): Promise<void> {
  const { rows } = await sql<{ outcomes: string[]; from: string; until: string; outside: string; currency: string }>`
    with scheduled as (
      select outcome.id, outcome.currency, recognised_from, recognised_until, verified_amount as amount
      from outcome join outcome_schedule on outcome_schedule.outcome_id = outcome.id
      where pool_id = ${poolId} and effect = 'benefit' and state in ('verified', 'partially_verified') and verified_amount > 0
    ), outside as (
      select id, currency, recognised_from, recognised_until, amount - coalesce((
        select sum(${recognisedBetween(
          'scheduled',
          sql`greatest(scheduled.recognised_from, ceiling.valid_from)`,
          sql`least(scheduled.recognised_until, ceiling.valid_until)`,
        )}) from outcome_pool_ceiling as ceiling
        where ceiling.pool_id = ${poolId} and valid_from < recognised_until and valid_until > recognised_from), 0) as amount
      from scheduled
    )
    select array_agg(distinct id::text) as outcomes, min(recognised_from) as "from", max(recognised_until) as "until",
      trim_scale(sum(amount))::text as outside, min(currency) as currency
    from outside where amount > 0 having count(*) > 0`.execute(trx);
  const [row] = rows;
  if (row === undefined) return;
  const { outcomes, from, until, outside, currency } = row;
  const named = outcomes.slice(0, OUTCOMES_NAMED).join(', ');
  const more = outcomes.length > OUTCOMES_NAMED ? ` and ${outcomes.length - OUTCOMES_NAMED} more` : '';
  const message = `${outside} ${currency} of pool "${poolId}" that is verified would stand under no ceiling: of ${outcomes.length === 1 ? 'outcome' : 'outcomes'} ${named}${more}, recognised from ${from} to ${until}. Keep windows over these days, or have the outcomes lowered or retracted first.`;
  throw new AppError('conflict', message, { details: { poolId, outside, currency, from, until, outcomes } });
}

function windowOf({ valid_from: from, valid_until: until }: Overflow): string {
  return `from ${from} to ${until}`;
}

async function findOverflow(
  trx: Transaction<DB>,
  given: { pools: ReturnType<typeof sql>; mine: ReturnType<typeof sql> },
): Promise<Overflow | undefined> {
  const { rows } = await sql<Overflow>`
    select use.pool_id, valid_from, valid_until, trim_scale(ceiling)::text as ceiling, pool.currency,
      trim_scale(sum(amount))::text as used, trim_scale(sum(amount) - ceiling)::text as excess,
      trim_scale(ceiling - coalesce(sum(amount) filter (where not (${given.mine})), 0))::text as left
    from (${POOL_USE}) as use join outcome_pool as pool on pool.id = use.pool_id
    where use.pool_id in (${given.pools})
    group by use.pool_id, valid_from, valid_until, ceiling, pool.currency having sum(amount) > ceiling
    order by use.pool_id, valid_from limit 1`.execute(trx);
  return rows[0];
}
