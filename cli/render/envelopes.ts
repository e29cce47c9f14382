/** Envelopes as a table: what was approved, what is used of it, and where it stands; then what portfolios have left. */
import type { ListedEnvelope } from '../../services/envelopes/list-envelopes.ts';
import { compare, ZERO } from '../../services/kernel/decimal.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { asMoney, asPercent, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const SCOPE_WIDTH_MAX = 28;

export function renderEnvelopes(envelopes: readonly ListedEnvelope[]): string {
  if (envelopes.length === 0) return 'No envelope, and no pod with cost.';
  const rows = envelopes.flatMap((one) =>
    one.spent.length > 1 ? one.spent.map((spent) => rowOf(one, [spent])) : [rowOf(one, one.spent)],
  );
  const held = envelopes.flatMap((one) =>
    one.held === null ? [] : [`${one.scope.id ?? one.scope.kind}: ${one.held}`],
  );
  const notes = [...new Set([...envelopes.flatMap(describeHeadroom), ...held])];
  const heads = ['scope', 'period', 'limit', 'actual', 'cur', 'used', 'state', 'rung', 'counts', 'data as of', 'id'];
  return [textTable(heads, rows, [2, 3, 5, 7]), ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

/** `pod checkout`, `organisation`. */
export function nameOfScope({ kind, id }: EnvelopeScope): string {
  return cutTo(id === null ? kind : `${kind} ${id}`, SCOPE_WIDTH_MAX);
}

function rowOf(one: ListedEnvelope, [spent]: ListedEnvelope['spent']): (string | null)[] {
  const actual = spent?.cost ?? one.actual;
  return [
    nameOfScope(one.scope),
    one.period,
    one.limit === null ? null : asMoney(one.limit),
    actual === null ? null : asMoney(actual),
    spent?.billingCurrency ?? one.currency ?? '',
    asPercent(one.used),
    one.state,
    one.rung ?? '',
    one.counts ?? '',
    one.dataAsOf?.slice(0, 10) ?? '',
    one.envelopeId ?? '',
  ];
}

function describeHeadroom(one: ListedEnvelope): string[] {
  if (one.scope.kind !== 'portfolio' || one.limit === null) return [];
  const scope = `${nameOfScope(one.scope)} ${one.period}`;
  if (one.approvedForPods === null || one.headroom === null) {
    return [`${scope}: what is approved for its pods needs exchange rates to ${one.currency ?? ''} that are missing.`];
  }
  const approved = `${asMoney(one.approvedForPods)} of ${asMoney(one.limit)} ${one.currency ?? ''} approved for its pods`;
  return compare(one.headroom, ZERO) < 0
    ? [`${scope}: ${approved}: more than it has, by ${asMoney(one.headroom).replace('-', '')}.`]
    : [`${scope}: ${approved}, ${asMoney(one.headroom)} left.`];
}
