/**
 * PagerDuty's webhooks (v3): signed over the raw body, by each of its active secrets. The event's own id, which is signed, tells deliveries
 * apart; PagerDuty forgets what it was refused, so only what can never be read is.
 */
import { AppError } from '../../services/kernel/errors.ts';
import {
  cleanAddress,
  cleanText,
  cleanTextOrNull,
  cleanTexts,
  idOf,
  type InboundEvent,
  listOf,
  type ObjectStatus,
  partOf,
  readInstant,
  scopeOf,
} from '../../services/kernel/inbound-event.ts';
import { isSignedWith } from '../hmac-signature.ts';
import { type InboundWebhook, readJsonBody, uncountedEvent, type WebhookRequest } from '../inbound-webhook.ts';

export const pagerdutyWebhook: InboundWebhook = {
  keptHeaders: ['x-webhook-id', 'x-webhook-subscription'],
  isAuthentic({ headers, body }, secrets) {
    const signatures = (headers['x-pagerduty-signature'] ?? '').split(',').map((signature) => signature.trim());
    const given = signatures.flatMap((signature) => /^v1=(.*)$/.exec(signature)?.[1] ?? []);
    return isSignedWith(body, given, secrets);
  },
  read,
};

function read({ body }: WebhookRequest): InboundEvent {
  const event = partOf(partOf(readJsonBody(body))['event']);
  const deliveryId = idOf(event['id']);
  if (deliveryId === null) {
    throw new AppError('invalid_input', 'The delivery has no event.id. Use a webhook subscription of version 3.');
  }
  const type = cleanText(event['event_type']) || 'unknown';
  const occurredAt = readInstant(event['occurred_at']);
  const data = partOf(event['data']);
  const id = idOf(data['id']);
  // Notes, responders and status updates are about an incident; they are none.
  if (!type.startsWith('incident.') || data['type'] !== 'incident' || id === null || occurredAt === null) {
    return uncountedEvent({ deliveryId, type, occurredAt });
  }
  const service = partOf(data['service']);
  return {
    deliveryId,
    changeKey: deliveryId,
    type,
    kind: 'incident',
    objectId: `incident/${id}`,
    subject: cleanText(data['title'] ?? data['summary']),
    status: statusOf(data['status']),
    occurredAt,
    scopes: [...scopeOf('service', service['id']), ...scopeOf('service', service['summary'])],
    attributes: {
      isReopening: type === 'incident.reopened',
      references: [{ system: 'pagerduty', key: id, url: cleanAddress(data['html_url']) }],
      number: idOf(data['number']),
      priority: cleanTextOrNull(partOf(data['priority'])['summary']),
      urgency: cleanTextOrNull(data['urgency']),
      teams: cleanTexts(listOf(data['teams']).map((team) => partOf(team)['summary'])),
      createdAt: readInstant(data['created_at']),
      resolveReason: cleanTextOrNull(partOf(data['resolve_reason'])['type']),
    },
  };
}

function statusOf(status: unknown): ObjectStatus | null {
  if (status === 'resolved') return 'completed';
  return status === 'triggered' || status === 'acknowledged' ? 'open' : null;
}
