/**
 * Writes crossings down: one alert each, and one message per scope for those that crossed together. Alert and message exist
 * together, in the transaction of the figure that crossed; the key (envelope, episode, rung) makes a second one impossible.
 */
import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Freshness } from '../envelopes/data-freshness.ts';
import type { EnvelopeFigure } from '../envelopes/envelope-figures.ts';
import type { AlertReason } from '../envelopes/state-machine.ts';
import { compare, type Decimal, decimal } from '../kernel/decimal.ts';
import { composeMessage } from './compose-message.ts';
import { type CrossingDetails, readCrossingDetails } from './message-facts.ts';
import { comparePeriods, messageFacts } from './message-parts.ts';

const LIMIT = decimal('1');

/** One crossing that the state machine found. */
export interface Crossing {
  readonly figure: EnvelopeFigure;
  readonly actual: Decimal;
  readonly freshness: Freshness;
  readonly episode: number;
  readonly rung: Decimal;
  readonly delivery: 'pending' | 'held' | 'suppressed';
  readonly reason: AlertReason;
  /** The envelope is closed by the same evaluation: the alert begins closed. */
  readonly isOver: boolean;
}

interface DetailedCrossing {
  readonly alertId: string;
  readonly crossing: Crossing;
  readonly details: CrossingDetails;
}

/** Writes alerts and their messages. Crossings of one scope with the same delivery share a message that names each. */
export async function recordCrossings(trx: Transaction<DB>, crossings: readonly Crossing[], at: Date): Promise<void> {
  if (crossings.length === 0) return;
  const details = await readCrossingDetails(trx, crossings);
  const detailed = crossings.flatMap((crossing, index): DetailedCrossing[] => {
    const found = details[index];
    return found === undefined ? [] : [{ alertId: randomUUID(), crossing, details: found }];
  });
  // Periods that are over are told to nobody; each keeps a message of its own, so that it can be read by itself.
  const groups = Map.groupBy(detailed, ({ alertId, crossing: { figure, delivery, reason } }) =>
    JSON.stringify([
      figure.scope.kind,
      figure.scope.id,
      delivery,
      delivery === 'suppressed' ? alertId : null,
      delivery === 'held' && reason === 'rules',
    ]),
  );
  const messages = [...groups.values()].map((group) => draftMessage(group, at));
  await dropOvertaken(trx, crossings);
  await insertMessages(trx, messages);
  await insertAlerts(trx, messages, at);
}

interface MessageDraft {
  readonly id: string;
  readonly group: readonly DetailedCrossing[];
  readonly row: Readonly<Record<string, unknown>>;
}

function draftMessage(unsorted: readonly DetailedCrossing[], at: Date): MessageDraft {
  const group = unsorted.toSorted((a, b) => comparePeriods(a.crossing.figure, b.crossing.figure));
  const [first] = group;
  if (first === undefined) throw new Error('a message without a crossing');
  const { figure, delivery } = first.crossing;
  const { text, blocks } = composeMessage(messageFacts(group, []));
  const id = randomUUID();
  return {
    id,
    group,
    row: {
      id,
      state: delivery,
      scope_kind: figure.scope.kind,
      scope_id: figure.scope.id,
      alert_id: first.alertId,
      is_urgent: group.some(({ crossing }) => compare(crossing.rung, LIMIT) >= 0),
      text,
      blocks,
      next_attempt_at: delivery === 'pending' ? at : null,
      created_at: at,
    },
  };
}

/**
 * A higher rung crossed while the message about a lower one was still waiting: the pod hears of the higher one only. What was ever
 * tried to be sent, or speaks of another envelope too, stays.
 */
async function dropOvertaken(trx: Transaction<DB>, crossings: readonly Crossing[]): Promise<void> {
  const spoken = crossings
    .filter(({ delivery }) => delivery === 'pending')
    .map(({ figure, episode }) => ({ envelope_id: figure.envelopeId, episode }));
  if (spoken.length === 0) return;
  await sql`
    update message set state = 'suppressed', next_attempt_at = null
    where state = 'pending' and attempts = 0 and claimed_until is null and kind = 'crossing'
      and id in (
        select alert.message_id from alert join jsonb_to_recordset(${JSON.stringify(spoken)}::jsonb)
          as higher (envelope_id bigint, episode integer) on higher.envelope_id = alert.envelope_id and higher.episode = alert.episode
      )
      and not exists (
        select from alert as other where other.message_id = message.id and not exists (
          select from jsonb_to_recordset(${JSON.stringify(spoken)}::jsonb) as higher (envelope_id bigint, episode integer)
          where higher.envelope_id = other.envelope_id and higher.episode = other.episode
        )
      )
  `.execute(trx);
}

async function insertMessages(trx: Transaction<DB>, messages: readonly MessageDraft[]): Promise<void> {
  await sql`
    insert into message (id, kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at)
    select id, 'crossing', state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at
    from jsonb_to_recordset(${JSON.stringify(messages.map(({ row }) => row))}::jsonb) as draft (id uuid, state text,
      scope_kind text, scope_id text, alert_id uuid, is_urgent boolean, text text, blocks jsonb, next_attempt_at timestamptz,
      created_at timestamptz)
  `.execute(trx);
}

async function insertAlerts(trx: Transaction<DB>, messages: readonly MessageDraft[], at: Date): Promise<void> {
  const rows = messages.flatMap(({ id, group }) =>
    group.map(({ alertId, crossing: { figure, actual, isOver, ...crossing } }) => ({
      id: alertId,
      envelope_id: figure.envelopeId,
      version: figure.version,
      episode: crossing.episode,
      rung: crossing.rung,
      reason: crossing.reason,
      episode_state: isOver ? 'closed' : 'open',
      actual,
      envelope_limit: figure.limit,
      currency: figure.currency,
      data_as_of: figure.dataAsOf,
      message_id: id,
    })),
  );
  await sql`
    insert into alert (id, envelope_id, version, episode, rung, reason, episode_state, actual, envelope_limit, currency,
      data_as_of, message_id, created_at, ended_at)
    select id, envelope_id, version, episode, rung, reason, episode_state, actual, envelope_limit, currency, data_as_of,
      message_id, ${at.toISOString()}::timestamptz,
      case when episode_state = 'closed' then ${at.toISOString()}::timestamptz end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as draft (id uuid, envelope_id bigint, version integer,
      episode integer, rung text, reason text, episode_state text, actual numeric, envelope_limit numeric, currency text,
      data_as_of timestamptz, message_id uuid)
  `.execute(trx);
}
