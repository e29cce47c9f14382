/** The inbox, drift and the report of alerts for a terminal: what waits in a sentence, with the command that settles it. */
import type { PodDrift } from '../../services/drift/list-drift.ts';
import { describeDrift } from '../../services/inbox/money-items.ts';
import type { InboxItem } from '../../services/inbox/list-inbox.ts';
import type { AlertsReport } from '../../services/reports/alerts-report.ts';
import { asMoney, asPercent, asReturn, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const SENTENCE_WIDTH_MAX = 240;

/** Things of one kind alone, where `kind` says which. */
export function renderInbox(items: readonly InboxItem[], kind?: string): string {
  if (items.length === 0) {
    if (kind !== undefined) return `Nothing of the kind ${kind} waits.`;
    return 'Nothing waits: every alert was delivered, every figure is there, and no pod drifts.';
  }
  return items
    .map((item) => {
      const money = item.amount === null ? '' : `  ${asMoney(item.amount)} ${item.currency} ${item.amountOf}`;
      const since = item.since === null ? '' : `  since ${item.since.slice(0, 10)}`;
      const [first = ''] = item.settle;
      return `${item.kind}${since}${money}\n  ${cutTo(printable(item.sentence), SENTENCE_WIDTH_MAX)}\n  ${printable(first)}`;
    })
    .join('\n\n');
}

export function renderDrifts(drifts: readonly PodDrift[]): string {
  if (drifts.length === 0)
    return 'No pod has an approved baseline: there is no activation and no approved envelope of a pod.';
  const rows = drifts.map((one) => [
    cutTo(one.podId, 28),
    one.state,
    one.approved?.on ?? '',
    one.baseline === null ? null : asMoney(one.baseline.perWeek),
    one.perWeek === null ? null : asMoney(one.perWeek),
    one.currency ?? '',
    asPercent(one.change),
    one.since ?? '',
    one.perMonth === null ? '' : asMoney(one.perMonth),
  ]);
  const heads = ['pod', 'state', 'approved', 'baseline/week', 'now/week', 'cur', 'change', 'since', 'more a month'];
  return textTable(heads, rows, [3, 4, 6, 8]);
}

export function renderDrift(one: PodDrift): string {
  if (one.note !== null) return `${one.podId}: ${one.state}. ${printable(one.note)}`;
  const sentence =
    one.state === 'drifting'
      ? describeDrift(one)
      : `The pod ${one.podId} costs what was approved on ${one.approved?.on}, ${asPercent(one.change)} off its baseline.`;
  return [
    printable(sentence),
    `Baseline: ${one.baseline?.perWeek} ${one.currency} a week, ${one.baseline?.from} to ${one.baseline?.until} (exclusive). ` +
      `Now: ${one.perWeek} a week, through ${one.through}.`,
  ].join('\n');
}

export function renderAlertsReport(report: AlertsReport): string {
  const rows = [
    ['crossings told', String(report.crossings)],
    ['messages sent', String(report.sent)],
    ['messages per crossing', asReturn(report.messagesPerCrossing)],
    ['acted on', String(report.actedOn)],
    ['precision (acted on ÷ sent)', asPercent(report.precision)],
    ['cleared by restatement', String(report.clearedByRestatement)],
    ['escalated', String(report.escalated)],
    ['held for finance, failed, on their way', `${report.held}, ${report.failed}, ${report.waiting}`],
    ['pod-months without a message', `${report.quietPodMonths} of ${report.podMonths}`],
    ['quiet rate', asPercent(report.quietRate)],
  ];
  const drifts = report.drift.map((one) => [
    cutTo(one.podId, 28),
    one.since,
    one.foundOn,
    one.endedOn ?? 'open',
    asMoney(one.perMonth),
    one.currency,
    cutTo(one.services[0]?.serviceName ?? '', 28),
  ]);
  const drifting =
    drifts.length === 0
      ? ['No pod drifted.']
      : [textTable(['drift of', 'since', 'found', 'until', 'more a month', 'cur', 'service'], drifts, [4])];
  return [textTable([`alerts of ${report.period.id}`, ''], rows, [1]), '', ...drifting].join('\n');
}

/** Foreign text must not write to the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
