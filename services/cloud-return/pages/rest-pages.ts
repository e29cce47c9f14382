/** Decisions, the unattributed, drift, alerts, comments and method as sections. */
import type { DriftEpisode } from '../../drift/drift-episodes.ts';
import type { CloudReturn } from '../shape.ts';
import { commentLines, decisionLine } from './first-page.ts';
import { sentence } from '../wording.ts';
import { asFigure, asPercent, footingTo, type PageSection, placesFor, podNamer, withThousands } from './page-table.ts';

export function unattributedSection({ unattributed, currency, summary }: CloudReturn): PageSection {
  const places = placesFor(summary.figures.cost);
  const { rows, rest, verified, claimed, owner } = unattributed;
  const cost = footingTo([...rows.map((row) => row.cost), rest], unattributed.cost, places);
  return {
    title: 'Unattributed',
    lead: [
      `Owner: ${owner === null ? 'nobody has approved an envelope of the unattributed, so nobody answers for it' : `${owner}, who approved its envelope`}.`,
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
            heads: ['pod', 'since', 'until', 'above, a month', 'most by'],
            figures: [3],
            rows,
            totals: 0,
          },
    notes: [
      'A pod drifts when its median week costs more than 8 % above what one cost when its envelope was last approved; the envelope itself need not be used up.',
    ],
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
    suppressed,
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
        ['thresholds of envelopes crossed, and told', String(crossings)],
        ['messages sent about them', String(sent)],
        ['acted on: answered, or a raise asked for', String(actedOn)],
        ['precision: acted on ÷ sent', asPercent(precision)],
        ['taken back, for the bill was restated', String(clearedByRestatement)],
        ['escalated, for nobody answered', String(escalated)],
        ['on their way', String(waiting)],
        ['held for finance', String(held)],
        ['failed to arrive', String(failed)],
        ['told to nobody', String(suppressed)],
        ['months of pods without a message', `${quietPodMonths} of ${podMonths} (${asPercent(quietRate)})`],
      ],
      totals: 0,
    },
    notes: [],
  };
}

export const DECISIONS_TITLE = 'Decisions asked, one by one';

/** Each in a sentence, where there is one. */
export function decisionSection({ summary: { decisions, figures } }: CloudReturn): PageSection | null {
  if (decisions.length === 0) return null;
  const places = placesFor(figures.cost);
  const lead = decisions.flatMap((decision) => {
    const { items, count } = decision;
    const more = count > items.length ? [`• and ${withThousands(String(count - items.length))} more`] : [];
    return [`${decisionLine(decision, places)}.`, ...items.map((item) => `• ${item.sentence}`), ...more];
  });
  return { title: DECISIONS_TITLE, lead, table: null, notes: [] };
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
      `Data as of ${dataAsOf?.slice(0, 10) ?? 'n/a'}; rules of rulebook ${rulebook}; ${costMetric} in ${currency}; made on ${found.madeOn}.`,
      `Quarters: ${statements.join(', ')}.`,
      sentence(method.returnScope),
    ],
  };
}
