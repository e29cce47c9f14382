/**
 * What changed rules moved between pods in a quarter that was closed under other rules: what some lost of a month and others gained.
 * It changes no total, so the bridge shows it beside its step of nothing.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { rateJoins, rateOf } from '../periods/closed-rows.ts';
import { METRIC_COLUMNS, type ReportFrame } from '../reports/report-frame.ts';

/** In the frame's currency; null where none of its months is closed. One row a pod, day and kind is read of each side. */
export async function readMovedByRules(db: Kysely<DB>, frame: ReportFrame): Promise<Decimal | null> {
  if (frame.closed.length === 0) return null;
  const { rulebook_id: current } = await db.selectFrom('organisation').select('rulebook_id').executeTakeFirstOrThrow();
  const months = frame.closed.filter(({ rulebookId }) => rulebookId !== current);
  const metric = sql.ref(METRIC_COLUMNS[frame.costMetric]);
  const row = { alias: 'day', currency: 'billing_currency', date: 'charge_date', hasStatement: true };
  const { rows } = await sql<{ moved: Decimal }>`
    with month as (
      select * from unnest(${months.map((month) => month.statementId)}::integer[], ${months.map((month) => month.start)}::date[],
        ${months.map((month) => month.end)}::date[]) as month (statement_id, first_day, end_day)
    ), figure as (
      select statement_id, charge_date, pod_id, billing_currency, -${metric} as cost
      from month join statement_pod_day as stated using (statement_id)
      where kind <> 'owned' and charge_date >= first_day and charge_date < end_day
      union all
      select statement_id, charge_date, pod_id, billing_currency, ${metric}
      from month join pod_day as known on charge_date >= first_day and charge_date < end_day where kind <> 'owned'
    ), moved as (
      select day.statement_id, day.pod_id,
        sum(day.cost * case when day.billing_currency = ${frame.currency} then 1 else ${rateOf(true)} end) as amount
      from figure as day ${rateJoins(row, frame.currency)} group by 1, 2
    ), month_move as (
      select least(coalesce(sum(amount) filter (where amount > 0), 0), -coalesce(sum(amount) filter (where amount < 0), 0)) as amount
      from moved group by statement_id
    )
    select trim_scale(coalesce(sum(amount), 0)) as moved from month_move
  `.execute(db);
  return rows[0]?.moved ?? null;
}
