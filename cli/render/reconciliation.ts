/** The reconciliation as a table. Figures are rounded so that attributed and unattributed add up; the difference is exact. */
import { isZero } from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { ElsewhereRow, Reconciliation } from '../../services/reports/reconciliation.ts';
import { closedLines, withNow } from './closed.ts';
import { asMoney, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

export function renderReconciliation(report: Reconciliation): string {
  return withNow(report, renderOne);
}

function renderOne(report: Reconciliation): string {
  if (report.rows.length === 0) return `No published bill touches ${report.period.id}.`;
  const rows = report.rows.map((row) => {
    const carried = roundParts([row.attributed, row.unattributed]);
    return [
      row.sourceId,
      row.billingPeriod,
      row.billingCurrency,
      row.metric,
      asMoney(row.file),
      asMoney(row.ingested),
      ...carried.parts.map(withThousands),
      row.difference,
    ];
  });
  const heads = [
    'source',
    'billing period',
    'cur',
    'metric',
    'file',
    'ingested',
    'attributed',
    'unattributed',
    'difference',
  ];
  const invoiced = report.rows.filter((row) => row.invoice !== null && row.invoiceDifference !== null);
  const differing = report.rows.filter((row) => !isZero(row.difference)).length;
  return [
    textTable(heads, rows, [4, 5, 6, 7, 8]),
    '',
    differing === 0
      ? 'Every bill equals its attribution exactly, in every currency and metric.'
      : `${differing} figures differ from their bill. Run "outturn doctor".`,
    ...closedLines(report),
    ...(invoiced.length === 0
      ? []
      : ['', 'Invoices (why they differ: "outturn report invoices"):', invoiceTable(invoiced)]),
    ...elsewhere('Billed here, charged elsewhere', report.billedHereChargedElsewhere),
    ...elsewhere('Charged here, billed elsewhere', report.chargedHereBilledElsewhere),
  ].join('\n');
}

function invoiceTable(rows: Reconciliation['rows']): string {
  const cells = rows.map((row) => [
    row.sourceId,
    row.billingPeriod,
    row.billingCurrency,
    asMoney(row.file),
    row.invoice === null ? null : asMoney(row.invoice),
    row.invoiceDifference,
  ]);
  return textTable(['source', 'billing period', 'cur', 'BilledCost', 'invoice', 'difference'], cells, [3, 4, 5]);
}

/** BilledCost only: what the bill says; the other metrics are in the JSON. */
function elsewhere(title: string, all: readonly ElsewhereRow[]): string[] {
  const rows = all
    .filter((row) => row.metric === 'BilledCost')
    .map((row) => [row.sourceId, row.billingPeriod, row.chargeMonth, row.billingCurrency, asMoney(row.ingested)]);
  if (rows.length === 0) return [];
  return ['', `${title}:`, textTable(['source', 'billing period', 'charge month', 'cur', 'BilledCost'], rows, [4])];
}
