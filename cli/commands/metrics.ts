/** outturn metrics: what usage metrics are known, and quantities from a sheet, all or nothing. */
import type { Command } from 'commander';
import { metricsTable } from '../../services/reports/metric-table.ts';
import { importQuantities } from '../../services/usage/import-quantities.ts';
import { listMetrics } from '../../services/usage/list-metrics.ts';
import { withExamples, withJson } from '../command.ts';
import { type FormOptions, printReport, withForm } from '../printed-form.ts';
import { renderMetrics, renderQuantityImport } from '../render/metrics.ts';
import { withRuntime } from '../runtime.ts';
import { addSheetImport } from '../sheet-import.ts';

export function metricsCommand(program: Command): void {
  const metrics = program.command('metrics').description('usage metrics that splits go by, and their quantities');
  const list = withForm(metrics.command('list', { isDefault: true }))
    .description('each metric: unit, span, pods, gaps, and the rules that split by it')
    .action(async (options: FormOptions) => {
      await withRuntime({ applicationName: 'outturn metrics' }, async (runtime) => {
        const listed = await listMetrics(runtime.db);
        await printReport(options, {
          found: listed,
          sheet: () => metricsTable(listed),
          table: () => renderMetrics(listed),
        });
      });
    });
  withExamples(withJson(list), 'outturn metrics', 'outturn metrics list --format csv > metrics.csv');
  addSheetImport(metrics, {
    noun: 'metrics',
    description: 'import quantities by pod and day or month, all or nothing; importing them again changes nothing',
    argument: 'CSV or XLSX: metric,unit,pod,period,quantity; a period is a day (2026-09-14) or a month (2026-09)',
    examples: ['outturn metrics import requests.csv --dry-run', 'outturn metrics import requests.csv --json'],
    take: ({ db }, sheet) => importQuantities(db, sheet),
    render: renderQuantityImport,
  });
}
