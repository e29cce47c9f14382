/**
 * Deliveries as the tools make them, by what they document: the bytes, and the signature over them. Nothing of the product is used, so that
 * what it takes for right is checked against something else.
 */
import { createHmac, randomUUID } from 'node:crypto';

export interface Delivery {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const hex = (secret: string, body: string) => createHmac('sha256', secret).update(body, 'utf8').digest('hex');
const json = { 'content-type': 'application/json' };

/** https://docs.github.com/webhooks: X-Hub-Signature-256 is `sha256=` and the HMAC in hex. */
export function fromGithub(event: string, payload: object, secret: string, id: string = randomUUID()): Delivery {
  const body = JSON.stringify(payload);
  const headers = {
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${hex(secret, body)}`,
  };
  return { url: '/api/v1/webhooks/github', headers: { ...json, ...headers }, body };
}

/** WebSub's X-Hub-Signature: `method=signature`. */
export function fromJira(payload: object, secret: string, id: string = randomUUID()): Delivery {
  const body = JSON.stringify(payload);
  const headers = { 'x-atlassian-webhook-identifier': id, 'x-hub-signature': `sha256=${hex(secret, body)}` };
  return { url: '/api/v1/webhooks/jira', headers: { ...json, ...headers }, body };
}

/** Linear-Signature is the HMAC in hex; the body says when it was sent. */
export function fromLinear(payload: object, secret: string, sentAt: Date, id: string = randomUUID()): Delivery {
  const body = JSON.stringify({ ...payload, webhookTimestamp: sentAt.getTime() });
  const headers = { 'linear-delivery': id, 'linear-event': 'Issue', 'linear-signature': hex(secret, body) };
  return { url: '/api/v1/webhooks/linear', headers: { ...json, ...headers }, body };
}

/** One `v1=` for each of PagerDuty's active secrets. */
export function fromPagerduty(event: object, secrets: readonly string[]): Delivery {
  const body = JSON.stringify({ event });
  const signatures = secrets.map((secret) => `v1=${hex(secret, body)}`).join(',');
  const headers = { 'x-pagerduty-signature': signatures, 'x-webhook-id': randomUUID() };
  return { url: '/api/v1/webhooks/pagerduty', headers: { ...json, ...headers }, body };
}

export const SHOP = { id: 77, full_name: 'acme/shop', html_url: 'https://github.com/acme/shop' };

/** An issue of acme/shop as GitHub tells of it. */
export function githubIssue(
  action: string,
  issue: {
    number: number;
    updatedAt: string;
    state?: string;
    reason?: string | null;
    labels?: readonly string[];
    title?: string;
  },
): object {
  const { number, updatedAt, state = 'open', reason = null, labels = [], title = 'Pay with one click' } = issue;
  return {
    action,
    issue: {
      id: 1_000 + number,
      number,
      title,
      state,
      state_reason: reason,
      html_url: `https://github.com/acme/shop/issues/${number}`,
      labels: labels.map((name) => ({ name })),
      created_at: '2026-09-01T08:00:00Z',
      updated_at: updatedAt,
      closed_at: state === 'closed' ? updatedAt : null,
    },
    repository: SHOP,
    sender: { login: 'ada' },
  };
}

/** A status of a deployment of acme/shop. */
export function githubDeployment(given: {
  id: number;
  statusId: number;
  state: string;
  at: string;
  sha?: string;
  task?: string;
  environment?: string;
}): object {
  const { id, statusId, state, at, sha = 'a'.repeat(40), task = 'deploy', environment = 'production' } = given;
  return {
    action: 'created',
    deployment_status: {
      id: statusId,
      state,
      environment,
      target_url: `https://ci.example.com/runs/${id}`,
      created_at: at,
      updated_at: at,
    },
    deployment: { id, sha, ref: 'main', task, environment, production_environment: true, created_at: at },
    repository: SHOP,
  };
}

/** An issue of project SHOP as Jira tells of it. */
export function jiraIssue(given: {
  event?: string;
  at: string;
  changeId?: string;
  category?: string;
  resolution?: string | null;
  labels?: readonly string[];
  issueType?: string;
  items?: readonly object[];
}): object {
  const { event = 'jira:issue_updated', at, changeId, category = 'indeterminate', resolution = null } = given;
  return {
    timestamp: Date.parse(at),
    webhookEvent: event,
    issue: {
      id: '10042',
      self: 'https://acme.atlassian.net/rest/api/2/10042',
      key: 'SHOP-42',
      fields: {
        summary: 'Fewer failed payments',
        status: { name: category, statusCategory: { key: category } },
        resolution: resolution === null ? null : { name: resolution },
        issuetype: { name: given.issueType ?? 'Story' },
        labels: given.labels ?? [],
        project: { key: 'SHOP' },
        created: '2026-09-01T08:00:00.000+0000',
      },
    },
    ...(changeId === undefined ? {} : { changelog: { id: changeId, items: given.items ?? [] } }),
  };
}

/** An issue of team ENG as Linear tells of it. */
export function linearIssue(given: {
  action?: string;
  updatedAt: string;
  stateType: string;
  labels?: readonly string[];
  updatedFrom?: object;
}): object {
  return {
    action: given.action ?? 'update',
    type: 'Issue',
    createdAt: given.updatedAt,
    organizationId: 'org',
    url: 'https://linear.app/acme/issue/ENG-7',
    data: {
      id: 'b5a4',
      identifier: 'ENG-7',
      title: 'Search in a tenth of the time',
      updatedAt: given.updatedAt,
      state: { type: given.stateType, name: given.stateType },
      team: { id: 't1', key: 'ENG', name: 'Engineering' },
      labels: (given.labels ?? []).map((name) => ({ name })),
    },
    ...(given.updatedFrom === undefined ? {} : { updatedFrom: given.updatedFrom }),
  };
}

/** An incident of the service PF9KMXH, called Checkout API, as PagerDuty tells of it. */
export function pagerdutyIncident(type: string, given: { id: string; at: string; status: string }): object {
  return {
    id: given.id,
    event_type: type,
    resource_type: 'incident',
    occurred_at: given.at,
    data: {
      id: 'PGR0VU2',
      type: 'incident',
      html_url: 'https://acme.pagerduty.com/incidents/PGR0VU2',
      number: 2,
      status: given.status,
      title: 'Payments fail',
      created_at: given.at,
      service: { id: 'PF9KMXH', summary: 'Checkout API', type: 'service_reference' },
      priority: { summary: 'P1' },
      urgency: 'high',
      teams: [{ summary: 'Payments' }],
      resolve_reason: null,
    },
  };
}
