/**
 * Jira Cloud's webhooks of administrators, which alone are signed (X-Hub-Signature: sha256=…). They come at least once, late and out of
 * order; the delivery's id is the same over its retries, and the changelog's id over hooks that tell of one change.
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
  isNotPlanned,
  readJsonBody,
  requiredHeader,
  uncountedEvent,
  type WebhookRequest,
} from '../inbound-webhook.ts';

/** Of a change: what tells how long a ticket waited where. */
const ITEMS_MAX = 20;

export const jiraWebhook: InboundWebhook = {
  keptHeaders: ['x-atlassian-webhook-identifier', 'x-atlassian-webhook-retry', 'x-atlassian-webhook-flow'],
  isAuthentic({ headers, body }, secrets) {
    const given = /^sha256=(.*)$/.exec(headers['x-hub-signature'] ?? '')?.[1];
    return given !== undefined && isSignedWith(body, [given], secrets);
  },
  read,
};

function read(request: WebhookRequest): InboundEvent {
  const deliveryId = requiredHeader(request, 'x-atlassian-webhook-identifier');
  const payload = partOf(readJsonBody(request.body));
  const type = cleanText(payload['webhookEvent']) || 'unknown';
  const occurredAt = readInstant(payload['timestamp']);
  const issue = partOf(payload['issue']);
  const id = idOf(issue['id']);
  if (!type.startsWith('jira:issue_') || id === null || occurredAt === null) {
    return uncountedEvent({ deliveryId, type, occurredAt });
  }
  const fields = partOf(issue['fields']);
  const changelog = partOf(payload['changelog']);
  const changeId = idOf(changelog['id']);
  const key = cleanText(issue['key']);
  const objectId = `issue/${id}`;
  return {
    deliveryId,
    changeKey: changeKeyOf([type, objectId, changeId ?? occurredAt]),
    type,
    kind: 'ticket',
    objectId,
    subject: cleanText(fields['summary']),
    status: statusOf(type, fields),
    occurredAt,
    // A moved issue has another key; the project's own is beside it.
    scopes: scopeOf('project', partOf(fields['project'])['key'] ?? key.replace(/-\d+$/, '')),
    attributes: {
      labels: cleanTexts(fields['labels']),
      issueType: cleanTextOrNull(partOf(fields['issuetype'])['name']),
      isReopening: isReopening(changelog),
      references: [{ system: 'jira', key, url: addressOf(issue['self'], key) }],
      changeId,
      statusName: cleanText(partOf(fields['status'])['name']),
      resolution: cleanTextOrNull(partOf(fields['resolution'])['name']),
      createdAt: readInstant(fields['created']),
      resolvedAt: readInstant(fields['resolutiondate']),
      changes: changesOf(changelog),
    },
  };
}

function statusOf(type: string, fields: Part): ObjectStatus | null {
  if (type === 'jira:issue_deleted') return 'deleted';
  const category = partOf(partOf(fields['status'])['statusCategory'])['key'];
  const resolution = partOf(fields['resolution'])['name'];
  if (category === undefined && resolution === undefined) return null;
  if (category !== 'done') return 'open';
  return isNotPlanned(resolution) ? 'not_planned' : 'completed';
}

/** A resolution that was taken back. */
function isReopening(changelog: Part): boolean {
  return itemsOf(changelog).some(
    (item) => item['field'] === 'resolution' && idOf(item['from']) !== null && idOf(item['to']) === null,
  );
}

function changesOf(changelog: Part): object[] {
  return itemsOf(changelog).map((item) => ({
    field: cleanText(item['field']),
    from: cleanTextOrNull(item['fromString'], 100),
    to: cleanTextOrNull(item['toString'], 100),
  }));
}

function itemsOf(changelog: Part): Part[] {
  return listOf(changelog['items']).slice(0, ITEMS_MAX).map(partOf);
}

/** Of the issue for people: what its address for programs stands on. */
function addressOf(self: unknown, key: string): string | null {
  const address = cleanAddress(self);
  return address === null ? null : `${new URL(address).origin}/browse/${encodeURIComponent(key)}`;
}
