/** What a plan does to envelopes, as a table: how far each is used now and would be, and the alerts that applying would hold or send. */
import type { EnvelopeMoved, EnvelopesMoved, EnvelopeStanding } from '../../services/envelopes/move-envelopes.ts';
import { asMoney, asPercent, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const SCOPE_WIDTH_MAX = 28;
const DELIVERY_WORDS = {
  held: 'held for finance',
  pending: 'sent',
  suppressed: 'told to nobody: the period is over',
} as const;

/** To be put under the money of a plan; empty where no envelope moves. */
export function envelopeLines({ envelopes }: { readonly envelopes: EnvelopesMoved }): string {
  const text = renderEnvelopes(envelopes);
  return text === '' ? '' : `\n\n${text}`;
}

function renderEnvelopes({ listed, leftOut, otherwiseUsed }: EnvelopesMoved): string {
  const others = [
    ...(leftOut === 0 ? [] : [`${leftOut} more change: --json has the first ones only`]),
    ...(otherwiseUsed === 0 ? [] : [`${otherwiseUsed} more are used otherwise and stay on their rung`]),
  ];
  if (listed.length === 0) return others.length === 0 ? '' : `Envelopes: ${others.join('; ')}.`;
  const rows = listed.map((one) => [
    cutTo(one.scope.id === null ? one.scope.kind : `${one.scope.kind} ${one.scope.id}`, SCOPE_WIDTH_MAX),
    one.period,
    limitOf(one),
    (one.to ?? one.from)?.currency ?? '',
    usedOf(one.from),
    usedOf(one.to),
    `${stateOf(one.from)} → ${stateOf(one.to)}`,
    one.alerts.map(({ rung, delivery }) => `${asPercent(rung)}: ${DELIVERY_WORDS[delivery]}`).join(', '),
  ]);
  const heads = ['envelope', 'period', 'limit', 'cur', 'used', 'then', 'state', 'alert'];
  const table = textTable(heads, rows, [2, 4, 5]);
  return others.length === 0 ? table : `${table}\n… and ${others.join('; ')}.`;
}

function limitOf({ from, to }: EnvelopeMoved): string {
  const [former, next] = [from, to].map((one) => (one === null ? null : asMoney(one.limit)));
  if (former === null || next === null || former === next) return next ?? former ?? '';
  return `${former ?? ''} → ${next ?? ''}`;
}

function usedOf(standing: EnvelopeStanding | null): string {
  return standing === null ? '' : (asPercent(standing.used) ?? '');
}

function stateOf(standing: EnvelopeStanding | null): string {
  return standing?.state ?? 'none';
}
