/** outturn report: value per pod, costs and reconciliation, as table, JSON or CSV. */
import { type Command, InvalidArgumentError } from 'commander';
import { COST_METRICS } from '../../services/attribution/rulebook.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { costsTable, reconciliationTable, valuePerPodTable } from '../../services/reports/report-tables.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { type AsKnownOptions, readAsAsked, withAsKnown, withKnownLine } from '../as-known.ts';
import { withExamples, withJson } from '../command.ts';
import { renderCosts } from '../render/costs.ts';
import { renderReconciliation } from '../render/reconciliation.ts';
import { renderValuePerPod } from '../render/value-per-pod.ts';
import { frameOf, type ReportOptions as CommonOptions, runReport, withAsNow, withPeriod } from '../report-command.ts';
import { addAdjustmentsReport } from './report-adjustments.ts';
import { addAlertsReport } from './report-alerts.ts';
import { addCloudReturnReport } from './report-cloud-return.ts';
import { addCoverageReports } from './report-coverage.ts';
import { addEnablingReport } from './report-enabling.ts';
import { addInvoiceReports } from './report-invoices.ts';

interface ReportOptions extends CommonOptions, AsKnownOptions {
  readonly portfolio?: string;
  readonly withPredecessors?: boolean;
  readonly detail?: boolean;
  readonly by: readonly string[];
  readonly where: readonly string[];
}

export function reportCommand(program: Command): void {
  const report = program
    .command('report')
    .description('what the spend returned, where it went, and that it equals the bill');

  const value = withAsKnown(
    withAsNow(withPeriod(report.command('value-per-pod').description('cost, verified value and return of every pod'))),
  )
    .option('--portfolio <id>', 'only the days on which pods belonged to this portfolio')
    .option('--with-predecessors', 'let successors stand for the pods they succeeded')
    .option(
      '--detail',
      'value by basis, age of claims, confidence, cost per outcome, return since the start, retractions',
    )
    .option('--metric <name>', `one of ${COST_METRICS.join(', ')} (default: the organisation’s)`)
    .option('--currency <code>', 'convert to this currency (default: the organisation’s)')
    .action((options: ReportOptions) =>
      runReport(options, async (runtime) => {
        const found = await readAsAsked(runtime, options, async (db, at) => {
          const request = {
            ...frameOf(runtime, options),
            at,
            ...(options.portfolio === undefined ? {} : { portfolio: options.portfolio }),
            ...(options.withPredecessors === true ? { withPredecessors: true } : {}),
            ...(options.detail === true ? { detail: true } : {}),
          };
          await prepareConversions(db, request);
          return valuePerPod(db, request);
        });
        return {
          found,
          sheet: () => valuePerPodTable(found),
          table: () => withKnownLine(found, renderValuePerPod(found)),
        };
      }),
    );
  withExamples(
    withJson(value),
    'outturn report value-per-pod --period 2026-Q3',
    'outturn report value-per-pod --period 2026-Q3 --detail',
    'outturn report value-per-pod --period 2026-08 --as-now',
    'outturn report value-per-pod --period 2026-Q3 --as-known 2026-10-05',
    'outturn report value-per-pod --period 2026-09 --format csv > september.csv',
  );

  const explorer = withAsKnown(
    withAsNow(withPeriod(report.command('costs').description('the cost explorer: all four costs by any dimensions'))),
  )
    .option(
      '--by <dimensions>',
      'comma-separated: pod, portfolio, rule, source, day, month, serviceName, tag.<key>, …',
      list,
      ['pod'],
    )
    .option('--where <filter>', 'dim=value, dim!=value or dim~glob; repeat for several', collect, [])
    .option('--currency <code>', 'convert to this currency; "billing" converts nothing')
    .action((options: ReportOptions) =>
      runReport(options, async (runtime) => {
        const found = await readAsAsked(runtime, options, async (db, at) => {
          const request = { ...frameOf(runtime, options), at, by: options.by, where: options.where };
          if (options.currency !== 'billing') await prepareConversions(db, request);
          return costs(db, request);
        });
        return { found, sheet: () => costsTable(found), table: () => withKnownLine(found, renderCosts(found)) };
      }),
    );
  withExamples(
    withJson(explorer),
    'outturn report costs --period 2026-09 --by pod,serviceName',
    'outturn report costs --period 2026-Q3 --by tag.application --where provider=AWS --currency billing',
  );

  const bill = withAsKnown(
    withAsNow(
      withPeriod(
        report.command('reconciliation').description('bill against attribution, exactly, by source and billing period'),
      ),
    ),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const found = await readAsAsked(runtime, options, (db, at) =>
        reconciliation(db, { ...frameOf(runtime, options), at }),
      );
      return {
        found,
        sheet: () => reconciliationTable(found),
        table: () => withKnownLine(found, renderReconciliation(found)),
      };
    }),
  );
  withExamples(
    withJson(bill),
    'outturn report reconciliation --period 2026-09',
    'outturn report reconciliation --period 2026-Q3 --as-now',
  );

  addInvoiceReports(report);
  addCoverageReports(report);
  addEnablingReport(report);
  addAdjustmentsReport(report);
  addAlertsReport(report);
  addCloudReturnReport(report);
}

function list(value: string): string[] {
  const names = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Name at least one dimension, such as pod.');
  return names;
}

function collect(value: string, former: readonly string[]): string[] {
  return [...former, value];
}
