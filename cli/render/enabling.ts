/** What platform pods made possible, in the terminal. */
import type { EnablingReport } from '../../services/enabling/enabling-report.ts';
import { textTable } from './text-table.ts';

const SERVED_SHOWN_MAX = 6;

export function renderEnabling({ period, pods, statementId }: EnablingReport): string {
  if (pods.length === 0) return `No platform pod was active in ${period.id}.`;
  const rows = pods.map(({ podId, served, outcomes, timeToProductive, waitingRemoved }) => {
    const names = served.slice(0, SERVED_SHOWN_MAX).map((one) => one.podId);
    const more = served.length - names.length;
    return [
      podId,
      'n/a: enabling',
      String(served.length),
      String(outcomes),
      `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      timeToProductive.note,
      waitingRemoved.note,
    ];
  });
  const heads = ['pod', 'return', 'pods served', 'outcomes', 'served', 'time to productive', 'waiting removed'];
  return `${period.id}, ${statementId === null ? 'as now known' : `as closed, statement ${statementId}`}\n${textTable(heads, rows, [2, 3])}`;
}
