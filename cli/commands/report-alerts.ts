/** outturn report alerts: how quiet and how right the alerts of a period were, and the drifts that nobody but finance was told of. */
import type { Command } from 'commander';
import { alertsReport, alertsReportTable } from '../../services/reports/alerts-report.ts';
import { withExamples, withJson } from '../command.ts';
import { renderAlertsReport } from '../render/inbox.ts';
import { type ReportOptions, runReport, withPeriod } from '../report-command.ts';

/** Adds the report to `outturn report`. */
export function addAlertsReport(report: Command): void {
  const command = withPeriod(
    report.command('alerts').description('alerts sent, acted on and taken back; pods that heard nothing; slow drift'),
  ).action((options: ReportOptions) =>
    runReport(options, async ({ db }) => {
      const found = await alertsReport(db, { period: options.period });
      return { found, sheet: () => alertsReportTable(found), table: () => renderAlertsReport(found) };
    }),
  );
  withExamples(
    withJson(command),
    'outturn report alerts --period 2026-Q3',
    'outturn report alerts --period 2026-Q3 --format csv',
  );
}
