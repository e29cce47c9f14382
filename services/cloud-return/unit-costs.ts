/**
 * What one unit of an outcome cost, quarter by quarter and within one type only: the cost of the pods that delivered verified units of the
 * type, divided by these units. Types are never compared with each other. Units are those known when the report is made.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, decimal, ratio, sum, ZERO } from '../kernel/decimal.ts';
import type { Period } from '../kernel/period.ts';
import { deliveredUnits } from '../outcomes/sums/delivered-units.ts';
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
    select delivered.outcome_type, delivered.unit, quarter.period_start::text as period_start,
      trim_scale(sum(delivered.quantity)) as quantity, array_agg(distinct delivered.pod_id order by delivered.pod_id) as pods
    from unnest(${quarters.map(({ period }) => period.start)}::date[], ${quarters.map(({ period }) => period.end)}::date[])
      as quarter (period_start, period_end)
    cross join lateral ${deliveredUnits(sql`quarter.period_start`, sql`quarter.period_end`)} as delivered
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
  const isNone = compare(decimal(quantity), ZERO) <= 0 || compare(cost, ZERO) <= 0;
  return {
    period: report.period.id,
    quantity: decimal(quantity),
    pods,
    cost,
    unitCost: isNone ? null : ratio(cost, quantity),
  };
}
