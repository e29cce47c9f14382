/**
 * What one unit of an outcome cost, quarter by quarter and within one type only: the cost of the pods that delivered verified units of the
 * type, divided by these units. Types are never compared with each other. Units are those known when the report is made.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, decimal, isZero, ratio, sum, ZERO } from '../kernel/decimal.ts';
import type { Period } from '../kernel/period.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';

export interface UnitCost {
  readonly period: string;
  readonly quantity: Decimal;
  readonly pods: readonly string[];
  /** Of these pods, in the quarter. */
  readonly cost: Decimal;
  /** cost ÷ quantity, to 4 decimals; null where there is nothing to divide, or no cost. */
  readonly unitCost: string | null;
}

export interface UnitCostTrend {
  readonly outcomeType: string;
  readonly unit: string;
  /** The oldest first; only quarters with verified units. */
  readonly quarters: readonly UnitCost[];
}

interface UnitRow {
  readonly outcome_type: string;
  readonly unit: string;
  readonly period_start: string;
  readonly quantity: Decimal;
  readonly pods: string[];
}

/** Trends of types with verified units in one of the quarters at least (outcome_delivered_on_idx). */
export async function readUnitCosts(
  db: Kysely<DB>,
  quarters: readonly { readonly period: Period; readonly report: ValuePerPod }[],
): Promise<UnitCostTrend[]> {
  const { rows } = await sql<UnitRow>`
    select outcome.outcome_type, outcome.unit, quarter.period_start::text as period_start,
      trim_scale(sum(outcome.quantity * share.basis_points * 0.0001)) as quantity,
      array_agg(distinct share.pod_id order by share.pod_id) as pods
    from unnest(${quarters.map(({ period }) => period.start)}::date[], ${quarters.map(({ period }) => period.end)}::date[])
      as quarter (period_start, period_end)
    join outcome on outcome.delivered_on >= quarter.period_start and outcome.delivered_on < quarter.period_end
    join outcome_share as share on share.outcome_id = outcome.id
    where outcome.state in ('verified', 'partially_verified', 'review_due') and outcome.outcome_type is not null and outcome.quantity is not null
    group by 1, 2, 3 order by 1, 3
  `.execute(db);
  const byType = Map.groupBy(rows, (row) => row.outcome_type);
  return [...byType].map(([outcomeType, ofType]) => ({
    outcomeType,
    unit: ofType[0]?.unit ?? '',
    quarters: ofType.flatMap((row) => {
      const quarter = quarters.find(({ period }) => period.start === row.period_start);
      return quarter === undefined ? [] : [unitCost(quarter.report, row)];
    }),
  }));
}

function unitCost(report: ValuePerPod, { quantity, pods }: UnitRow): UnitCost {
  const cost = sum(report.pods.filter(({ podId }) => pods.includes(podId)).map((pod) => pod.cost.total));
  const isNone = isZero(quantity) || compare(cost, ZERO) <= 0;
  return {
    period: report.period.id,
    quantity: decimal(quantity),
    pods,
    cost,
    unitCost: isNone ? null : ratio(cost, quantity),
  };
}
