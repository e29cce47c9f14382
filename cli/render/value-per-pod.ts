/**
 * Value per pod as a table: columns add up to their totals, and what a pod pays directly plus its share is its cost. Under it stand
 * the coverage of the return, what it leaves out, and what the figures rest on. Where it was asked for, what is known now stands beside.
 */
import { add, type Decimal, decimal, isZero, subtract, ZERO } from '../../services/kernel/decimal.ts';
import { addDays } from '../../services/kernel/period.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { ValuePerPod, ValuePerPodRow } from '../../services/reports/compose-value.ts';
import { asMoney, asPercent, asReturn, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';
import { renderValueDetail } from './value-detail.ts';

const POD_WIDTH_MAX = 24;

/** `stands`: false for the report of a statement that closes nothing, prepared or discarded. */
export function renderValuePerPod(report: ValuePerPod, { stands = true } = {}): string {
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
  const table = textTable(heads, rows, [1, 2, 3, 4, 5, 6, 7]);
  const asNow = report.asNow === undefined ? [] : ['', ...renderAsNow(report, report.asNow)];
  return [table, ...asNow, '', ...renderValueDetail(report), ...footnotes(report, stands)].join('\n');
}

/** As stated beside as now known: both columns of each figure add up, and so does what lies between them. */
function renderAsNow(stated: ValuePerPod, known: ValuePerPod): string[] {
  const ids = [...new Set([...stated.pods, ...known.pods].map((pod) => pod.podId))].sort((left, right) =>
    left < right ? -1 : 1,
  );
  const column = (report: ValuePerPod, figure: (pod: ValuePerPodRow) => Decimal, rest: Decimal) => {
    const byPod = new Map(report.pods.map((pod) => [pod.podId, figure(pod)]));
    return roundParts([...ids.map((id) => byPod.get(id) ?? ZERO), rest]);
  };
  const costOf = (report: ValuePerPod) => column(report, (pod) => pod.cost.total, report.unattributed.cost);
  const verifiedOf = (report: ValuePerPod) => column(report, (pod) => pod.value.verified, report.unattributed.verified);
  const pairs = [
    [costOf(stated), costOf(known)],
    [verifiedOf(stated), verifiedOf(known)],
  ] as const;
  const rowOf = (name: string, cell: (of: { parts: readonly string[]; total: string }) => string) => [
    name,
    ...pairs.flatMap(([was, now]) => [
      withThousands(cell(was)),
      withThousands(cell(now)),
      asMoney(subtract(decimal(cell(now)), decimal(cell(was)))),
    ]),
  ];
  const rows = [...ids.map((id) => cutTo(id, POD_WIDTH_MAX)), 'unattributed'].map((name, index) =>
    rowOf(name, (of) => of.parts[index] ?? '0.00'),
  );
  rows.push(rowOf('total', (of) => of.total));
  const heads = ['pod', 'cost as stated', 'as now known', 'moved', 'verified as stated', 'as now known', 'moved'];
  return [textTable(heads, rows, [1, 2, 3, 4, 5, 6])];
}

function returnOf(pod: ValuePerPodRow): string {
  return pod.returnNote === 'enabling' ? 'n/a: enabling' : asReturn(pod.return);
}

function envelopeOf(pod: ValuePerPodRow): string {
  return pod.envelope === null ? 'n/a' : `${asPercent(pod.envelope.used)} ${pod.envelope.state}`;
}

function footnotes(report: ValuePerPod, stands: boolean): string[] {
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
    ...adjustmentsOf(report),
    ...(estimated === '0' ? [] : [`Estimated, billing open: ${asMoney(estimated)} of the pods' cost.`]),
    `${period.id}${stateNote(report, stands, isOpen ? ` (open, ${through})` : '')}: ${report.costMetric} in ${report.currency}, revenue as ${report.revenueBasis}, rulebook ${report.rulebook}, data as of ${report.dataAsOf ?? 'n/a'}.`,
  ];
}

/** Closed periods say by which statement; mixed ones that they are. */
function stateNote({ state, statementId }: ValuePerPod, stands: boolean, openNote: string): string {
  if (state === 'open') return openNote;
  if (state === 'mixed') return ` (closed in part${openNote === '' ? '' : `, ${openNote.slice(' ('.length, -1)}`})`;
  if (!stands) return ` (not closed, statement ${statementId})`;
  return statementId === null ? ' (closed)' : ` (closed, statement ${statementId})`;
}

function adjustmentsOf({ pods, unattributed, total, period }: ValuePerPod): string[] {
  const parts = [...pods.map((pod) => pod.adjustments), unattributed.adjustments];
  if (parts.every(({ cost, value }) => isZero(cost) && isZero(value))) return [];
  const { cost, value } = total.adjustments;
  const loose = isZero(unattributed.adjustments.cost)
    ? ''
    : `, ${asMoney(unattributed.adjustments.cost)} of the cost unattributed`;
  return [
    `Corrections of closed months booked here, in no figure above: ${asMoney(cost)} of cost and ${asMoney(value)} of verified value${loose} (outturn report adjustments --period ${period.id}).`,
  ];
}
