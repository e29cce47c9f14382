/** How full pools are today, for monitoring: the share of its ceiling that is used, of each pool with a window that holds the day. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { Decimal } from '../../kernel/decimal.ts';
import type { IsoDate } from '../../kernel/period.ts';
import { POOL_USE } from './pool-ceilings.ts';

export interface PoolFill {
  readonly poolId: string;
  /** Claimed and verified alike, cut after six digits: 1 is full, and nothing that has room says so. */
  readonly usedRatio: Decimal;
}

/** Each is a time series that monitoring keeps. */
const POOLS_MAX = 1_000;

/** The fullest first. A ceiling of zero has no share, and a pool without a window on that day has no ceiling. */
export async function readPoolFill(db: Kysely<DB>, day: IsoDate): Promise<PoolFill[]> {
  const holdsDay = sql`valid_from <= ${day}::date and valid_until > ${day}::date`;
  const { rows } = await sql<PoolFill>`
    with use as (select pool_id, sum(amount) as used from (${POOL_USE}) as use where ${holdsDay} group by pool_id)
    select pool_id as "poolId", trim_scale(div(coalesce(used, 0) * 1000000, ceiling) / 1000000)::text as "usedRatio"
    from outcome_pool_ceiling left join use using (pool_id)
    where ${holdsDay} and ceiling > 0
    order by coalesce(used, 0) / ceiling desc, pool_id collate "C" limit ${POOLS_MAX}`.execute(db);
  return rows;
}
