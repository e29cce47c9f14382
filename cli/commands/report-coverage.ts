/** outturn report coverage and tag-hygiene: how much is attributed, what would catch the rest, and which tags nearly do. */
import type { Command } from 'commander';
import { COST_METRICS } from '../../services/attribution/rulebook.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageCsv, tagHygieneCsv } from '../../services/reports/coverage-csv.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { withExamples, withJson } from '../command.ts';
import { renderCoverage } from '../render/coverage.ts';
import { renderTagHygiene } from '../render/tag-hygiene.ts';
import { frameOf, type ReportOptions, runReport, withPeriod } from '../report-command.ts';

/** Adds both reports to `outturn report`. */
export function addCoverageReports(report: Command): void {
  const covered = withMeasure(
    report
      .command('coverage')
      .description('the attributed share by account and month, and rules that would catch the rest'),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const request = frameOf(runtime, options);
      await prepareConversions(runtime.db, request);
      const found = await coverage(runtime.db, request);
      return { found, csv: () => coverageCsv(found), table: () => renderCoverage(found) };
    }),
  );
  withExamples(withJson(covered), 'outturn report coverage --period 2026-09');

  const hygiene = withMeasure(
    report.command('tag-hygiene').description('tag keys and values that nearly say whose a cost is, with their money'),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const request = frameOf(runtime, options);
      await prepareConversions(runtime.db, request);
      const found = await tagHygiene(runtime.db, request);
      return { found, csv: () => tagHygieneCsv(found), table: () => renderTagHygiene(found) };
    }),
  );
  withExamples(withJson(hygiene), 'outturn report tag-hygiene --period 2026-09 --format csv > tags.csv');
}

function withMeasure(command: Command): Command {
  return withPeriod(command)
    .option('--metric <name>', `one of ${COST_METRICS.join(', ')} (default: the organisation’s)`)
    .option('--currency <code>', 'convert to this currency (default: the organisation’s)');
}
