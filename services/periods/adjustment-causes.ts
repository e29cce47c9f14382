/**
 * Why a closed month is known otherwise now: the loads, rulebook, outcomes and rates that are others than its statement's. Facts beside each
 * other, not shares of the difference: what several causes did together cannot be told apart exactly.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { billingPeriodSql } from '../reports/cost-dimensions.ts';
import { isStanding } from './closed-months.ts';

export interface AdjustmentCauses {
  /** Loads that count now in place of others; null on the side where there is none. */
  readonly loads: readonly {
    readonly sourceId: string;
    readonly billingPeriod: string;
    readonly was: string | null;
    readonly now: string | null;
  }[];
  readonly rulebook: { readonly was: number; readonly now: number } | null;
  /** Outcomes by version; null where the outcome was not counted in the statement. */
  readonly outcomes: readonly { readonly outcomeId: string; readonly was: number | null; readonly now: number }[];
  /** Currencies whose rate moved, and on how many of the adjusted days. */
  readonly rates: readonly { readonly currency: string; readonly days: number }[];
}

/** A load of the month: it has charges there, or its billing period does. `month` has the columns month_start and month_end. */
export function isLoadOfMonth(rulebookId: number): RawBuilder<boolean> {
  return sql<boolean>`(load.state = 'published' and (
    exists (select from rollup_cost where rollup_cost.load_id = load.id and rulebook_id = ${rulebookId}
      and charge_date >= month.month_start and charge_date < month.month_end)
    or (billing_period_start < month.month_end and billing_period_end > month.month_start)))`;
}

/** By the id of the adjusted statement. `adjustments` are rows of ADJUSTMENT_COLUMNS. */
export async function readCauses(
  db: Kysely<DB>,
  adjustments: RawBuilder<unknown>,
): Promise<ReadonlyMap<number, AdjustmentCauses>> {
  const { rulebook_id: rulebookId } = await db
    .selectFrom('organisation')
    .select('rulebook_id')
    .executeTakeFirstOrThrow();
  const { rows } = await sql<{ statement_id: number; causes: AdjustmentCauses }>`
    with adjustment as materialized (${adjustments}), month as materialized (
      select id as statement_id, period_start as month_start, period_end as month_end, rulebook_id, currency from statement
      where id in (select adjusted_statement_id from adjustment)
    ), was as (
      select statement_load.statement_id, load.id, source_id, billing_period_start, billing_period_end
      from month join statement_load using (statement_id) join load on load.id = statement_load.load_id
    ), now as (
      select month.statement_id, load.id, source_id, billing_period_start, billing_period_end
      from month join load on ${isLoadOfMonth(rulebookId)}
    ), replaced as (
      select statement_id, json_build_object('sourceId', source_id, 'billingPeriod', ${billingPeriodSql('load')}, 'was', was_id::text,
        'now', now_id::text) as cause, source_id, billing_period_start
      from (
        select statement_id, source_id, billing_period_start, billing_period_end, was.id as was_id, now.id as now_id
        from was full join now using (statement_id, source_id, billing_period_start, billing_period_end)
        where was.id is distinct from now.id
      ) as load
    ), changed as (
      select asked.statement_id, asked.outcome_id,
        json_build_object('outcomeId', asked.outcome_id::text, 'was', stated.version, 'now', outcome.version) as cause
      from (select distinct adjusted_statement_id as statement_id, outcome_id from adjustment where outcome_id is not null) as asked
      join outcome on outcome.id = asked.outcome_id
      cross join lateral (select max(outcome_version) as version from statement_value as value
        where value.statement_id = asked.statement_id and value.outcome_id = asked.outcome_id) as stated
      -- After a reissue the statement has the version of now, and what was booked for the former one is reversed.
      where stated.version is distinct from outcome.version
    ), rated as (
      select month.statement_id, adjustment.currency,
        json_build_object('currency', adjustment.currency, 'days', count(distinct adjustment.adjusted_on)::int) as cause
      from adjustment join month on month.statement_id = adjustment.adjusted_statement_id
      join statement_rate as before on before.statement_id = month.statement_id and before.from_currency = adjustment.currency
        and before.to_currency = month.currency and before.on_date = adjustment.adjusted_on
      join conversion_rate as after on after.from_currency = before.from_currency and after.to_currency = before.to_currency
        and after.on_date = before.on_date and after.rate <> before.rate
      group by month.statement_id, adjustment.currency
    )
    select month.statement_id, json_build_object(
      'loads', coalesce((select json_agg(cause order by source_id collate "C", billing_period_start) from replaced
        where replaced.statement_id = month.statement_id), '[]'),
      'rulebook', case when month.rulebook_id <> ${rulebookId}::integer
        then json_build_object('was', month.rulebook_id, 'now', ${rulebookId}::integer) end,
      'outcomes', coalesce((select json_agg(cause order by outcome_id) from changed where changed.statement_id = month.statement_id), '[]'),
      'rates', coalesce((select json_agg(cause order by currency collate "C") from rated where rated.statement_id = month.statement_id), '[]')
    ) as causes
    from month order by month.statement_id
  `.execute(db);
  return new Map(rows.map((row) => [row.statement_id, row.causes]));
}

/** The causes as statements stored them when they booked, by `<booking statement> <adjusted statement>`. */
export async function readBookedCauses(db: Kysely<DB>): Promise<ReadonlyMap<string, AdjustmentCauses>> {
  const { rows } = await sql<{ booking: number; adjusted: number; causes: string }>`
    select adjusted.statement_id as booking, adjusted_statement_id as adjusted, causes
    from statement_adjusted_month as adjusted join statement as booking on booking.id = adjusted.statement_id
    where ${isStanding('booking')}
  `.execute(db);
  return new Map(
    rows.map(({ booking, adjusted, causes }) => [`${booking} ${adjusted}`, JSON.parse(causes) as AdjustmentCauses]),
  );
}
