/**
 * What "Open" shows to one person: the envelopes that a post tells of, how they stand, who approved what, and what was asked for. Everything
 * stands in Slack itself, so that it leads nowhere that its reader cannot go.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type EnvelopeHistory, type ListedVersion, readEnvelopeHistory } from '../envelopes/list-versions.ts';
import type { RaiseRequest } from '../envelopes/raise-rows.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { formatDay, formatMoney, formatPeriod, formatShare } from './format-figures.ts';
import { context, header, section } from './slack-blocks.ts';
import { escapeForeign } from './slack-text.ts';

/** Envelopes, versions of each and raises of each that are shown, the newest. */
const ENVELOPES_MAX = 5;
const LINES_MAX = 8;
const REASON_LENGTH_MAX = 200;

export interface OpenedEnvelope {
  readonly scopeName: string;
  readonly actual: Decimal | null;
  readonly dataAsOf: Date | null;
  readonly history: EnvelopeHistory;
}

/** All that the alert's message tells of, the shortest period first; empty where there is no such alert. */
export async function readOpenedEnvelopes(db: Kysely<DB>, alertId: string, at: Date): Promise<OpenedEnvelope[]> {
  const { rows } = await sql<OpenedRow>`
    select envelope.id, case envelope.scope_kind when 'unattributed' then 'Unattributed' else coalesce(pod.name, portfolio.name, organisation.name) end as scope_name, trim_scale(state.actual) as actual, state.data_as_of
    from envelope
    cross join organisation
    left join envelope_state as state on state.envelope_id = envelope.id
    left join pod on envelope.scope_kind = 'pod' and pod.id = envelope.scope_id
    left join portfolio on envelope.scope_kind = 'portfolio' and portfolio.id = envelope.scope_id
    where envelope.id in (
      select other.envelope_id from alert join alert as other on other.message_id = alert.message_id where alert.id::text = ${alertId})
    order by envelope.period_end, envelope.period_start desc, envelope.id limit ${ENVELOPES_MAX}
  `.execute(db);
  const opened: OpenedEnvelope[] = [];
  for (const row of rows) {
    const history = await readEnvelopeHistory(db, row.id, at);
    opened.push({ scopeName: row.scope_name, actual: row.actual, dataAsOf: row.data_as_of, history });
  }
  return opened;
}

interface OpenedRow {
  id: string;
  scope_name: string;
  actual: Decimal | null;
  data_as_of: Date | null;
}

interface EnvelopeView {
  readonly type: 'modal';
  readonly title: object;
  readonly close: object;
  readonly blocks: readonly object[];
}

/** As a modal, without anything to fill in. */
export function envelopeView(opened: readonly OpenedEnvelope[]): EnvelopeView {
  return {
    type: 'modal',
    title: { type: 'plain_text', text: opened.length === 1 ? 'Envelope' : 'Envelopes' },
    close: { type: 'plain_text', text: 'Close' },
    blocks: opened.flatMap(envelopeBlocks),
  };
}

function envelopeBlocks({ scopeName, actual, dataAsOf, history }: OpenedEnvelope): object[] {
  const newest = history.versions.at(-1);
  if (newest === undefined) return [];
  const title = `${scopeName}, ${formatPeriod(history.period).name}`;
  const money = formatMoney(newest.limit, newest.currency, newest.limit);
  const standing =
    actual === null
      ? `${money}; nothing is known of it yet.`
      : `${formatMoney(actual, newest.currency, newest.limit)} of ${money} (${formatShare(actual, newest.limit)}).`;
  const counted =
    history.counts === 'controlled' ? 'direct cost and the shared cost it owns' : 'direct cost and its share';
  const data = dataAsOf === null ? '' : ` Data as of ${formatDay(utcDate(dataAsOf))}.`;
  const raises = history.raises.slice(0, LINES_MAX).map((raise) => describeRaise(raise, newest));
  return [
    header(title),
    section(`${standing}${data}\nCounts ${newest.costMetric}: ${counted}.`),
    section(['*Approved*', ...history.versions.toReversed().slice(0, LINES_MAX).map(describeVersion)].join('\n')),
    ...(raises.length === 0 ? [] : [section(['*Raises asked for*', ...raises].join('\n'))]),
    context(`Lines, rules and rates behind it: \`${explainCommand(history)}\``),
  ];
}

function describeVersion({
  limit,
  currency,
  method,
  approvedBy,
  approvedOn,
  approval,
  patterns,
}: ListedVersion): string {
  const by = approvedBy === null ? 'written down without an approval' : `approved by ${escapeForeign(approvedBy)}`;
  const reference = approval === null ? '' : ` (${escapeForeign(approval)})`;
  const how = patterns.length > 0 ? 'with a pattern, ' : method === 'asserted' ? 'in the organisation file, ' : '';
  return `• ${formatMoney(limit, currency, limit)}: ${how}${by} on ${formatDay(approvedOn)} ${approvedOn.slice(0, 4)}${reference}`;
}

function describeRaise(raise: RaiseRequest, { currency, limit }: ListedVersion): string {
  const { requestedBy, reason, state, decidedBy } = raise;
  const answer = state === 'pending' ? 'waits for a decision' : `${state} by ${escapeForeign(decidedBy ?? '')}`;
  return `• to ${formatMoney(raise.limit, currency, limit)} by ${escapeForeign(requestedBy)}, ${answer}: ${escapeForeign(reason, REASON_LENGTH_MAX)}`;
}

function explainCommand({ scope, period }: EnvelopeHistory): string {
  return scope.kind === 'pod'
    ? `outturn explain --pod ${escapeForeign(scope.id)} --period ${period}`
    : `outturn report costs --period ${period} --by pod,serviceName`;
}
