/** Sources and what checking one found, for the terminal. */
import { describeFault } from '../../services/kernel/errors.ts';
import type { RunView } from '../../services/sources/list-runs.ts';
import type { SourceStatus } from '../../services/sources/list-sources.ts';
import { textTable } from './text-table.ts';

const MARKS = { ok: 'ok  ', note: 'note', wrong: 'FIX ' } as const;

const HEADS = [
  'source',
  'kind',
  'state',
  'latest',
  'finality',
  'delivered',
  'data as of',
  'lines',
  'BilledCost',
  'last look',
  'calls today',
  'next look',
];
const FIGURES = [7, 8];

/** A table, or where it is wider than the terminal one list for each source; under it what is at fault or waited for. */
export function renderSources(sources: readonly SourceStatus[], widthMax = Number.POSITIVE_INFINITY): string {
  if (sources.length === 0) {
    return 'There is no source yet. Add one to the organisation file ("sources:") and run "outturn apply", or name bills: outturn ingest bill.csv';
  }
  const rows = sources.map((source) => rowOf(source));
  const table = textTable(HEADS, rows, FIGURES);
  const isWide = table.split('\n').some((line) => line.length > widthMax);
  const notes = sources.flatMap(({ sourceId, state, lastRun, refused, summary }) =>
    state === 'paused' || lastRun?.outcome === 'failed' || refused !== null || (lastRun?.waiting ?? []).length > 0
      ? [`${sourceId}: ${summary}`, ...renderFaults(lastRun)]
      : [],
  );
  return [isWide ? rows.map((row) => listOf(row)).join('\n\n') : table, ...notes].join('\n');
}

function rowOf({ sourceId, kind, state, latest, lastRun, spentToday, nextRunAt }: SourceStatus): string[] {
  const { requests, amount } = spentToday;
  const isNew = state === 'waiting' && lastRun === null;
  return [
    sourceId,
    kind,
    state,
    latest?.billingPeriod ?? '',
    latest?.finality ?? '',
    minuteOf(latest?.deliveredAt ?? null),
    minuteOf(latest?.dataAsOf ?? null),
    latest?.rows ?? '',
    latest === null ? '' : latest.totals.map((total) => `${total.billedCost} ${total.billingCurrency}`).join(', '),
    lastRun?.outcome ?? '',
    requests === '0' ? '' : `${requests}${amount === '0' ? '' : `, ${amount} USD`}`,
    isNew ? 'at once' : minuteOf(nextRunAt),
  ];
}

/** What is known of one source, a line each. */
function listOf([sourceId = '', ...cells]: readonly string[]): string {
  const known = cells.flatMap((cell, index) => (cell === '' ? [] : [[HEADS[index + 1] ?? '', cell]]));
  return textTable([HEADS[0] ?? '', sourceId], known);
}

/** An instant to the minute, in UTC. */
function minuteOf(instant: string | null): string {
  return instant === null ? '' : `${instant.slice(0, 16).replace('T', ' ')}Z`;
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
