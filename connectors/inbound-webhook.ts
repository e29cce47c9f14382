/** What every tool whose webhooks are understood has in common: telling whether a delivery is its own, and reading it. */
import { createHash } from 'node:crypto';
import { AppError } from '../services/kernel/errors.ts';
import { cleanText, type InboundEvent } from '../services/kernel/inbound-event.ts';

/** A delivery as it came: names of headers in lower case, the body's very bytes. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface InboundWebhook {
  /** Headers worth keeping; none of them is a secret. */
  readonly keptHeaders: readonly string[];
  /** Whether the tool signed these bytes, and did so lately where it says when. */
  isAuthentic(request: WebhookRequest, secrets: readonly string[], now: Date): boolean;
  /** The event of an authentic delivery. @throws AppError invalid_input for what is no delivery of this tool. */
  read(request: WebhookRequest): InboundEvent;
}

/** The body as JSON. @throws AppError invalid_input */
export function readJsonBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (cause) {
    const fix = 'Set the content type of the webhook to application/json.';
    throw new AppError('invalid_input', `The body is no JSON. ${fix}`, { cause });
  }
}

/** A header that the tool always sends. @throws AppError invalid_input */
export function requiredHeader({ headers }: WebhookRequest, name: string): string {
  const value = cleanText(headers[name]);
  if (value === '') throw new AppError('invalid_input', `The delivery has no header ${name}.`);
  return value;
}

/** A key of a change from what tells it from others; its order matters. */
export function changeKeyOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** An event that nobody counts: kept as having come, and no more. */
export function uncountedEvent(given: { deliveryId: string; type: string; occurredAt: Date | null }): InboundEvent {
  return {
    deliveryId: given.deliveryId,
    changeKey: `delivery ${given.deliveryId}`,
    type: given.type,
    kind: 'other',
    objectId: null,
    subject: '',
    status: null,
    occurredAt: given.occurredAt,
    scopes: [],
    attributes: {},
  };
}

/** Words for "closed without being done", as tools spell them by default. */
const NOT_PLANNED = new Set([
  'abandoned',
  'canceled',
  'cancelled',
  'cannot reproduce',
  'declined',
  'duplicate',
  'incomplete',
  'invalid',
  'known error',
  'not planned',
  'not_planned',
  'rejected',
  'withdrawn',
  "won't do",
  "won't fix",
  'wontfix',
]);

/** Whether a finished ticket was closed without being done, by the resolution its tool names. */
export function isNotPlanned(resolution: unknown): boolean {
  return typeof resolution === 'string' && NOT_PLANNED.has(resolution.trim().toLowerCase().replaceAll('’', "'"));
}
