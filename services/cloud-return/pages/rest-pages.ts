/** The unattributed, drift, alerts, comments and method as sections. */
import type { DriftEpisode } from '../../drift/drift-episodes.ts';
import type { CloudReturn } from '../shape.ts';
import { commentLines } from './first-page.ts';
import { sentence } from '../wording.ts';
import { asFigure, asPercent, footingTo, type PageSection, placesFor, podNamer } from './page-table.ts';

export function unattributedSection({ unattributed, currency, summary }: CloudReturn): PageSection {
  const places = placesFor(summary.figures.cost);
  const { rows, rest, verified, claimed, owner } = unattributed;
  const cost = footingTo([...rows.map((row) => row.cost), rest], unattributed.cost, places);
  return {
    title: 'Unattributed',
    lead: [
      `Owner: ${owner ?? 'nobody has approved an envelope of the unattributed, so nobody answers for it'}.`,
      `Value that belongs to no pod: ${asFigure(verified, places)} ${currency} verified, ${asFigure(claimed, places)} ${currency} claimed.`,
    ],
    table: {
      heads: ['service', `cost ${currency}`, 'in every month since', 'months'],
      figures: [1, 3],
      rows: [
        ...rows.map((row, index) => [
          `${row.serviceName ?? 'no service named'}${row.providerName === null ? '' : ` (${row.providerName})`}`,
          cost.parts[index] ?? '',
          row.since ?? 'n/a',
          String(row.months),
        ]),
        ['everything else', cost.parts.at(-1) ?? '', '', ''],
        ['total', cost.total, '', ''],
      ],
      totals: 1,
    },
    notes: [],
  };
}

export function driftSection({ drift, pods }: CloudReturn): PageSection {
  const nameOf = podNamer(pods);
  const rows = drift.map((one) => [
    nameOf(one.podId),
    one.since,
    one.endedOn ?? 'open',
    `${asFigure(one.perMonth, 0)} ${one.currency}`,
    servicesOf(one),
  ]);
  return {
    title: 'Drift against what was approved',
    lead: rows.length === 0 ? ['No pod drifted above what was approved.'] : [],
    table:
      rows.length === 0
        ? null
        : {
            heads: ['pod', 'since', 'until', 'above it, a month', 'through'],
            figures: [3],
            rows,
            totals: 0,
          },
    notes: [],
  };
}

function servicesOf({ services }: DriftEpisode): string {
  const [first, ...others] = services.map(({ serviceName }) => serviceName ?? 'no service named');
  if (first === undefined) return '';
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

export function alertSection({ alerts }: CloudReturn): PageSection {
  const {
    crossings,
    sent,
    actedOn,
    precision,
    clearedByRestatement,
    escalated,
    held,
    failed,
    waiting,
    quietPodMonths,
    podMonths,
    quietRate,
  } = alerts;
  return {
    title: 'Alerts',
    lead: [],
    table: {
      heads: ['', ''],
      figures: [1],
      rows: [
        ['crossings told', String(crossings)],
        ['messages sent', String(sent)],
        ['acted on', String(actedOn)],
        ['precision: acted on ÷ sent', asPercent(precision)],
        ['taken back by a restated bill', String(clearedByRestatement)],
        ['escalated', String(escalated)],
        ['held, failed, on their way', `${held}, ${failed}, ${waiting}`],
        ['months of pods that heard nothing', `${quietPodMonths} of ${podMonths} (${asPercent(quietRate)})`],
      ],
      totals: 0,
    },
    notes: [],
  };
}

/** In full, where somebody signed one. */
export function commentSection(found: CloudReturn): PageSection | null {
  if (found.summary.comments.every(({ notes }) => notes.length === 0)) return null;
  const lead = commentLines(found).map(({ pod, text, by }) => `${pod}: ${text} (${by})`);
  return { title: 'Comments', lead, table: null, notes: [] };
}

export function methodSection(found: CloudReturn): PageSection {
  const { method, dataAsOf, rulebook, costMetric, currency } = found;
  const statements = method.statements.map(({ period, statementId, state }) =>
    statementId === null ? `${period} ${state}` : `${period} statement ${statementId}`,
  );
  return {
    title: 'Method',
    lead: [],
    table: null,
    notes: [
      ...method.notes,
      `Data as of ${dataAsOf?.slice(0, 10) ?? 'n/a'}; rulebook ${rulebook}; ${costMetric} in ${currency}; made on ${found.madeOn}.`,
      `Quarters: ${statements.join(', ')}.`,
      sentence(method.returnScope),
    ],
  };
}
