/** Sources and what checking one found, for the terminal. */
import type { SourceStatus } from '../../services/sources/list-sources.ts';
import { textTable } from './text-table.ts';

const MARKS = { ok: 'ok  ', note: 'note', wrong: 'FIX ' } as const;

export function renderSources(sources: readonly SourceStatus[]): string {
  if (sources.length === 0) {
    return 'There is no source yet. Add one to the organisation file ("sources:") and run "outturn apply", or name bills: outturn ingest bill.csv';
  }
  const rows = sources.map(({ sourceId, kind, state, latest, lastRun, spentToday, nextRunAt }) => [
    sourceId,
    kind,
    state,
    latest?.billingPeriod ?? '',
    latest?.finality ?? '',
    latest?.dataAsOf ?? '',
    latest?.rows ?? '',
    latest === null ? '' : latest.totals.map((total) => `${total.billedCost} ${total.billingCurrency}`).join(', '),
    lastRun?.outcome ?? '',
    spentToday.amount === '0' ? '' : `${spentToday.amount} USD`,
    nextRunAt ?? '',
  ]);
  const head = [
    'source',
    'kind',
    'state',
    'latest',
    'finality',
    'data as of',
    'lines',
    'BilledCost',
    'last look',
    'spent today',
    'next look',
  ];
  const failures = sources.flatMap(({ sourceId, state, lastRun, summary }) =>
    state === 'paused' || lastRun?.outcome === 'failed' ? [`${sourceId}: ${summary}`] : [],
  );
  return [textTable(head, rows, [6, 7]), ...failures].join('\n');
}

export function renderChecks(
  checks: readonly { subject: string; state: keyof typeof MARKS; message: string }[],
): string {
  return checks.map(({ subject, state, message }) => `${MARKS[state]}  ${subject}: ${message}`).join('\n');
}
