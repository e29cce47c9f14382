/**
 * Webhooks as a channel. A receiver knows an event by its id, so whatever is not surely refused is simply sent again; a later revision is a
 * further event. The receiver's address may be a private one: who runs the product says where it is.
 */
import type { WebhookSettings } from '../../services/kernel/channel-settings.ts';
import type {
  ChannelAbilities,
  ChatEdit,
  ChatMessage,
  EditOutcome,
  PostOutcome,
} from '../../services/kernel/chat-port.ts';
import type { Clock } from '../../services/kernel/ports.ts';
import { postJson } from '../post-json.ts';
import { signedHeaders } from './sign-webhook.ts';
import { type WebhookEvent, webhookEvent } from './webhook-event.ts';

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

export function webhookAbilities(name: string): ChannelAbilities {
  return { revision: 'rewrites', threads: false, settling: 'repeats', isInteractive: false, server: `webhook:${name}` };
}

/** Statuses of a receiver that is busy or behind something that is. */
const BUSY = new Set([429, 502, 503, 504]);
const PASSING = new Set([408, 409, 425]);

export async function postWebhook(message: ChatMessage, options: WebhookOptions): Promise<PostOutcome> {
  const event = webhookEvent(message, { isUpdate: false });
  const outcome = await send(event, options);
  return outcome.kind === 'accepted' ? { kind: 'sent', ts: event.id } : outcome;
}

export async function editWebhook(message: ChatEdit, options: WebhookOptions): Promise<EditOutcome> {
  const outcome = await send(webhookEvent(message, { isUpdate: true }), options);
  return outcome.kind === 'accepted' ? { kind: 'edited' } : outcome;
}

type SendOutcome = { readonly kind: 'accepted' } | Exclude<EditOutcome, { kind: 'edited' }>;

async function send(event: WebhookEvent, { settings, clock, timeoutMs }: WebhookOptions): Promise<SendOutcome> {
  const headers = signedHeaders({ ...event, sentAt: clock.now() }, settings.secrets);
  const result = await postJson(settings.url, event.body, {
    headers,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  if (result.kind !== 'answered') return { kind: 'unreachable', error: result.error };
  const { status, retryAfterMs } = result;
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  if (BUSY.has(status)) return { kind: 'rate-limited', retryAfterMs };
  if (status >= 500 || PASSING.has(status)) return { kind: 'unreachable', error: `HTTP ${status}` };
  return { kind: 'refused', error: status < 400 ? `HTTP ${status}: it redirects` : `HTTP ${status}` };
}
