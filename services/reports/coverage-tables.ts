/** Coverage and tag hygiene as CSV, one table each: the rows by account and month, and the findings. */
import type { Coverage } from './coverage.ts';
import { type Cell, figures, framed, type ReportTable } from '../sheets/report-table.ts';
import type { KeyFinding, TagHygiene, ValueFinding } from './tag-hygiene.ts';

const COSTS = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const;

/** One row per provider, account and month; reasons, origins and suggestions are in the JSON only. */
export function coverageTable(report: Coverage): ReportTable {
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
    ...figures(report.period.through),
    report.currency,
    report.costMetric,
    row.provider,
    row.billingAccountId,
    row.subAccountId,
    row.subAccountName,
    row.month,
    ...figures(...COSTS.map((cost) => row.attributed[cost]), ...COSTS.map((cost) => row.unattributed[cost]), row.share),
  ]);
  return framed({ name: 'coverage', head, rows }, report);
}

/** One row per finding: keys first, then values. */
export function tagHygieneTable(report: TagHygiene): ReportTable {
  const head = [
    ['period', 'through', 'currency', 'cost_metric', 'key', 'value', 'fault', 'meant', 'cost', 'unattributed_cost'],
    ['lines', 'origins', 'example_origin', 'example_resource', 'fix'],
  ].flat();
  const frame: Cell[] = [report.period.id, ...figures(report.period.through), report.currency, report.costMetric];
  const money = (one: KeyFinding | ValueFinding): Cell[] => [
    ...figures(one.cost, one.unattributedCost, one.lines, one.origins),
    one.example.originId,
    one.example.resourceId,
    one.fix,
  ];
  const keys = report.keys.map((one): Cell[] => [...frame, one.key, null, one.fault, one.meant, ...money(one)]);
  const values = report.values.map((one): Cell[] => [...frame, one.key, one.value, one.fault, one.pod, ...money(one)]);
  return { name: 'tag hygiene', head, rows: [...keys, ...values] };
}
