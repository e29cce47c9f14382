/** outturn report coverage and tag-hygiene: how much is attributed, what would catch the rest, and which tags nearly do. */
import type { Command } from 'commander';
import { COST_METRICS } from '../../services/attribution/rulebook.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageTable, tagHygieneTable } from '../../services/reports/coverage-tables.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { type AsKnownOptions, readAsAsked, withAsKnown, withKnownLine } from '../as-known.ts';
import { withExamples, withJson } from '../command.ts';
import { renderCoverage } from '../render/coverage.ts';
import { renderTagHygiene } from '../render/tag-hygiene.ts';
import { frameOf, type ReportOptions, runReport, withAsNow, withPeriod } from '../report-command.ts';

/** Adds both reports to `outturn report`. */
export function addCoverageReports(report: Command): void {
  const covered = withAsNow(
    withMeasure(
      report
        .command('coverage')
        .description('the attributed share by account and month, and rules that would catch the rest'),
    ),
  ).action((options: ReportOptions & AsKnownOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, { ...options, needsCharges: true }, async (db, at) => {
        const request = { ...frameOf(runtime, options), at };
        await prepareConversions(db, request);
        return coverage(db, request);
      });
      return { found, sheet: () => coverageTable(found), table: () => withKnownLine(found, renderCoverage(found)) };
    }),
  );
  withExamples(withJson(covered), 'outturn report coverage --period 2026-09');

  const hygiene = withMeasure(
    report.command('tag-hygiene').description('tag keys and values that nearly say whose a cost is, with their money'),
  ).action((options: ReportOptions & AsKnownOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, { ...options, needsCharges: true }, async (db, at) => {
        const request = { ...frameOf(runtime, options), at };
        await prepareConversions(db, request);
        return tagHygiene(db, request);
      });
      return { found, sheet: () => tagHygieneTable(found), table: () => withKnownLine(found, renderTagHygiene(found)) };
    }),
  );
  withExamples(withJson(hygiene), 'outturn report tag-hygiene --period 2026-09 --format csv > tags.csv');
}

function withMeasure(command: Command): Command {
  return withAsKnown(withPeriod(command))
    .option('--metric <name>', `one of ${COST_METRICS.join(', ')} (default: the organisation’s)`)
    .option('--currency <code>', 'convert to this currency (default: the organisation’s)');
}
