/** outturn report invoices and report bridge: the bills against the invoices, and from there to the reports. */
import type { Command } from 'commander';
import { bridge } from '../../services/reports/bridge.ts';
import { bridgeCsv, invoiceReportCsv } from '../../services/reports/invoice-csv.ts';
import { invoiceReport } from '../../services/reports/invoices.ts';
import { withExamples, withJson } from '../command.ts';
import { renderBridge, renderInvoiceReport } from '../render/invoices.ts';
import { frameOf, type ReportOptions, runReport, withPeriod } from '../report-command.ts';

/** Adds both to `report`. */
export function addInvoiceReports(report: Command): void {
  const invoices = withPeriod(
    report
      .command('invoices')
      .description(
        'invoice totals against the bills of every billing period that touches the period, and why they differ',
      ),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const found = await invoiceReport(runtime.db, frameOf(runtime, options));
      return { found, csv: () => invoiceReportCsv(found), table: () => renderInvoiceReport(found) };
    }),
  );
  withExamples(withJson(invoices), 'outturn report invoices --period 2026-09');

  const steps = withPeriod(
    report
      .command('bridge')
      .description('from the invoice’s BilledCost to the EffectiveCost of the reports, step by step'),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const found = await bridge(runtime.db, frameOf(runtime, options));
      return { found, csv: () => bridgeCsv(found), table: () => renderBridge(found) };
    }),
  );
  withExamples(withJson(steps), 'outturn report bridge --period 2026-09');
}
