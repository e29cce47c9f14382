/** Envelopes as a table: what was approved, what is used of it, and where it stands. */
import type { ListedEnvelope } from '../../services/envelopes/list-envelopes.ts';
import { asMoney, asPercent, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const SCOPE_WIDTH_MAX = 28;

export function renderEnvelopes(envelopes: readonly ListedEnvelope[]): string {
  if (envelopes.length === 0) return 'No envelope, and no pod with cost.';
  const rows = envelopes.map((one) => [
    cutTo(one.scope.id === null ? one.scope.kind : `${one.scope.kind} ${one.scope.id}`, SCOPE_WIDTH_MAX),
    one.period,
    one.limit === null ? null : asMoney(one.limit),
    one.actual === null ? null : asMoney(one.actual),
    one.currency ?? '',
    asPercent(one.used),
    one.state,
    one.rung ?? '',
    one.counts ?? '',
    one.dataAsOf?.slice(0, 10) ?? '',
  ]);
  const held = envelopes.flatMap((one) =>
    one.held === null ? [] : [`${one.scope.id ?? one.scope.kind}: ${one.held}`],
  );
  const heads = ['scope', 'period', 'limit', 'actual', 'cur', 'used', 'state', 'rung', 'counts', 'data as of'];
  return [textTable(heads, rows, [2, 3, 5, 7]), ...(held.length === 0 ? [] : ['', ...new Set(held)])].join('\n');
}
