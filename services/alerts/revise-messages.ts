/**
 * Posts say how it is: a message whose envelope's figure, limit or episode moved, or that somebody acknowledged, is composed again and,
 * where it says something else, kept as its next revision. Delivery rewrites the post in place; a second one is never made.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { freshnessOf, readSourceReach } from '../envelopes/data-freshness.ts';
import { type EnvelopeFigure, readEnvelopeFigures } from '../envelopes/envelope-figures.ts';
import { readEnvelopeStates } from '../envelopes/envelope-states.ts';
import type { AlertReason, EnvelopeState } from '../envelopes/state-machine.ts';
import { compare, type Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { composeMessage, type MessageAct } from './compose-message.ts';
import { type CrossingDetails, readCrossingDetails } from './message-facts.ts';
import { comparePeriods, messageFacts, type ToldCrossing } from './message-parts.ts';
import type { Crossing } from './record-crossings.ts';

/** Of these envelopes' alerts: those that are open, and those that ended at this very instant. */
export async function reviseMessages(trx: Transaction<DB>, envelopeIds: readonly string[], at: Date): Promise<void> {
  if (envelopeIds.length === 0) return;
  const alerts = await readAlerts(trx, envelopeIds, at);
  const told = await readCrossings(trx, alerts, at);
  const states = await readEnvelopeStates(trx, [...new Set(alerts.map((alert) => alert.envelope_id))]);
  const revised = [...Map.groupBy(told, ({ alert }) => alert.message_id)].flatMap(([id, group]) => {
    const [first] = group;
    if (first === undefined) return [];
    const sorted = group.toSorted((a, b) => comparePeriods(a.crossing.figure, b.crossing.figure));
    const { text, blocks } = composeMessage(messageFacts(sorted, actsOf(sorted, states)));
    return text === first.alert.text ? [] : [{ id, text, blocks }];
  });
  await storeRevisions(trx, revised, at);
}

interface AlertRow {
  readonly message_id: string;
  readonly text: string;
  readonly envelope_id: string;
  readonly episode: number;
  readonly rung: Decimal;
  readonly reason: AlertReason;
  readonly episode_state: 'open' | 'cleared' | 'closed';
  readonly actual: Decimal;
  readonly envelope_limit: Decimal;
}

/** Every alert of the messages concerned: one may tell of envelopes that did not move. */
async function readAlerts(trx: Transaction<DB>, envelopeIds: readonly string[], at: Date): Promise<AlertRow[]> {
  const { rows } = await sql<AlertRow>`
    select alert.message_id, message.text, alert.envelope_id, alert.episode, alert.rung, alert.reason, alert.episode_state,
      trim_scale(alert.actual) as actual, trim_scale(alert.envelope_limit) as envelope_limit
    from alert join message on message.id = alert.message_id
    where message.kind = 'crossing' and message.state in ('pending', 'sending', 'unknown', 'sent', 'held')
      and message.id in (
        select moved.message_id from alert as moved
        where moved.envelope_id = any (${[...envelopeIds]}::bigint[])
          and (moved.episode_state = 'open' or moved.ended_at = ${at.toISOString()}))
    order by alert.message_id, alert.envelope_id
  `.execute(trx);
  return rows;
}

interface ToldAlert extends ToldCrossing {
  readonly alert: AlertRow;
}

async function readCrossings(trx: Transaction<DB>, alerts: readonly AlertRow[], at: Date): Promise<ToldAlert[]> {
  if (alerts.length === 0) return [];
  const envelopeIds = [...new Set(alerts.map((alert) => alert.envelope_id))];
  const figures = await readEnvelopeFigures(trx, { envelopeIds });
  const sources = await readSourceReach(trx);
  const found = alerts.flatMap((alert) => {
    const figure = figures.find(({ envelopeId }) => envelopeId === alert.envelope_id);
    const crossing = figure === undefined ? null : crossingOf(alert, figure, sources, at);
    return crossing === null ? [] : [{ alert, crossing }];
  });
  const details: (CrossingDetails | undefined)[] = await readCrossingDetails(
    trx,
    found.map(({ crossing }) => crossing),
  );
  return found.flatMap(({ alert, crossing }, index) => {
    const detail = details[index];
    if (detail === undefined) return [];
    const told = { actual: alert.actual, limit: alert.envelope_limit };
    return [{ alert, crossing, details: detail, told, state: alert.episode_state }];
  });
}

/** Null where the figure waits for an exchange rate: the post keeps the one it has. */
function crossingOf(
  alert: AlertRow,
  figure: EnvelopeFigure,
  sources: Parameters<typeof freshnessOf>[0],
  at: Date,
): Crossing | null {
  if (figure.actual === null) return null;
  return {
    figure,
    actual: figure.actual,
    freshness: freshnessOf(sources, { start: figure.periodStart, end: figure.periodEnd }, at),
    episode: alert.episode,
    rung: alert.rung,
    delivery: 'pending',
    reason: alert.reason,
    isOver: alert.episode_state === 'closed',
  };
}

/** What people did about the open ones, each once. */
function actsOf(group: readonly ToldAlert[], states: ReadonlyMap<string, EnvelopeState>): MessageAct[] {
  const acts = group.flatMap(({ alert }): MessageAct[] => {
    const state = states.get(alert.envelope_id);
    if (state === undefined || alert.episode_state !== 'open') return [];
    const { acknowledged, snooze } = state;
    const isSeen = acknowledged !== null && compare(acknowledged.rung, alert.rung) >= 0;
    const isSnoozed = snooze !== null && compare(snooze.rung, alert.rung) >= 0;
    return [
      ...(isSeen ? [{ kind: 'acknowledged', by: acknowledged.by, day: utcDate(acknowledged.at) } as const] : []),
      ...(isSnoozed ? [{ kind: 'snoozed', by: snooze.by, day: utcDate(snooze.until) } as const] : []),
    ];
  });
  return [...new Map(acts.map((act) => [JSON.stringify(act), act])).values()];
}

/** What was never tried to be sent needs no revision: it goes out as it is now. */
async function storeRevisions(
  trx: Transaction<DB>,
  revised: readonly { id: string; text: string; blocks: readonly unknown[] }[],
  at: Date,
): Promise<void> {
  if (revised.length === 0) return;
  await sql`
    update message set text = revised.text, blocks = revised.blocks,
      revision = message.revision + case when message.attempts > 0 then 1 else 0 end,
      next_attempt_at = case when message.state = 'sent' then ${at.toISOString()}::timestamptz else message.next_attempt_at end,
      revised_at = ${at.toISOString()}, edit_error = null
    from jsonb_to_recordset(${JSON.stringify(revised)}::jsonb) as revised (id uuid, text text, blocks jsonb)
    where message.id = revised.id
  `.execute(trx);
}
