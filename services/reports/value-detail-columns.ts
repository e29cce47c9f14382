/** The detail of a value report as columns of its table, where the report has it. */
import { sum, ZERO } from '../kernel/decimal.ts';
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
  const { costPerOutcome, cumulative, paybackMonth } = detail;
  return [
    ...outcomeCells(value.verifiedByBasis, detail),
    costPerOutcome?.outcomeType ?? null,
    ...figures(costPerOutcome?.quantity ?? null, costPerOutcome?.cost ?? null),
    cumulative?.since ?? null,
    ...figures(cumulative?.cost ?? null, cumulative?.verified ?? null, cumulative?.return ?? null),
    paybackMonth,
  ];
}

/** Of what no pod has; what only a pod can have is empty. */
export function unattributedDetail({ unattributed, detailMethod }: ValuePerPod): Cell[] {
  if (detailMethod === undefined) return [];
  return filledUp(outcomeCells(unattributed.verifiedByBasis, unattributed.detail));
}

/** Amounts of all rows and the oldest age; without counts, since an outcome that several pods share is counted in each. */
export function totalDetail({ pods, unattributed, detailMethod }: ValuePerPod): Cell[] {
  if (detailMethod === undefined) return [];
  const bases = [...pods.map(({ value }) => value.verifiedByBasis), unattributed.verifiedByBasis];
  const claims = [...pods.map(({ detail }) => detail?.claims), unattributed.detail?.claims];
  const oldest = claims.flatMap((one) => one?.oldestDays ?? []);
  return filledUp([
    ...figures(...BASES.map((basis) => sum(bases.map((one) => one?.[basis] ?? ZERO)))),
    ...AGES.flatMap((_, index) => figures(null, sum(claims.map((one) => one?.byAge[index]?.value ?? ZERO)))),
    ...figures(oldest.length === 0 ? null : Math.max(...oldest)),
  ]);
}

function outcomeCells(
  verifiedByBasis: ValuePerPodRow['value']['verifiedByBasis'],
  detail: ValuePerPod['unattributed']['detail'],
): Cell[] {
  return [
    ...figures(...BASES.map((basis) => verifiedByBasis?.[basis] ?? '0')),
    ...AGES.flatMap((_, index) => {
      const age = detail?.claims.byAge[index];
      return figures(age?.outcomes ?? 0, age?.value ?? '0');
    }),
    ...figures(detail?.claims.oldestDays ?? null, ...GRADES.map((grade) => detail?.confidence[grade] ?? 0)),
  ];
}

function filledUp(cells: readonly Cell[]): Cell[] {
  return HEAD.map((_, index) => cells[index] ?? null);
}
