/**
 * Webhooks and events as they come over HTTP: whose signature it is, what they say, written down; a worker is reminded. Senders wait a few
 * seconds and some forget what they were refused, so nothing else is done before they are answered.
 */
import { isSignedBySender } from '../connectors/cloud-events/sender-signature.ts';
import { modeOf, readCloudEvents } from '../connectors/cloud-events/read-cloud-events.ts';
import type { InboundWebhook, WebhookRequest } from '../connectors/inbound-webhook.ts';
import { INBOUND_WEBHOOKS } from '../connectors/inbound-webhooks.ts';
import { keepEvents } from '../services/intake/keep-events.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { cleanText, type InboundEvent } from '../services/kernel/inbound-event.ts';
import { secretsVariable, type WebhookProvider } from '../services/kernel/intake-settings.ts';
import type { Principal } from '../services/kernel/ports.ts';
import type { JobContext } from './job-context.ts';

/** Senders of a tool that is not set up come again: what they bring is not lost because a setting is. */
const NOT_SET_UP_MS = 60_000;
const EVENT_HEADERS = ['content-type', 'ce-id', 'ce-source', 'ce-type', 'webhook-id', 'user-agent'];

export interface ReceivingEvents extends Pick<JobContext, 'db' | 'clock' | 'logger' | 'settings'> {
  /** Reminds a worker of what was written down; it would find it by itself a little later. */
  remind(): Promise<void>;
}

interface ReceivedEvents {
  /** How many came, and how many of them were not known yet. */
  readonly received: number;
  readonly new: number;
}

/** Null for what the tool did not sign. @throws AppError invalid_input for what can never be read; TransientError where no secret is set. */
export async function receiveWebhook(
  provider: WebhookProvider,
  request: WebhookRequest,
  context: ReceivingEvents,
): Promise<ReceivedEvents | null> {
  const { clock, settings, logger } = context;
  const secrets = settings.intake.webhookSecrets[provider];
  if (secrets === undefined) {
    const message = `Webhooks of ${provider} are not set up: ${secretsVariable(provider)} is not set`;
    throw new TransientError(message, NOT_SET_UP_MS);
  }
  const tool: InboundWebhook = INBOUND_WEBHOOKS[provider];
  if (!tool.isAuthentic(request, secrets, clock.now())) {
    logger.warn({ provider, bytes: request.body.length }, 'a webhook was not signed by its tool, or not lately');
    return null;
  }
  return keep(provider, request, [tool.read(request)], tool.keptHeaders, context);
}

/** Events with a token's principal, or signed by a sender whose secret is set. Null for a signature that is nobody's. */
export async function receiveCloudEvents(
  request: WebhookRequest,
  principal: Principal | null,
  context: ReceivingEvents,
): Promise<ReceivedEvents | null> {
  if (principal !== null)
    return keep(sourceOf(principal.id), request, readCloudEvents(request), EVENT_HEADERS, context);
  const { clock, settings, logger } = context;
  const senders = Object.entries(settings.intake.senderSecrets);
  const sender = senders.find(([, secrets]) => isSignedBySender(request, secrets, clock.now()));
  if (sender === undefined) {
    logger.warn({ bytes: request.body.length }, 'events were not signed by a known sender, or not lately');
    return null;
  }
  if (modeOf(request.headers) === 'binary') {
    throw new AppError(
      'invalid_input',
      'In binary mode the attributes of an event stand in headers, which a signature does not cover. Send it structured, or with a token.',
    );
  }
  return keep(sourceOf(sender[0]), request, readCloudEvents(request), EVENT_HEADERS, context);
}

/** By sender: what one says is never taken for another's, and nobody can say first what another is going to. */
function sourceOf(sender: string): string {
  return `events/${sender.toLowerCase()}`;
}

async function keep(
  source: string,
  { headers, body }: WebhookRequest,
  events: readonly InboundEvent[],
  keptHeaders: readonly string[],
  { db, clock, logger, remind }: ReceivingEvents,
): Promise<ReceivedEvents> {
  const kept = Object.fromEntries(
    keptHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, cleanText(headers[name], 500)]])),
  );
  const isNew = await keepEvents(db, { source, headers: kept, body, events, at: clock.now() });
  if (isNew > 0) {
    // Who sent it is not kept waiting for the queue.
    remind().catch((error: unknown) => {
      logger.warn({ err: error }, 'the queue could not be reminded of events that came in; a worker finds them');
    });
  }
  return { received: events.length, new: isNew };
}
