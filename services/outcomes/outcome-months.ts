/**
 * Recognised value by month (value_month), from which reports read whole months. What an outcome brought is kept (outcome_month), so that a
 * change adds exactly the difference to the sums; what an outcome brings now is in one place, the SQL function outcome_months_of.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

const KEYS = sql`recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency`;

/**
 * Brings the sums up to date with these outcomes as they are stored now. To be called, once for all of them, in every transaction that
 * changes outcomes, their states, schedules or shares, after they are written and under OUTCOME_WRITERS_LOCK.
 */
export async function refreshOutcomeValue(trx: Transaction<DB>, outcomeIds: readonly string[]): Promise<void> {
  await sql`
    with former as (
      delete from outcome_month where outcome_id = any(${[...outcomeIds]}::bigint[]) returning *
    ), current as (
      insert into outcome_month select * from outcome_months_of(${[...outcomeIds]}) returning *
    ), difference as (
      select ${KEYS}, amount, 1 as outcomes from current union all select ${KEYS}, -amount, -1 from former
    )
    insert into value_month select ${KEYS}, sum(amount), sum(outcomes) from difference group by ${KEYS}
    having sum(outcomes) <> 0 or sum(amount) <> 0
    on conflict on constraint value_month_key
    do update set amount = value_month.amount + excluded.amount, outcomes = value_month.outcomes + excluded.outcomes
  `.execute(trx);
  await sql`delete from value_month where outcomes = 0`.execute(trx);
}
