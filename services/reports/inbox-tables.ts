/** Finance's inbox and drift as CSV, in the form of the other reports. */
import type { PodDrift } from '../drift/list-drift.ts';
import type { InboxItem } from '../inbox/list-inbox.ts';
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';

/** One row per thing that waits, in the order of the list. */
export function inboxTable(items: readonly InboxItem[]): ReportTable {
  const head = [
    'kind',
    'id',
    'scope_kind',
    'scope',
    'period',
    'since',
    'amount',
    'currency',
    'amount_of',
    'sentence',
    'settle',
  ];
  const rows = items.map((item): Cell[] => [
    item.kind,
    item.id,
    item.scope?.kind ?? null,
    item.scope?.id ?? null,
    item.period,
    ...figures(item.since, item.amount),
    item.currency,
    item.amountOf,
    item.sentence,
    item.settle[0] ?? null,
  ]);
  return { name: 'inbox', head, rows };
}

/** One row per pod with an approved act. */
export function driftTable(drifts: readonly PodDrift[]): ReportTable {
  const head = [
    [
      'pod',
      'state',
      'through',
      'approved_on',
      'approved_by',
      'baseline_from',
      'baseline_until',
      'baseline_per_week',
      'per_week',
    ],
    ['change', 'currency', 'cost_metric', 'counts', 'since', 'found_on', 'per_month', 'note'],
  ].flat();
  const rows = drifts.map((one): Cell[] => [
    one.podId,
    one.state,
    ...figures(one.through, one.approved?.on ?? null),
    one.approved?.by ?? null,
    ...figures(one.baseline?.from ?? null, one.baseline?.until ?? null, one.baseline?.perWeek ?? null),
    ...figures(one.perWeek, one.change),
    one.currency,
    one.costMetric,
    one.counts,
    ...figures(one.since, one.foundOn, one.perMonth),
    one.note,
  ]);
  return { name: 'drift', head, rows };
}
