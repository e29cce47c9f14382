/** Usage metrics as CSV, in the form of the other reports: one row per metric, its gaps and rules as counts and words. */
import type { UsageMetric } from '../usage/list-metrics.ts';
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';

const HEAD = ['metric', 'unit', 'grain', 'from', 'until', 'pods', 'quantities', 'total', 'gaps', 'rules'];

/** Gaps are counted; the JSON form lists them. */
export function metricsTable(metrics: readonly UsageMetric[]): ReportTable {
  const rows = metrics.map((metric): Cell[] => [
    metric.metricId,
    metric.unit,
    metric.grain,
    ...figures(metric.from, metric.until, metric.pods, metric.quantities, metric.total, metric.gaps.length),
    metric.rules.join(' '),
  ]);
  return { name: 'metrics', head: HEAD, rows };
}
