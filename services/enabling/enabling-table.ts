/** What platform pods made possible, as a table: one row per platform pod and pod served, or one where it served none. */
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';
import type { EnablingReport } from './enabling-report.ts';

const HEAD = [
  [
    'period',
    'pod',
    'name',
    'portfolio',
    'return',
    'outcomes',
    'pods_served',
    'served_pod',
    'served_outcomes',
    'carries_share',
  ],
  ['time_to_productive', 'waiting_removed'],
].flat();

export function enablingTable({ period, pods }: EnablingReport): ReportTable {
  const rows = pods.flatMap((pod): Cell[][] => {
    const place = [
      period.id,
      pod.podId,
      pod.name,
      pod.portfolio,
      'n/a: enabling',
      ...figures(pod.outcomes, pod.served.length),
    ];
    const measured = [pod.timeToProductive.note, pod.waitingRemoved.note];
    if (pod.served.length === 0) return [[...place, null, null, null, ...measured]];
    return pod.served.map(({ podId, outcomes, carriesShare }) => [
      ...place,
      podId,
      ...figures(outcomes),
      carriesShare ? 'yes' : 'no',
      ...measured,
    ]);
  });
  return { name: 'enabling', head: HEAD, rows };
}
