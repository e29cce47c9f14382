/** Sources and what checking one found, for the terminal. */
import { describeFault } from '../../services/kernel/errors.ts';
import type { RunView } from '../../services/sources/list-runs.ts';
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
  const failures = sources.flatMap(({ sourceId, state, lastRun, refused, summary }) =>
    state === 'paused' || lastRun?.outcome === 'failed' || refused !== null
      ? [`${sourceId}: ${summary}`, ...renderFaults(lastRun)]
      : [],
  );
  return [textTable(head, rows, [6, 7]), ...failures].join('\n');
}

export function renderRuns(runs: readonly RunView[]): string {
  if (runs.length === 0) return 'It was not looked at yet.';
  const rows = runs.map(({ startedAt, finishedAt, reason, range, outcome, filesFetched, bytesFetched }) => [
    startedAt,
    finishedAt ?? '',
    range === null ? reason : `${reason} ${range.start}..${range.end}`,
    outcome ?? '',
    String(filesFetched),
    bytesFetched,
  ]);
  const notes = runs.flatMap(({ startedAt, waiting, error, ...run }) => [
    ...waiting.map((delivery) => `${startedAt}: not complete yet: ${delivery}`),
    ...(error === null ? [] : [`${startedAt}: ${error.message}`, ...renderFaults({ ...run, error })]),
  ]);
  return [textTable(['started', 'ended', 'asked by', 'result', 'files', 'bytes'], rows, [4, 5]), ...notes].join('\n');
}

/** The first says what the message says already. */
function renderFaults(run: Pick<RunView, 'error'> | null): string[] {
  const faults = run?.error?.faults ?? [];
  return faults.length < 2 ? [] : faults.map((fault) => `  ${describeFault(fault)}`);
}

export function renderChecks(
  checks: readonly { subject: string; state: keyof typeof MARKS; message: string }[],
): string {
  return checks.map(({ subject, state, message }) => `${MARKS[state]}  ${subject}: ${message}`).join('\n');
}
