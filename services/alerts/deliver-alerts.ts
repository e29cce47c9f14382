/**
 * Delivers the outbox. Each message is marked before the call and settled after it, with the call itself outside any
 * transaction. Whatever may have been sent is looked for in the channel before it is sent again, so that a killed process, a
 * time-out or a second worker shows as one message.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { ChatMetadata, ChatPort, PostOutcome } from '../kernel/chat-port.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { Clock, Logger } from '../kernel/ports.ts';
import { composeFailureNotice } from './failure-notice.ts';
import {
  type ClaimedMessage,
  claimDueMessage,
  delayChannel,
  insertFailureNotice,
  markAbandoned,
  markWithoutChannel,
  nextDueAt,
  recordFailed,
  recordRetry,
  recordSent,
} from './outbox.ts';

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
  /** Null without a token: everything stays in the outbox and is shown. */
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
  if (sender === null) return { sent: 0, failed: 0, nextDueAt: await nextDueAt(db) };
  const wait = options.wait ?? ((milliseconds: number) => delay(milliseconds));
  const counts = { sent: 0, failed: 0 };
  for (let count = 0; count < MESSAGES_MAX; count += 1) {
    const message = await db.transaction().execute(async (trx) => {
      const claimed = await claimDueMessage(trx, clock.now());
      if (claimed !== null) faultPoint('deliver-before-claim');
      return claimed;
    });
    if (message === null) {
      const pause = await pauseUntilDue(db, clock);
      if (pause === null) break;
      await wait(pause);
      continue;
    }
    faultPoint('deliver-after-claim');
    const settled =
      message.state === 'sending'
        ? await send(db, message, { ...options, sender })
        : await settle(db, message, { ...options, sender });
    if (settled === 'sent') counts.sent += 1;
    if (settled === 'failed') counts.failed += 1;
  }
  return { ...counts, nextDueAt: await nextDueAt(db) };
}

type Settled = 'sent' | 'failed' | 'waits';
type Sending = DeliveryOptions & { readonly sender: ChatPort };

async function pauseUntilDue(db: Kysely<DB>, clock: Clock): Promise<number | null> {
  const dueAt = await nextDueAt(db);
  if (dueAt === null) return null;
  const pause = Math.max(1, dueAt.getTime() - clock.now().getTime());
  return pause > WAIT_MS_MAX ? null : pause;
}

async function send(db: Kysely<DB>, message: ClaimedMessage, options: Sending): Promise<Settled> {
  const { channel, text, blocks } = message;
  const outcome = await options.sender.post({ channel, text, blocks, metadata: metadataOf(message) });
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
      await recordSent(db, message, { ts: outcome.ts, at: now });
      logger.info(fields, 'alert sent');
      return 'sent';
    case 'rate-limited': {
      const retryAt = later(now, outcome.retryAfterMs);
      await recordRetry(db, message, { state: 'pending', retryAt, error: 'rate limited' });
      await delayChannel(db, message.channel, retryAt);
      logger.info({ ...fields, retryAt }, 'alert waits for the rate limit');
      return 'waits';
    }
    case 'unreachable':
      await recordRetry(db, message, {
        state: 'pending',
        retryAt: later(now, backoffMs(message, BACKOFF_MS)),
        error: outcome.error,
      });
      logger.warn({ ...fields, error: outcome.error }, 'Slack cannot be reached; the alert is tried again');
      return 'waits';
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
  const { sender, clock, logger } = options;
  const found = await sender.findPosted({
    channel: message.channel,
    metadata: metadataOf(message),
    since: message.firstAttemptAt,
  });
  faultPoint('deliver-after-lookup');
  const now = clock.now();
  const fields = { messageId: message.id, channel: message.channel };
  switch (found.kind) {
    case 'found':
      await recordSent(db, message, { ts: found.ts, at: now });
      logger.info(fields, 'alert was sent after all');
      return 'sent';
    case 'absent':
      await recordRetry(db, message, { state: 'pending', retryAt: now, error: null });
      logger.info(fields, 'alert had not been sent; it is sent now');
      return 'waits';
    case 'unavailable':
      await recordRetry(db, message, { state: 'unknown', retryAt: later(now, found.retryAfterMs), error: found.error });
      return 'waits';
    case 'not-permitted': {
      const error = `it may have been sent, and the channel's history may not be read (${found.error})`;
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

function metadataOf(message: ClaimedMessage): ChatMetadata {
  const eventType = message.kind === 'crossing' ? 'outturn_alert' : 'outturn_delivery_failure';
  return { eventType, alertId: message.alertId };
}

function backoffMs(message: ClaimedMessage, firstMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(message.attempts - 1, 10), BACKOFF_MS_MAX);
}

function later(now: Date, milliseconds: number): Date {
  return new Date(now.getTime() + milliseconds);
}
