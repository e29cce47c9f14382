/** The outbox and its history as a table: each crossing, where its message stands, and why one did not arrive. */
import type { ListedAlert } from '../../services/alerts/list-alerts.ts';
import { asMoney, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const SCOPE_WIDTH_MAX = 24;
const ERROR_WIDTH_MAX = 24;
const ACTS_MAX = 10;
/** What is done about an alert whose message does not go on by itself. */
const ACTS: ReadonlyMap<string, string> = new Map([
  ['failed', 'retry'],
  ['unknown', 'retry'],
  ['held', 'release'],
]);

export function renderAlerts(alerts: readonly ListedAlert[]): string {
  if (alerts.length === 0) return 'No alert: nothing has come near its envelope.';
  const rows = alerts.map((alert) => [
    alert.createdAt.slice(0, 10),
    cutTo(alert.scope.id === null ? alert.scope.kind : `${alert.scope.kind} ${alert.scope.id}`, SCOPE_WIDTH_MAX),
    alert.period,
    alert.rung,
    asMoney(alert.actual),
    asMoney(alert.limit),
    alert.currency,
    alert.state,
    alert.episodeState,
    cutTo(alert.error ?? '', ERROR_WIDTH_MAX),
  ]);
  const heads = ['created', 'scope', 'period', 'rung', 'actual', 'limit', 'cur', 'delivery', 'episode', 'error'];
  return [textTable(heads, rows, [3, 4, 5]), ...whatToDo(alerts)].join('\n');
}

/** The command for each alert that waits for somebody, the newest first. */
function whatToDo(alerts: readonly ListedAlert[]): string[] {
  const waiting = alerts.filter(({ state }) => ACTS.has(state)).toReversed();
  if (waiting.length === 0) return [];
  const lines = waiting.slice(0, ACTS_MAX).map(({ alertId, scope, period, state }) => {
    const about = `${scope.id === null ? scope.kind : `${scope.kind} ${scope.id}`}, ${period}: ${state}`;
    return `outturn alerts ${ACTS.get(state) ?? ''} ${alertId}   # ${about}`;
  });
  const further = waiting.length - lines.length;
  return ['', 'These wait for somebody:', ...lines, ...(further > 0 ? [`… and ${further} more`] : [])];
}
