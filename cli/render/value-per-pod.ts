/**
 * Value per pod as a table: columns add up to their totals, and what a pod pays directly plus its share is its cost. Under it stand
 * the coverage of the return, what it leaves out, and what the figures rest on.
 */
import { add, decimal, subtract } from '../../services/kernel/decimal.ts';
import { addDays } from '../../services/kernel/period.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { ValuePerPod, ValuePerPodRow } from '../../services/reports/compose-value.ts';
import { asMoney, asPercent, asReturn, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const POD_WIDTH_MAX = 24;

export function renderValuePerPod(report: ValuePerPod): string {
  const { pods, unattributed, total } = report;
  const cost = roundParts([...pods.map((pod) => pod.cost.total), unattributed.cost]);
  const shared = roundParts(pods.map((pod) => pod.cost.shared));
  const verified = roundParts([...pods.map((pod) => pod.value.verified), unattributed.verified]);
  const claimed = roundParts([...pods.map((pod) => pod.value.claimed), unattributed.claimed]);
  const at = (column: { parts: readonly string[] }, index: number) => column.parts[index] ?? '0.00';
  // What is printed as direct is the printed cost less the printed share, so that every row adds up too.
  const direct = (index: number) => asMoney(subtract(decimal(at(cost, index)), decimal(at(shared, index))));
  const rows = pods.map((pod, index) => [
    cutTo(pod.podId, POD_WIDTH_MAX),
    direct(index),
    withThousands(at(shared, index)),
    withThousands(at(cost, index)),
    withThousands(at(verified, index)),
    withThousands(at(claimed, index)),
    returnOf(pod),
    envelopeOf(pod),
  ]);
  const rest = pods.length;
  rows.push([
    'unattributed',
    '',
    '',
    withThousands(at(cost, rest)),
    withThousands(at(verified, rest)),
    withThousands(at(claimed, rest)),
    '',
    '',
  ]);
  const podsTotal = subtract(decimal(cost.total), decimal(at(cost, rest)));
  rows.push([
    'total',
    asMoney(subtract(podsTotal, decimal(shared.total))),
    withThousands(shared.total),
    withThousands(cost.total),
    withThousands(verified.total),
    withThousands(claimed.total),
    asReturn(total.returnOnTotal),
    '',
  ]);
  const heads = ['pod', 'direct', 'shared', `cost ${report.currency}`, 'verified', 'claimed', 'return', 'envelope'];
  return [textTable(heads, rows, [1, 2, 3, 4, 5, 6, 7]), '', ...footnotes(report)].join('\n');
}

function returnOf(pod: ValuePerPodRow): string {
  return pod.returnNote === 'enabling' ? 'n/a: enabling' : asReturn(pod.return);
}

function envelopeOf(pod: ValuePerPodRow): string {
  return pod.envelope === null ? 'n/a' : `${asPercent(pod.envelope.used)} ${pod.envelope.state}`;
}

function footnotes(report: ValuePerPod): string[] {
  const { period, total, coverage, method } = report;
  const through = period.through === null ? 'no day of it is complete yet' : `complete through ${period.through}`;
  const isOpen = period.through === null || addDays(period.through, 1) !== period.end;
  const estimated = report.pods.reduce((sum, pod) => add(sum, pod.cost.estimated), decimal('0'));
  const sentence = `${method[0]?.toUpperCase() ?? ''}${method.slice(1)}.`;
  return [
    total.return === null
      ? `No verified return yet; ${asPercent(coverage.cost)} of the cost is attributed. ${sentence}`
      : `Verified return ${asReturn(total.return)} on attributed cost (${asPercent(coverage.cost)} of all); pods with a verified outcome carry ${asPercent(coverage.joined)} of all cost.`,
    ...(total.return === null ? [] : [sentence]),
    ...(estimated === '0' ? [] : [`Estimated, billing open: ${asMoney(estimated)} of the pods' cost.`]),
    `${period.id}${isOpen ? ` (open, ${through})` : ''}: ${report.costMetric} in ${report.currency}, revenue as ${report.revenueBasis}, rulebook ${report.rulebook}, data as of ${report.dataAsOf ?? 'n/a'}.`,
  ];
}
