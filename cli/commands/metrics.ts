/** outturn metrics: what usage metrics are known, and quantities from a sheet, all or nothing. */
import { type Command, Option } from 'commander';
import { metricsCsv } from '../../services/reports/metric-csv.ts';
import { importQuantities } from '../../services/usage/import-quantities.ts';
import { listMetrics } from '../../services/usage/list-metrics.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderMetrics, renderQuantityImport } from '../render/metrics.ts';
import { withRuntime } from '../runtime.ts';
import { addSheetImport } from '../sheet-import.ts';

export function metricsCommand(program: Command): void {
  const metrics = program.command('metrics').description('usage metrics that splits go by, and their quantities');
  const list = metrics
    .command('list', { isDefault: true })
    .description('each metric: unit, span, pods, gaps, and the rules that split by it')
    .addOption(new Option('--format <format>', 'how to print it').choices(['table', 'json', 'csv']).default('table'))
    .action(async (options: { format: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn metrics' }, async (runtime) => {
        const listed = await listMetrics(runtime.db);
        if (options.json === true || options.format === 'json') printJson(listed);
        else if (options.format === 'csv') process.stdout.write(metricsCsv(listed));
        else printText(renderMetrics(listed));
      });
    });
  withExamples(withJson(list), 'outturn metrics', 'outturn metrics list --format csv > metrics.csv');
  addSheetImport(metrics, {
    noun: 'metrics',
    description: 'import quantities by pod and day or month, all or nothing; importing them again changes nothing',
    argument: 'CSV: metric,unit,pod,period,quantity; a period is a day (2026-09-14) or a month (2026-09)',
    examples: ['outturn metrics import requests.csv --dry-run', 'outturn metrics import requests.csv --json'],
    take: ({ db }, sheet) => importQuantities(db, sheet),
    render: renderQuantityImport,
  });
}
