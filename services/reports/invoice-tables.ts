/** Invoices against bills, and the bridge from the invoice to the reports, as CSV: exact figures, one table each. */
import type { Bridge } from './bridge.ts';
import type { InvoiceReport } from './invoices.ts';
import { type Cell, figures, framed, type ReportTable } from '../sheets/report-table.ts';

/** One row per comparison; the reasons of one stand in one cell, each with its amount. */
export function invoiceReportTable(report: InvoiceReport): ReportTable {
  const head = [
    ['source', 'billing_period', 'billing_account', 'currency', 'invoices', 'matched_by', 'lines', 'billed_cost'],
    ['invoice', 'difference', 'tolerance', 'state', 'reasons'],
  ].flat();
  const rows = report.rows.map((row): Cell[] => [
    row.sourceId,
    row.billingPeriod,
    row.billingAccountId,
    row.currency,
    row.invoiceIds.join(' '),
    row.matchedBy,
    ...figures(row.lines, row.billed, row.invoice, row.difference, row.tolerance),
    row.state,
    row.reasons.map(({ reason, amount }) => `${reason} ${amount}`).join('; '),
  ]);
  return framed({ name: 'invoices', head, rows }, { period: report.period });
}

/** From BilledCost to the reported cost, one row per step; the differences of a provider and currency add up. */
export function bridgeTable(report: Bridge): ReportTable {
  const head = [
    'period',
    'provider',
    'billing_currency',
    'step',
    'billed_cost',
    'effective_cost',
    'difference',
    'lines',
  ];
  const rows = report.rows.flatMap((row): Cell[][] => {
    const place: Cell[] = [report.period.id, row.provider, row.billingCurrency];
    const line = (step: string, ...values: readonly (string | number | null)[]): Cell[] => [
      ...place,
      step,
      ...figures(...values),
    ];
    return [
      ...row.steps.map((one) => line(one.step, one.billedCost, one.effectiveCost, one.difference, one.lines)),
      line('billed', row.billedCost, row.effectiveCost, null, null),
      line('chargedElsewhere', null, row.chargedElsewhere, null, null),
      line('billedElsewhere', null, row.billedElsewhere, null, null),
      line('reported', null, row.reportedCost, null, null),
    ];
  });
  return framed({ name: 'bridge', head, rows }, report);
}
