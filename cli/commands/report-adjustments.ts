/** outturn report adjustments: corrections of closed months, where they are booked and why. */
import type { Command } from 'commander';
import { adjustments } from '../../services/periods/adjustments.ts';
import { adjustmentsTable } from '../../services/periods/adjustments-table.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { type AsKnownOptions, readAsAsked, withAsKnown, withKnownLine } from '../as-known.ts';
import { withExamples, withJson } from '../command.ts';
import { renderAdjustments } from '../render/adjustments.ts';
import { frameOf, type ReportOptions, runReport, withPeriod } from '../report-command.ts';

/** Adds the report to `outturn report`. */
export function addAdjustmentsReport(report: Command): void {
  const command = withAsKnown(
    withPeriod(
      report
        .command('adjustments')
        .description('corrections of closed months, booked in the open one, with their causes'),
    ),
  ).action((options: ReportOptions & AsKnownOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, options, async (db, at) => {
        const request = { ...frameOf(runtime, options), at };
        await prepareConversions(db, request);
        return adjustments(db, request);
      });
      return {
        found,
        sheet: () => adjustmentsTable(found),
        table: () => withKnownLine(found, renderAdjustments(found)),
      };
    }),
  );
  withExamples(withJson(command), 'outturn report adjustments --period 2026-10');
}
