/**
 * Delivers the outbox. Each message is marked before the call and settled after it, with the call itself outside any
 * transaction. Whatever may have been sent is looked for in the channel before it is sent again, so that a killed process, a
 * time-out or a second worker shows as one message. What a channel can do is asked of it, never which kind it is.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type {
  ChannelAbilities,
  ChatMessage,
  ChatMetadata,
  ChatPort,
  FindOutcome,
  PostOutcome,
} from '../kernel/chat-port.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { Clock, Logger } from '../kernel/ports.ts';
import { lookingGivenUp, rewritingGivenUp, sendingGivenUp } from './delivery-patience.ts';
import { composeFailureNotice } from './failure-notice.ts';
import {
  type ClaimedMessage,
  claimDueMessage,
  delayChannels,
  insertEnding,
  insertFailureNotice,
  markAbandoned,
  markUnserved,
  markWithoutChannel,
  nextDueAt,
  readWaitingChannels,
  recordEdited,
  recordFailed,
  recordRetry,
  recordSent,
} from './outbox.ts';
import { plainMessage } from './plain-message.ts';
import { readMessageAlerts } from './read-message-alerts.ts';

/** Per run; what is left waits for the next one. */
const MESSAGES_MAX = 500;
/** A run waits this long for a channel's pace; anything later is the next run's. */
const WAIT_MS_MAX = 2_000;
/** A slow server may show a message a while after it gave up on the answer. */
const SETTLE_AFTER_MS = 30_000;
const BACKOFF_MS = 5_000;
const BACKOFF_MS_MAX = 15 * 60_000;
/** Urgent messages whose fate cannot be read back are sent again this often. */
const BLIND_ATTEMPTS_MAX = 3;

export interface DeliveryOptions {
  /** Null where no channel is set up: everything stays in the outbox and is shown. */
  readonly sender: ChatPort | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Waits for a channel's pace; tests move their clock instead. */
  readonly wait?: (milliseconds: number) => Promise<void>;
}

export interface DeliveryRun {
  readonly sent: number;
  readonly failed: number;
  /** When there is more to do; null where nothing waits. */
  readonly nextDueAt: Date | null;
}

/** Sends what is due, settles what is in doubt, and says when to come back. */
export async function deliverDueAlerts(db: Kysely<DB>, options: DeliveryOptions): Promise<DeliveryRun> {
  const { sender, clock } = options;
  await markAbandoned(db, clock.now());
  await markWithoutChannel(db);
  if (sender === null) return { sent: 0, failed: 0, nextDueAt: await nextDueAt(db, []) };
  const unserved = await findUnserved(db, sender);
  const wait = options.wait ?? ((milliseconds: number) => delay(milliseconds));
  const counts = { sent: 0, failed: 0 };
  for (let count = 0; count < MESSAGES_MAX; count += 1) {
    const message = await db.transaction().execute(async (trx) => {
      const claimed = await claimDueMessage(trx, clock.now(), unserved);
      if (claimed !== null) faultPoint('deliver-before-claim');
      return claimed;
    });
    if (message === null) {
      const pause = await pauseUntilDue(db, unserved, clock);
      if (pause === null) break;
      await wait(pause);
      continue;
    }
    faultPoint('deliver-after-claim');
    const settled = await STEPS[message.state](db, message, { ...options, sender });
    if (settled === 'sent') counts.sent += 1;
    if (settled === 'failed') counts.failed += 1;
  }
  return { ...counts, nextDueAt: await nextDueAt(db, unserved) };
}

type Settled = 'sent' | 'failed' | 'waits' | 'edited';
type Sending = DeliveryOptions & { readonly sender: ChatPort };

const STEPS: Readonly<
  Record<ClaimedMessage['state'], (db: Kysely<DB>, message: ClaimedMessage, options: Sending) => Promise<Settled>>
> = { sending: send, unknown: settle, sent: edit };

/** Channels that something waits for and that are not set up: what is for them waits without being tried, and says what is missing. */
async function findUnserved(db: Kysely<DB>, sender: ChatPort): Promise<string[]> {
  const unserved = (await readWaitingChannels(db)).flatMap((channel) => {
    const abilities = sender.can(channel);
    return 'missing' in abilities ? [{ channel, missing: abilities.missing }] : [];
  });
  await markUnserved(db, unserved);
  return unserved.map(({ channel }) => channel);
}

async function pauseUntilDue(db: Kysely<DB>, unserved: readonly string[], clock: Clock): Promise<number | null> {
  const dueAt = await nextDueAt(db, unserved);
  if (dueAt === null) return null;
  const pause = Math.max(1, dueAt.getTime() - clock.now().getTime());
  return pause > WAIT_MS_MAX ? null : pause;
}

async function send(db: Kysely<DB>, message: ClaimedMessage, options: Sending): Promise<Settled> {
  const { threadTs } = message;
  const isInThread = threadTs !== null && abilitiesOf(message, options).threads;
  const outcome = await options.sender.post({ ...(await contentOf(db, message)), ...(isInThread ? { threadTs } : {}) });
  faultPoint('deliver-after-send');
  const settled = await recordOutcome(db, message, { ...options, outcome });
  faultPoint('deliver-after-record');
  return settled;
}

async function recordOutcome(
  db: Kysely<DB>,
  message: ClaimedMessage,
  options: Sending & { outcome: PostOutcome },
): Promise<Settled> {
  const { outcome, clock, logger } = options;
  const now = clock.now();
  const fields = { messageId: message.id, channel: message.channel };
  switch (outcome.kind) {
    case 'sent':
      await recordSent(db, message, { ts: outcome.ts, at: now, revision: message.revision });
      logger.info(fields, 'alert sent');
      return 'sent';
    case 'rate-limited': {
      const error = 'rate limited';
      const reason = sendingGivenUp(message, error, now);
      if (reason !== null) return fail(db, message, { ...options, error: reason });
      const retryAt = later(now, outcome.retryAfterMs);
      await recordRetry(db, message, { state: 'pending', retryAt, error });
      await delayChannels(db, [message.channel], { until: retryAt, now });
      logger.info({ ...fields, retryAt }, 'alert waits for the rate limit');
      return 'waits';
    }
    case 'unreachable': {
      const { error } = outcome;
      const reason = sendingGivenUp(message, error, now);
      if (reason !== null) return fail(db, message, { ...options, error: reason });
      const retryAt = later(now, backoffMs(message, BACKOFF_MS));
      await recordRetry(db, message, { state: 'pending', retryAt, error });
      if (outcome.isServerDown === true) await delayServer(db, message, { ...options, until: retryAt });
      logger.warn({ ...fields, error }, 'the channel cannot be reached; the alert is tried again');
      return 'waits';
    }
    case 'ambiguous':
      await recordRetry(db, message, {
        state: 'unknown',
        retryAt: later(now, backoffMs(message, SETTLE_AFTER_MS)),
        error: outcome.error,
      });
      logger.warn({ ...fields, error: outcome.error }, 'alert may or may not have been sent; its channel is looked at');
      return 'waits';
    case 'refused':
      return fail(db, message, { ...options, error: outcome.error });
  }
}

/** Looks a doubtful message up in its channel, and has it sent again only where that is right. */
async function settle(db: Kysely<DB>, message: ClaimedMessage, options: Sending): Promise<Settled> {
  const { clock, logger } = options;
  const found = await lookUp(message, options);
  faultPoint('deliver-after-lookup');
  const now = clock.now();
  const fields = { messageId: message.id, channel: message.channel };
  switch (found.kind) {
    case 'found':
      await recordSent(db, message, { ts: found.ts, at: now, revision: 0 });
      logger.info(fields, 'alert was sent after all');
      return 'sent';
    case 'absent': {
      const reason = sendingGivenUp(message, 'no answer came, and it is not in the channel', now);
      if (reason !== null) return fail(db, message, { ...options, error: reason });
      await recordRetry(db, message, { state: 'pending', retryAt: now, error: null });
      logger.info(fields, 'alert had not been sent; it is sent now');
      return 'waits';
    }
    case 'unavailable': {
      const { error, retryAfterMs } = found;
      const reason = lookingGivenUp(message, `it may have been sent, and the channel cannot be read (${error})`, now);
      if (reason !== null && message.isUrgent) return fail(db, message, { ...options, error: reason });
      const retryAt = reason === null ? later(now, retryAfterMs) : null;
      await recordRetry(db, message, { state: 'unknown', retryAt, error: reason ?? error });
      return 'waits';
    }
    case 'not-permitted': {
      const error = `it may have been sent, and the channel may not be read (${found.error})`;
      if (message.isUrgent && message.attempts >= BLIND_ATTEMPTS_MAX) return fail(db, message, { ...options, error });
      await recordRetry(
        db,
        message,
        message.isUrgent ? { state: 'pending', retryAt: now, error } : { state: 'unknown', retryAt: null, error },
      );
      logger.warn(fields, message.isUrgent ? 'alert is sent again unread: twice beats never' : 'alert stays unknown');
      return 'waits';
    }
  }
}

/** Reads the channel back, where that can be done; a receiver that knows a second try by its id is simply tried again. */
async function lookUp(message: ClaimedMessage, options: Sending): Promise<FindOutcome> {
  switch (abilitiesOf(message, options).settling) {
    case 'repeats':
      return { kind: 'absent' };
    case 'cannot':
      return { kind: 'not-permitted', error: 'nobody can' };
    case 'reads back':
      return options.sender.findPosted({
        channel: message.channel,
        metadata: metadataOf(message),
        since: message.firstAttemptAt,
        ...(message.threadTs === null ? {} : { threadTs: message.threadTs }),
      });
  }
}

/** Rewrites a post in place. Tried until it says what it should; where it never will, the post stays as it is and says why in the outbox. */
async function edit(db: Kysely<DB>, message: ClaimedMessage, options: Sending): Promise<Settled> {
  const { sender, clock, logger } = options;
  const { channel, ts } = message;
  if (ts === null) throw new Error(`message ${message.id} is sent and has no ts`);
  const { revision } = abilitiesOf(message, options);
  if (revision !== 'rewrites') {
    await db.transaction().execute(async (trx) => {
      await recordEdited(trx, message, { error: null });
      if (revision === 'answers the end') await insertEnding(trx, message, clock.now());
    });
    return 'waits';
  }
  const outcome = await sender.edit({ ...(await contentOf(db, message)), ts });
  faultPoint('deliver-after-edit');
  const now = clock.now();
  const fields = { messageId: message.id, channel };
  switch (outcome.kind) {
    case 'edited':
      await recordEdited(db, message, { error: null });
      logger.info(fields, 'alert rewritten');
      return 'edited';
    case 'refused':
      await recordEdited(db, message, { error: outcome.error });
      logger.warn({ ...fields, error: outcome.error }, 'alert cannot be rewritten');
      return 'waits';
    case 'rate-limited': {
      const retryAt = later(now, outcome.retryAfterMs);
      await recordRetry(db, message, { state: 'sent', retryAt, error: 'rate limited' });
      await delayChannels(db, [channel], { until: retryAt, now });
      return 'waits';
    }
    case 'unreachable': {
      const { error } = outcome;
      const reason = rewritingGivenUp(message, error, now);
      if (reason !== null) {
        await recordEdited(db, message, { error: reason });
        logger.warn({ ...fields, error }, 'alert could not be rewritten; it is left as it is');
        return 'waits';
      }
      await recordRetry(db, message, { state: 'sent', retryAt: later(now, BACKOFF_MS_MAX), error });
      logger.warn({ ...fields, error }, 'alert could not be rewritten; it is tried again');
      return 'waits';
    }
  }
}

async function fail(db: Kysely<DB>, message: ClaimedMessage, options: Sending & { error: string }): Promise<Settled> {
  const { clock, logger, error } = options;
  await db.transaction().execute(async (trx) => {
    const financeChannel = await recordFailed(trx, message, { error });
    if (financeChannel === null) return;
    await insertFailureNotice(trx, message, { ...composeFailureNotice(message, error), at: clock.now() });
  });
  logger.error({ messageId: message.id, channel: message.channel, error }, 'alert cannot be delivered');
  return 'failed';
}

/** Where one channel finds its server down, those of the same server would, too: one that hangs must not hold up the others. */
async function delayServer(db: Kysely<DB>, message: ClaimedMessage, options: Sending & { until: Date }): Promise<void> {
  const { server } = abilitiesOf(message, options);
  const channels = (await readWaitingChannels(db)).filter((channel) => {
    const abilities = options.sender.can(channel);
    return 'server' in abilities && abilities.server === server;
  });
  await delayChannels(db, channels, { until: options.until, now: options.clock.now() });
}

const NO_ABILITIES: ChannelAbilities = {
  revision: 'stays',
  threads: false,
  settling: 'cannot',
  isInteractive: false,
  server: '',
};

/** Of a channel that was set up when the message was claimed; one that no longer is does nothing that could be seen twice. */
function abilitiesOf(message: ClaimedMessage, { sender }: Sending): ChannelAbilities {
  const abilities = sender.can(message.channel);
  return 'missing' in abilities ? NO_ABILITIES : abilities;
}

async function contentOf(db: Kysely<DB>, message: ClaimedMessage): Promise<Omit<ChatMessage, 'threadTs'>> {
  const { id, kind, channel, text, blocks, revision, happenedAt, answersId } = message;
  const { scopeName, alerts } = await readMessageAlerts(db, id);
  return {
    channel,
    text,
    blocks,
    metadata: metadataOf(message),
    plain: plainMessage({ kind, text, blocks, scopeName, alerts }),
    figures: { id, kind, revision, happenedAt, answersId, alerts },
  };
}

function metadataOf(message: ClaimedMessage): ChatMetadata {
  // The id of a message's first alert, for what it was first called; what answers or follows it is told apart by its own.
  if (message.kind === 'crossing') return { eventType: 'outturn_alert', alertId: message.alertId };
  if (message.kind === 'delivery-failure') return { eventType: 'outturn_delivery_failure', alertId: message.alertId };
  return { eventType: `outturn_${message.kind.replaceAll('-', '_')}`, alertId: message.id };
}

function backoffMs(message: ClaimedMessage, firstMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(message.attempts - 1, 10), BACKOFF_MS_MAX);
}

function later(now: Date, milliseconds: number): Date {
  return new Date(now.getTime() + milliseconds);
}
