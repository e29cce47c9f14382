/** outturn report invoices and report bridge: the bills against the invoices, and from there to the reports. */
import type { Command } from 'commander';
import { bridge } from '../../services/reports/bridge.ts';
import { bridgeTable, invoiceReportTable } from '../../services/reports/invoice-tables.ts';
import { invoiceReport } from '../../services/reports/invoices.ts';
import { type AsKnownOptions, readAsAsked, withAsKnown, withKnownLine } from '../as-known.ts';
import { withExamples, withJson } from '../command.ts';
import { renderBridge, renderInvoiceReport } from '../render/invoices.ts';
import { frameOf, type ReportOptions, runReport, withAsNow, withPeriod } from '../report-command.ts';

/** Adds both to `report`. */
export function addInvoiceReports(report: Command): void {
  const invoices = withAsKnown(
    withPeriod(
      report
        .command('invoices')
        .description(
          'invoice totals against the bills of every billing period that touches the period, and why they differ',
        ),
    ),
  ).action((options: ReportOptions & AsKnownOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, { ...options, needsCharges: true }, (db, at) =>
        invoiceReport(db, { ...frameOf(runtime, options), at }),
      );
      return {
        found,
        sheet: () => invoiceReportTable(found),
        table: () => withKnownLine(found, renderInvoiceReport(found)),
      };
    }),
  );
  withExamples(
    withJson(invoices),
    'outturn report invoices --period 2026-09',
    'outturn report invoices --period 2026-09 --as-known 2026-10-05',
  );

  const steps = withAsKnown(
    withAsNow(
      withPeriod(
        report
          .command('bridge')
          .description('from the invoice’s BilledCost to the EffectiveCost of the reports, step by step'),
      ),
    ),
  ).action((options: ReportOptions & AsKnownOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, { ...options, needsCharges: true }, (db, at) =>
        bridge(db, { ...frameOf(runtime, options), at }),
      );
      return { found, sheet: () => bridgeTable(found), table: () => withKnownLine(found, renderBridge(found)) };
    }),
  );
  withExamples(withJson(steps), 'outturn report bridge --period 2026-09');
}
