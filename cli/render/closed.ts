/** What tables of reports say about closed periods: by which statement they answer, and the same report as now known below. */
import type { ReportState } from '../../services/reports/report-frame.ts';

/** A line under a report over closed days; none where nothing of it is closed. */
export function closedLines(report: { readonly state: ReportState; readonly statementId: string | null }): string[] {
  if (report.state === 'open') return [];
  if (report.state === 'mixed') return ['Closed months are as their statements have them, the others as now known.'];
  return [report.statementId === null ? 'As closed.' : `As closed by statement ${report.statementId}.`];
}

/** The report and, where it was asked for, the same as now known. */
export function withNow<Report extends { readonly asNow?: Report }>(
  report: Report,
  render: (report: Report) => string,
): string {
  return report.asNow === undefined
    ? render(report)
    : [render(report), '', 'As now known:', '', render(report.asNow)].join('\n');
}
