/** Usage metrics as a table, with what their splits leave to nobody; and what an import of quantities did, or would do. */
import type { QuantityImport } from '../../services/usage/import-quantities.ts';
import type { UsageMetric } from '../../services/usage/list-metrics.ts';
import { cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const RULES_WIDTH_MAX = 40;
const GAPS_SHOWN_MAX = 5;

export function renderMetrics(metrics: readonly UsageMetric[]): string {
  if (metrics.length === 0) return 'No usage metric. Import quantities with `outturn metrics import FILE.csv`.';
  const rows = metrics.map((metric) => [
    metric.metricId,
    metric.unit ?? '',
    metric.grain ?? '',
    metric.from ?? '',
    metric.until ?? '',
    String(metric.pods),
    metric.total,
    cutTo(metric.rules.join(', '), RULES_WIDTH_MAX),
  ]);
  const table = textTable(['metric', 'unit', 'by', 'from', 'until', 'pods', 'total', 'rules'], rows, [5, 6]);
  return [table, ...metrics.flatMap(notesOf)].join('\n');
}

function notesOf(metric: UsageMetric): string[] {
  const notes = [];
  if (metric.quantities === 0)
    notes.push(`${metric.metricId} has no quantities: what it shares falls to unattributed.`);
  const gaps = metric.gaps.slice(0, GAPS_SHOWN_MAX).map(({ from, until }) => `${from}..${until}`);
  const hidden = metric.gaps.length - gaps.length;
  if (gaps.length > 0) {
    notes.push(
      `${metric.metricId} has no quantities for ${gaps.join(', ')}${hidden > 0 ? ` and ${hidden} more stretches` : ''}.`,
    );
  }
  const left = metric.uncarried.map(
    ({ ruleId, month, billingCurrency, effectiveCost }) =>
      `Rule ${ruleId} leaves ${effectiveCost} ${billingCurrency} of ${month} to nobody: no pod it may share with has a quantity.`,
  );
  return [...notes, ...left];
}

export function renderQuantityImport(result: QuantityImport): string {
  const would = result.dryRun ? 'Dry run, nothing was written. It would be: ' : '';
  const counts = `${result.added} added, ${result.changed} changed, ${result.withdrawn} withdrawn, ${result.unchanged} unchanged.`;
  const metrics = result.metrics.map(
    ({ metricId, unit, isNew, from, until }) =>
      `  ${metricId} (${unit})${isNew ? ', a new metric' : ''}: ${from} to ${until}, end exclusive`,
  );
  const rebuilt =
    result.rebuiltMonths.length === 0 ? [] : [`Shared cost split anew: ${result.rebuiltMonths.join(', ')}.`];
  return [`${would}${counts}`, ...metrics, ...rebuilt].join('\n');
}
