/**
 * Recognised value by month (value_month), from which reports read whole months, and the last one up to the day at which they cut it. What an
 * outcome brought is kept (outcome_month), so that a change adds exactly the difference to the sums; what an outcome brings now is in one
 * place, the SQL function outcome_months_of.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { tryChargeMonth } from '../../attribution/locks.ts';
import { sumPodCuts } from '../../attribution/pod-months.ts';
import { OUTCOME_WRITERS_LOCK } from '../../kernel/advisory-locks.ts';
import { type IsoDate, monthOf } from '../../kernel/period.ts';

const KEYS = sql`recognition_month, earlier_month, stated_month, party, pod_id, state, basis, gross_or_margin, currency, recognised_until`;

/** Of an outcome in outcome_month, as outcome_months_of gives them. */
const COLUMNS = sql`outcome_id, recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, amount, recognised_until, stated_month`;

/** Today's, yesterday's, and those of periods whose sources ended earlier. */
const CUTS_MAX = 8;

/**
 * Brings the sums up to date with these outcomes as they are stored now. To be called, once for all of them, in every transaction that
 * changes outcomes, their states, schedules or shares, after they are written and under OUTCOME_WRITERS_LOCK.
 */
export async function refreshOutcomeValue(trx: Transaction<DB>, outcomeIds: readonly string[]): Promise<void> {
  await sql`
    with former as (
      delete from outcome_month where outcome_id = any(${[...outcomeIds]}::bigint[]) returning *
    ), current as (
      insert into outcome_month (${COLUMNS}) select * from outcome_months_of(${[...outcomeIds]}) returning *
    ), difference as (
      select ${KEYS}, amount, 1 as outcomes from current union all select ${KEYS}, -amount, -1 from former
    )
    insert into value_month (${KEYS}, amount, outcomes) select ${KEYS}, sum(amount), sum(outcomes) from difference group by ${KEYS}
    having sum(outcomes) <> 0 or sum(amount) <> 0
    on conflict on constraint value_month_key
    do update set amount = value_month.amount + excluded.amount, outcomes = value_month.outcomes + excluded.outcomes
  `.execute(trx);
  await sql`delete from value_month where outcomes = 0`.execute(trx);
}

/**
 * Keeps the sums of value and cost of the month before this day, on which reports cut it, besides those of the whole month; the ones kept longest
 * give way. No figure changes by it. Nothing where either is being written at the moment: whoever asked reads days and outcomes one by one, and
 * asks again.
 */
export async function keepValueCut(trx: Transaction<DB>, given: { cutOn: IsoDate; at: Date }): Promise<void> {
  const { cutOn, at } = given;
  if (!(await tryChargeMonth(trx, monthOf(cutOn).start))) return;
  const { rows } = await sql<{ is_free: boolean }>`
      select pg_try_advisory_xact_lock(${OUTCOME_WRITERS_LOCK}) as is_free`.execute(trx);
  if (rows[0]?.is_free !== true) return;
  const { rows: kept } = await sql`
      insert into value_cut (cut_on, kept_at) values (${cutOn}::date, ${at.toISOString()}::timestamptz) on conflict do nothing
      returning cut_on`.execute(trx);
  if (kept.length === 0) return;
  await sumPodCuts(trx, sql`select ${cutOn}::date as cut_on`);
  await sql`
      with current as (
        insert into outcome_month (${COLUMNS})
        select * from outcome_months_of(array(
          select distinct outcome_id from outcome_month where recognised_until = (date_trunc('month', ${cutOn}::timestamp) + interval '1 month')::date
        ), ${cutOn}::date) returning *
      )
      insert into value_month (${KEYS}, amount, outcomes) select ${KEYS}, sum(amount), count(*) from current group by ${KEYS}
    `.execute(trx);
  await sql`
      with gone as (
        delete from value_cut where cut_on in (select cut_on from value_cut order by kept_at desc, cut_on desc offset ${CUTS_MAX}) returning cut_on
      ), parts as (
        delete from outcome_month where recognised_until in (select cut_on from gone)
      ), costs as (
        delete from pod_cut where cut_on in (select cut_on from gone)
      )
      delete from value_month where recognised_until in (select cut_on from gone)
    `.execute(trx);
}
