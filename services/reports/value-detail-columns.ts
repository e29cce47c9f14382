/** The detail of a value report as columns of its table, where the report has it. */
import { type Cell, figures } from '../sheets/report-table.ts';
import type { ValuePerPod, ValuePerPodRow } from './compose-value.ts';

const BASES = ['revenue', 'revenue_gross', 'cost_reduction', 'cost_avoided', 'risk_reduced', 'capacity_released'];
const AGES = ['0_30', '31_60', '61_90', '91'];
const GRADES = ['A', 'B', 'C', 'D', 'none'];

const HEAD = [
  ...BASES.map((basis) => `verified_${basis}`),
  ...AGES.flatMap((age) => [`claims_${age}_days`, `claimed_${age}_days`]),
  'claims_oldest_days',
  ...GRADES.map((grade) => `confidence_${grade.toLowerCase()}`),
  'outcome_type',
  'outcome_quantity',
  'cost_per_outcome',
  'since',
  'cumulative_cost',
  'cumulative_verified',
  'cumulative_return',
  'payback_month',
];

/** The names of the columns, none without a detail. */
export function detailHead({ detailMethod }: ValuePerPod): readonly string[] {
  return detailMethod === undefined ? [] : HEAD;
}

/** A pod's cells. */
export function detailCells({ value, detail }: ValuePerPodRow): Cell[] {
  if (detail === undefined) return [];
  const { claims, confidence, costPerOutcome, cumulative, paybackMonth } = detail;
  return [
    ...figures(...BASES.map((basis) => value.verifiedByBasis?.[basis] ?? '0')),
    ...claims.byAge.flatMap((age) => figures(age.outcomes, age.value)),
    ...figures(claims.oldestDays, ...GRADES.map((grade) => confidence[grade] ?? 0)),
    costPerOutcome?.outcomeType ?? null,
    ...figures(costPerOutcome?.quantity ?? null, costPerOutcome?.cost ?? null),
    cumulative?.since ?? null,
    ...figures(cumulative?.cost ?? null, cumulative?.verified ?? null, cumulative?.return ?? null),
    paybackMonth,
  ];
}

/** Of the rows that add up: what is of one pod only is in none of them. */
export function noDetail(report: ValuePerPod): Cell[] {
  return detailHead(report).map(() => null);
}
