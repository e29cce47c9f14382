/**
 * The outbox's steps as statements. A message is claimed and marked before it is sent, and both are committed: what a killed
 * process leaves behind says that it may have been sent. Claims go one at a time, so that a channel's pace holds across workers.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { CLAIM_LOCK } from '../kernel/advisory-locks.ts';

/** About one message per second and channel is what Slack allows; a little more apart is safe. */
export const CHANNEL_PACE_MS = 1_100;
/** Longer than any call may take: past it the process is dead or has lost its right to the message. */
export const CLAIM_MS = 60_000;

export type MessageKind =
  | 'crossing'
  | 'delivery-failure'
  | 'escalation'
  | 'held-notice'
  | 'raise-request'
  | 'raise-answer'
  | 'operator-notice'
  | 'ending'
  | 'evidence-broken';

export interface ClaimedMessage {
  readonly id: string;
  /** sending: to be sent now; unknown: to be looked for in its channel first; sent: to be rewritten where it stands. */
  readonly state: 'sending' | 'unknown' | 'sent';
  readonly kind: MessageKind;
  /** A destination (see kernel/destination.ts). */
  readonly channel: string;
  /** Where it stands already; null before it was sent. */
  readonly ts: string | null;
  /** The post whose thread it belongs to. */
  readonly threadTs: string | null;
  /** The message it answers. */
  readonly answersId: string | null;
  /** Which revision text and blocks are. */
  readonly revision: number;
  readonly alertId: string;
  readonly isUrgent: boolean;
  readonly text: string;
  readonly blocks: readonly unknown[];
  readonly attempts: number;
  /** When it was first tried, or would have been if its server had not been known to be down. */
  readonly firstAttemptAt: Date;
  /** When what it says came about. */
  readonly happenedAt: Date;
}

/**
 * Where a message goes now; null where neither its scope nor finance has a channel. A tried one stays with its channel; what answers one that
 * could not be delivered goes to finance, who was told of it.
 */
const channelOf = sql`
  case when message.state in ('unknown', 'sent') then message.channel
    when answered.state = 'failed' then organisation.finance_channel
    when message.reply_to_message_id is not null then answered.channel
    when message.destination is not null then message.destination
    when message.kind in ('delivery-failure', 'held-notice') then organisation.finance_channel
    when message.kind = 'operator-notice' then coalesce(organisation.operators_channel, organisation.finance_channel)
    else coalesce(pod.slack_channel, portfolio.slack_channel, organisation.finance_channel) end`;

/** The message that another answers is looked up by its id, and only there: a join that may be planned anew would read the whole outbox. */
const messageWithChannel = sql`
  message cross join organisation
  left join pod on message.scope_kind = 'pod' and pod.id = message.scope_id
  left join portfolio on message.scope_kind = 'portfolio' and portfolio.id = message.scope_id
  left join lateral (
    select one.channel, one.slack_ts, one.state, one.next_attempt_at from message as one where one.id = message.reply_to_message_id offset 0
  ) as answered on true`;

/** To be sent or looked for once its thread is there, or surely or for all that anybody knows never will be; or standing in its channel with another text than it should have. */
const hasWork = sql`(
  message.state in ('pending', 'unknown') or message.state = 'sent' and message.delivered_revision < message.revision)
  and (message.state = 'sent' or message.reply_to_message_id is null or answered.state in ('sent', 'failed')
    or answered.state = 'unknown' and answered.next_attempt_at is null)`;

/** What a process left in `sending` past its claim may or may not be in the channel. */
export async function markAbandoned(db: Kysely<DB>, now: Date): Promise<void> {
  await sql`
    update message set state = 'unknown', next_attempt_at = ${now.toISOString()}, claimed_until = null,
      error = 'the process ended while sending'
    where state = 'sending' and claimed_until <= ${now.toISOString()}
  `.execute(db);
}

/** Says on every message without a channel what is missing. */
export async function markWithoutChannel(db: Kysely<DB>): Promise<void> {
  await sql`
    update message set error = 'no channel: set channel of ' || concat_ws(' ', scope_kind, scope_id) || ', or channels.finance'
    where state = 'pending' and id in (
      select message.id from ${messageWithChannel} where message.state = 'pending' and ${channelOf} is null)
      and error is distinct from 'no channel: set channel of ' || concat_ws(' ', scope_kind, scope_id) || ', or channels.finance'
  `.execute(db);
}

/** Every channel that something is to be done in, now or later. */
export async function readWaitingChannels(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ channel: string }>`
    select distinct ${channelOf} as channel from ${messageWithChannel} where ${hasWork} and ${channelOf} is not null
  `.execute(db);
  return rows.map(({ channel }) => channel);
}

/** Says on every message for these channels why it waits; one that waits for a person keeps its own reason. */
export async function markUnserved(
  db: Kysely<DB>,
  unserved: readonly { readonly channel: string; readonly missing: string }[],
): Promise<void> {
  if (unserved.length === 0) return;
  await sql`
    update message set error = unserved.missing
    from jsonb_to_recordset(${JSON.stringify(unserved)}::jsonb) as unserved (channel text, missing text), (
      select message.id, ${channelOf} as channel from ${messageWithChannel}
      where message.state in ('pending', 'unknown') and message.next_attempt_at is not null
    ) as waiting
    where waiting.channel = unserved.channel and message.id = waiting.id and message.error is distinct from unserved.missing
  `.execute(db);
}

/** Claims the message that is due longest (of those delayed together an urgent one) and whose channel may be written to and is none of `unserved`; null where there is none. */
export async function claimDueMessage(
  trx: Transaction<DB>,
  now: Date,
  unserved: readonly string[],
): Promise<ClaimedMessage | null> {
  const at = now.toISOString();
  await sql`select pg_advisory_xact_lock(${CLAIM_LOCK})`.execute(trx);
  const { rows } = await sql<ClaimRow>`
    with due as (
      select message.id, ${channelOf} as channel, answered.slack_ts as thread_ts
      from ${messageWithChannel}
      where ${hasWork} and message.next_attempt_at <= ${at}
        and (message.claimed_until is null or message.claimed_until <= ${at})
        and ${channelOf} is not null and ${channelOf} <> all (${[...unserved]}::text[])
        and not exists (
          select 1 from message as other
          where other.channel = ${channelOf} and other.last_attempt_at > ${new Date(now.getTime() - CHANNEL_PACE_MS).toISOString()})
      order by message.next_attempt_at, message.is_urgent desc, message.created_at, message.id
      limit 1
      for update of message skip locked
    )
    update message set
      channel = due.channel,
      claimed_until = ${new Date(now.getTime() + CLAIM_MS).toISOString()},
      state = case when message.state = 'pending' then 'sending' else message.state end,
      attempts = message.attempts + case when message.state = 'pending' then 1 else 0 end,
      first_attempt_at = coalesce(message.first_attempt_at, ${at}),
      last_attempt_at = case when message.state = 'unknown' then message.last_attempt_at else ${at} end
    from due where message.id = due.id
    returning message.id, message.state, message.kind, message.channel, message.slack_ts, due.thread_ts, message.reply_to_message_id,
      message.revision, message.alert_id, message.is_urgent, message.text, message.blocks, message.attempts, message.first_attempt_at,
      coalesce(message.revised_at, message.created_at) as happened_at
  `.execute(trx);
  const [row] = rows;
  return row === undefined ? null : toClaimed(row);
}

interface ClaimRow {
  id: string;
  state: ClaimedMessage['state'];
  kind: MessageKind;
  channel: string;
  slack_ts: string | null;
  thread_ts: string | null;
  reply_to_message_id: string | null;
  revision: number;
  alert_id: string;
  is_urgent: boolean;
  text: string;
  blocks: unknown[];
  attempts: number;
  first_attempt_at: Date;
  happened_at: Date;
}

function toClaimed(row: ClaimRow): ClaimedMessage {
  return {
    id: row.id,
    state: row.state,
    kind: row.kind,
    channel: row.channel,
    ts: row.slack_ts,
    threadTs: row.thread_ts,
    answersId: row.reply_to_message_id,
    revision: row.revision,
    alertId: row.alert_id,
    isUrgent: row.is_urgent,
    text: row.text,
    blocks: row.blocks,
    attempts: row.attempts,
    firstAttemptAt: row.first_attempt_at,
    happenedAt: row.happened_at,
  };
}

/**
 * It stands in the channel. True even where the claim ran out meanwhile: a known ts settles every doubt. `revision` is the one that stands
 * there; 0 where that is not known, so that it is rewritten.
 */
export async function recordSent(
  db: Kysely<DB>,
  message: ClaimedMessage,
  result: { ts: string; at: Date; revision: number },
): Promise<void> {
  await sql`
    update message set state = 'sent', slack_ts = ${result.ts}, channel = ${message.channel}, sent_at = ${result.at.toISOString()},
      error = null, claimed_until = null, delivered_revision = ${result.revision}, next_attempt_at = ${result.at.toISOString()}
    where id = ${message.id} and state <> 'sent'
  `.execute(db);
}

/** The post says this revision now, or (with `error`) never will. */
export async function recordEdited(
  db: Kysely<DB>,
  message: ClaimedMessage,
  result: { error: string | null },
): Promise<void> {
  await sql`
    update message set delivered_revision = greatest(delivered_revision, ${message.revision}), edit_error = ${result.error}, claimed_until = null
    where id = ${message.id} and state = 'sent'
  `.execute(db);
}

/** To be tried again at `retryAt`; `state` unknown where it may have arrived. A null `retryAt` waits for a person. */
export async function recordRetry(
  db: Kysely<DB>,
  message: ClaimedMessage,
  result: { state: 'pending' | 'unknown' | 'sent'; retryAt: Date | null; error: string | null },
): Promise<void> {
  await sql`
    update message set state = ${result.state}, next_attempt_at = ${result.retryAt?.toISOString() ?? null}, claimed_until = null,
      error = case when ${result.state} = 'sent' then error else ${result.error} end,
      edit_error = case when ${result.state} = 'sent' then ${result.error} else edit_error end
    where id = ${message.id} and state = ${message.state}
  `.execute(db);
}

/** A limit on a channel, or a server that is down, holds for everything that waits for it: as if it had been tried, too. */
export async function delayChannels(
  db: Kysely<DB>,
  channels: readonly string[],
  { until, now }: { until: Date; now: Date },
): Promise<void> {
  await sql`
    update message set next_attempt_at = ${until.toISOString()}, first_attempt_at = coalesce(first_attempt_at, ${now.toISOString()})
    where id in (
      select message.id from ${messageWithChannel}
      where ${hasWork} and message.next_attempt_at < ${until.toISOString()} and ${channelOf} = any (${[...channels]}::text[]))
  `.execute(db);
}

/** It will not be delivered. Answers the finance channel, where another than the message's own is set: it is told instead. */
export async function recordFailed(
  trx: Transaction<DB>,
  message: ClaimedMessage,
  result: { error: string },
): Promise<string | null> {
  const { rows } = await sql<{ finance_channel: string | null }>`
    update message set state = 'failed', error = ${result.error}, claimed_until = null, next_attempt_at = null
    from organisation
    where message.id = ${message.id} and message.state = ${message.state}
    returning organisation.finance_channel
  `.execute(trx);
  const channel = rows[0]?.finance_channel ?? null;
  return message.kind === 'delivery-failure' || message.kind === 'operator-notice' || channel === message.channel
    ? null
    : channel;
}

/** Files the notice about a failed message, once; one that failed itself is tried again with it. */
export async function insertFailureNotice(
  trx: Transaction<DB>,
  about: ClaimedMessage,
  notice: { text: string; blocks: readonly unknown[]; at: Date },
): Promise<void> {
  await sql`
    insert into message (kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at, about_message_id)
    select 'delivery-failure', 'pending', scope_kind, scope_id, alert_id, true, ${notice.text}, ${JSON.stringify(notice.blocks)}::jsonb,
      ${notice.at.toISOString()}, ${notice.at.toISOString()}, id
    from message where id = ${about.id}
    on conflict (about_message_id) do update set state = 'pending', next_attempt_at = excluded.next_attempt_at, first_attempt_at = null,
      attempts = 0, text = excluded.text, blocks = excluded.blocks
    where message.state = 'failed'
  `.execute(trx);
}

/**
 * Where a channel cannot rewrite, the end of an episode is a message of its own, once, that answers the first one; whatever else changes is
 * not told there.
 */
export async function insertEnding(trx: Transaction<DB>, message: ClaimedMessage, at: Date): Promise<void> {
  await sql`
    insert into message (kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at,
      reply_to_message_id, once_key)
    select 'ending', 'pending', scope_kind, scope_id, alert_id, false, text, blocks, ${at.toISOString()}, ${at.toISOString()}, id,
      'ending/' || id
    from message where id = ${message.id} and kind = 'crossing'
      and not exists (select from alert where alert.message_id = message.id and alert.episode_state = 'open')
    on conflict (once_key) do nothing
  `.execute(trx);
}

/** When the next message can be claimed, the channels' pace included; null where nothing waits but for `unserved` channels. */
export async function nextDueAt(db: Kysely<DB>, unserved: readonly string[]): Promise<Date | null> {
  const { rows } = await sql<{ due_at: Date | null }>`
    select min(greatest(message.next_attempt_at, message.claimed_until,
      (select max(other.last_attempt_at) from message as other where other.channel = ${channelOf})
        + ${CHANNEL_PACE_MS} * interval '1 millisecond')) as due_at
    from ${messageWithChannel}
    where ${hasWork} and message.next_attempt_at is not null and ${channelOf} is not null
      and ${channelOf} <> all (${[...unserved]}::text[])
  `.execute(db);
  return rows[0]?.due_at ?? null;
}
