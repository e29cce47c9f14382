/**
 * Reports as CSV (RFC 4180: CRLF, quotes doubled), one table per report. Figures stay exact and plain; a text that a spreadsheet
 * would run as a formula is defused with an apostrophe. Null is an empty cell.
 */
import type { Costs } from './costs.ts';
import type { Reconciliation } from './reconciliation.ts';
import { type Cell, figures, framed, type ReportTable } from '../sheets/report-table.ts';
import type { ValuePerPod } from './compose-value.ts';
import { detailCells, detailHead, totalDetail, unattributedDetail } from './value-detail-columns.ts';

const COSTS = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const;

/** One row per pod, then the unattributed and the total. */
export function valuePerPodTable(report: ValuePerPod): ReportTable {
  const head = [
    ['period', 'through', 'currency', 'cost_metric', 'pod', 'name', 'kind', 'portfolio'],
    [
      'cost_direct',
      'cost_shared',
      'cost_total',
      'cost_estimated',
      'verified',
      'claimed',
      'verified_outcomes',
      'claimed_outcomes',
    ],
    [
      'return',
      'return_note',
      'envelope_limit',
      'envelope_actual',
      'envelope_used',
      'envelope_currency',
      'envelope_state',
      'adjustments_cost',
      'adjustments_value',
    ],
    detailHead(report),
  ].flat();
  const frame: Cell[] = [report.period.id, ...figures(report.period.through), report.currency, report.costMetric];
  const pods = report.pods.map((pod): Cell[] => [
    ...frame,
    pod.podId,
    pod.name,
    pod.kind,
    pod.portfolio,
    ...figures(pod.cost.direct, pod.cost.shared, pod.cost.total, pod.cost.estimated),
    ...figures(pod.value.verified, pod.value.claimed, pod.value.verifiedOutcomes, pod.value.claimedOutcomes),
    ...figures(pod.return),
    pod.returnNote,
    ...figures(pod.envelope?.limit ?? null, pod.envelope?.actual ?? null, pod.envelope?.used ?? null),
    pod.envelope?.currency ?? null,
    pod.envelope?.state ?? null,
    ...figures(pod.adjustments.cost, pod.adjustments.value),
    ...detailCells(pod),
  ]);
  const summary = (
    name: string,
    { cost, verified, claimed, adjustments }: ValuePerPod['unattributed'],
    ratio: string | null,
    detail: readonly Cell[],
  ): Cell[] => [
    ...frame,
    null,
    name,
    null,
    null,
    ...figures(null, null, cost, null, verified, claimed, null, null, ratio),
    ...Array.from({ length: 6 }, () => null),
    ...figures(adjustments.cost, adjustments.value),
    ...detail,
  ];
  const { unattributed, total } = report;
  const rows = [
    ...pods,
    summary('unattributed', unattributed, null, unattributedDetail(report)),
    summary('total', total, total.returnOnTotal, totalDetail(report)),
  ];
  return framed({ name: 'value per pod', head, rows }, report);
}

/** The rows of the explorer, without totals, so that a pivot table adds up. */
export function costsTable(report: Costs): ReportTable {
  const { period, state, statementId } = report;
  const isBilling = report.currency === 'billing';
  const keys = [...new Set([...report.by, ...(isBilling ? ['billingCurrency'] : [])])];
  const head = [...keys, ...COSTS, ...(isBilling ? [] : ['currency'])];
  const rows = report.rows.map((row): Cell[] => [
    ...keys.map((key) => row[key] ?? null),
    ...figures(...COSTS.map((metric) => row[metric])),
    ...(isBilling ? [] : [report.currency]),
  ]);
  return framed({ name: 'costs', head, rows }, { period, state, statementId });
}

/** The reconciled rows; what is billed or charged elsewhere is in the JSON only. */
export function reconciliationTable(report: Reconciliation): ReportTable {
  const head = [
    'source',
    'billing_period',
    'load',
    'billing_currency',
    'metric',
    'file',
    'ingested',
    'attributed',
    'unattributed',
    'difference',
    'invoice',
    'invoice_difference',
    'state',
    'statement',
  ];
  const rows = report.rows.map((row): Cell[] => [
    row.sourceId,
    row.billingPeriod,
    row.loadId,
    row.billingCurrency,
    row.metric,
    ...figures(row.file, row.ingested, row.attributed, row.unattributed, row.difference),
    ...figures(row.invoice, row.invoiceDifference),
    row.statementId === null ? 'open' : 'closed',
    ...figures(row.statementId),
  ]);
  return framed({ name: 'reconciliation', head, rows }, { period: report.period });
}
