/**
 * Linear's webhooks: signed over the raw body, which says when it was sent. What was sent more than a minute ago is not taken, so that a
 * delivery cannot be kept and sent again; that is checked before anything is queued.
 */
import {
  cleanAddress,
  cleanText,
  cleanTextOrNull,
  cleanTexts,
  idOf,
  type InboundEvent,
  listOf,
  type ObjectStatus,
  type Part,
  partOf,
  readInstant,
  scopeOf,
} from '../../services/kernel/inbound-event.ts';
import { isSignedWith } from '../hmac-signature.ts';
import {
  changeKeyOf,
  type InboundWebhook,
  readJsonBody,
  requiredHeader,
  uncountedEvent,
  type WebhookRequest,
} from '../inbound-webhook.ts';

const AGE_MS_MAX = 60_000;

export const linearWebhook: InboundWebhook = {
  keptHeaders: ['linear-delivery', 'linear-event'],
  isAuthentic({ headers, body }, secrets, now) {
    if (!isSignedWith(body, [headers['linear-signature'] ?? ''], secrets)) return false;
    const sentAt = partOf(readJsonBody(body))['webhookTimestamp'];
    return typeof sentAt === 'number' && Math.abs(now.getTime() - sentAt) <= AGE_MS_MAX;
  },
  read,
};

function read(request: WebhookRequest): InboundEvent {
  const deliveryId = requiredHeader(request, 'linear-delivery');
  const payload = partOf(readJsonBody(request.body));
  const action = cleanText(payload['action']);
  const type = `${cleanText(payload['type'])}.${action}`;
  const data = partOf(payload['data']);
  const id = idOf(data['id']);
  const occurredAt = readInstant(action === 'remove' ? payload['createdAt'] : data['updatedAt']);
  if (payload['type'] !== 'Issue' || id === null || occurredAt === null) {
    return uncountedEvent({ deliveryId, type, occurredAt });
  }
  const team = partOf(data['team']);
  const state = partOf(data['state']);
  const former = partOf(payload['updatedFrom']);
  const status = statusOf(action, state['type']);
  const objectId = `issue/${id}`;
  return {
    deliveryId,
    changeKey: changeKeyOf([type, objectId, data['updatedAt'], action === 'remove' ? null : state['type']]),
    type,
    kind: 'ticket',
    objectId,
    subject: cleanText(data['title']),
    status,
    occurredAt,
    scopes: scopeOf('team', team['key']),
    attributes: {
      labels: cleanTexts(labelsOf(data)),
      issueType: null,
      isReopening:
        status === 'open' && (readInstant(former['completedAt']) ?? readInstant(former['canceledAt'])) !== null,
      references: [
        {
          system: 'linear',
          key: cleanText(data['identifier']),
          url: cleanAddress(data['url']) ?? cleanAddress(payload['url']),
        },
      ],
      stateName: cleanText(state['name']),
      stateType: cleanText(state['type']),
      project: cleanTextOrNull(partOf(data['project'])['name']),
      createdAt: readInstant(data['createdAt']),
      startedAt: readInstant(data['startedAt']),
      completedAt: readInstant(data['completedAt']),
    },
  };
}

function statusOf(action: string, stateType: unknown): ObjectStatus | null {
  if (action === 'remove') return 'deleted';
  if (stateType === 'completed') return 'completed';
  if (stateType === 'canceled' || stateType === 'duplicate') return 'not_planned';
  return typeof stateType === 'string' ? 'open' : null;
}

function labelsOf(data: Part): unknown[] {
  return listOf(data['labels']).map((label) => partOf(label)['name']);
}
