/** Coverage and tag hygiene as CSV, one table each: the rows by account and month, and the findings. */
import type { Coverage } from './coverage.ts';
import { type Cell, figures, toCsv } from './report-csv.ts';

const COSTS = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const;

/** One row per provider, account and month; reasons, origins and suggestions are in the JSON only. */
export function coverageCsv(report: Coverage): string {
  const head = [
    [
      'period',
      'through',
      'currency',
      'cost_metric',
      'provider',
      'billing_account',
      'sub_account',
      'sub_account_name',
      'month',
    ],
    ['attributed', 'unattributed'].flatMap((side) => COSTS.map((cost) => `${side}_${cost}`)),
    ['share'],
  ].flat();
  const rows = report.rows.map((row): Cell[] => [
    report.period.id,
    report.period.through,
    report.currency,
    report.costMetric,
    row.provider,
    row.billingAccountId,
    row.subAccountId,
    row.subAccountName,
    row.month,
    ...figures(...COSTS.map((cost) => row.attributed[cost]), ...COSTS.map((cost) => row.unattributed[cost]), row.share),
  ]);
  return toCsv(head, rows);
}
