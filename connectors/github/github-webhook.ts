/**
 * GitHub's webhooks: signed over the raw body (X-Hub-Signature-256), without a time. The delivery's id and the event's name stand in headers
 * that are not signed, so a change is known by what the body says: object, its time, what it says of it.
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

/** What is told of one object; the rest is the same for all. */
type Told = Pick<InboundEvent, 'kind' | 'objectId' | 'subject' | 'status' | 'attributes' | 'occurredAt'>;

export const githubWebhook: InboundWebhook = {
  keptHeaders: ['x-github-delivery', 'x-github-event', 'x-github-hook-id', 'x-github-hook-installation-target-type'],
  isAuthentic({ headers, body }, secrets) {
    const given = /^sha256=(.*)$/.exec(headers['x-hub-signature-256'] ?? '')?.[1];
    return given !== undefined && isSignedWith(body, [given], secrets);
  },
  read,
};

const READERS: Readonly<Record<string, (payload: Part, repository: string) => Told | null>> = {
  issues: readIssue,
  deployment_status: readDeploymentStatus,
  workflow_run: readWorkflowRun,
  release: readRelease,
};

/** Events that are read; a hook asks for these. */
export const GITHUB_EVENTS: readonly string[] = Object.keys(READERS);

function read(request: WebhookRequest): InboundEvent {
  const deliveryId = requiredHeader(request, 'x-github-delivery');
  const event = requiredHeader(request, 'x-github-event');
  const payload = partOf(readJsonBody(request.body));
  const action = cleanText(payload['action']);
  const type = action === '' ? event : `${event}.${action}`;
  const repository = cleanText(partOf(payload['repository'])['full_name']);
  const reader = Object.hasOwn(READERS, event) ? READERS[event] : undefined;
  const told = repository === '' ? null : (reader?.(payload, repository) ?? null);
  if (told === null || told.objectId === null || told.occurredAt === null) {
    return uncountedEvent({ deliveryId, type, occurredAt: told?.occurredAt ?? null });
  }
  const { occurredAt, ...rest } = told;
  const changeKey = changeKeyOf([type, rest.objectId, occurredAt, rest.status, rest.attributes]);
  return { deliveryId, changeKey, type, occurredAt, scopes: scopeOf('repository', repository), ...rest };
}

function readIssue(payload: Part, repository: string): Told {
  const issue = partOf(payload['issue']);
  const number = idOf(issue['number']);
  return {
    kind: 'ticket',
    objectId: objectId(payload, 'issue', issue['id']),
    subject: cleanText(issue['title']),
    status: issueStatus(payload['action'], issue),
    occurredAt: readInstant(issue['updated_at']),
    attributes: {
      labels: cleanTexts(listOf(issue['labels']).map((label) => partOf(label)['name'])),
      issueType: cleanTextOrNull(partOf(issue['type'])['name']),
      isReopening: payload['action'] === 'reopened',
      references: [{ system: 'github', key: `${repository}#${number}`, url: cleanAddress(issue['html_url']) }],
      createdAt: readInstant(issue['created_at']),
      closedAt: readInstant(issue['closed_at']),
      stateReason: cleanTextOrNull(issue['state_reason']),
    },
  };
}

function issueStatus(action: unknown, issue: Part): ObjectStatus | null {
  if (action === 'deleted' || action === 'transferred') return 'deleted';
  if (issue['state'] === 'open') return 'open';
  if (issue['state'] !== 'closed') return null;
  return isNotPlanned(issue['state_reason']) ? 'not_planned' : 'completed';
}

function readDeploymentStatus(payload: Part, repository: string): Told {
  const deployment = partOf(payload['deployment']);
  const status = partOf(payload['deployment_status']);
  const sha = cleanText(deployment['sha']);
  const environment = cleanText(status['environment'] ?? deployment['environment']);
  const id = idOf(deployment['id']);
  const home = cleanAddress(partOf(payload['repository'])['html_url']);
  return {
    kind: 'deployment',
    objectId: objectId(payload, 'deployment', deployment['id']),
    subject: cleanText(`${repository} ${sha.slice(0, 12)} to ${environment}`),
    status: deploymentStatus(status['state'], deployment['task']),
    occurredAt: readInstant(status['updated_at'] ?? status['created_at']),
    attributes: {
      references: [
        { system: 'github', key: `${repository}/deployments/${id}`, url: cleanAddress(status['target_url']) },
        { system: 'github', key: `${repository}@${sha}`, url: home === null ? null : `${home}/commit/${sha}` },
      ],
      statusId: idOf(status['id']),
      state: cleanText(status['state']),
      environment,
      isProduction: deployment['production_environment'] === true,
      sha,
      ref: cleanText(deployment['ref']),
      task: cleanText(deployment['task']),
      createdAt: readInstant(deployment['created_at']),
    },
  };
}

/** GitHub has no word for a rollback: the deployment's task says so, as `gh` and its API take any. */
function deploymentStatus(state: unknown, task: unknown): ObjectStatus | null {
  if (state === 'failure' || state === 'error') return 'failed';
  if (state !== 'success') return null;
  return /roll[-_ ]?back/i.test(cleanText(task)) ? 'rolled_back' : 'succeeded';
}

/** Cancelled, skipped, stale or waiting for somebody is no failure. */
const FAILED_RUNS = new Set<string | null>(['failure', 'startup_failure', 'timed_out']);

function readWorkflowRun(payload: Part, repository: string): Told {
  const run = partOf(payload['workflow_run']);
  const conclusion = cleanTextOrNull(run['conclusion']);
  return {
    kind: 'run',
    objectId: objectId(payload, 'run', run['id']),
    subject: cleanText(run['display_title'] ?? run['name']),
    status: conclusion === 'success' ? 'succeeded' : FAILED_RUNS.has(conclusion) ? 'failed' : null,
    occurredAt: readInstant(run['updated_at']),
    attributes: {
      references: [
        { system: 'github', key: `${repository}/runs/${idOf(run['id'])}`, url: cleanAddress(run['html_url']) },
      ],
      workflow: cleanText(run['name']),
      conclusion,
      attempt: idOf(run['run_attempt']),
      trigger: cleanText(run['event']),
      sha: cleanText(run['head_sha']),
      branch: cleanText(run['head_branch']),
      createdAt: readInstant(run['created_at']),
      startedAt: readInstant(run['run_started_at']),
    },
  };
}

function readRelease(payload: Part, repository: string): Told {
  const release = partOf(payload['release']);
  const tag = cleanText(release['tag_name']);
  const action = payload['action'];
  const isGone = action === 'deleted' || action === 'unpublished';
  return {
    kind: 'release',
    objectId: objectId(payload, 'release', release['id']),
    subject: cleanText(release['name'] ?? tag),
    status: isGone ? 'deleted' : action === 'published' ? 'succeeded' : null,
    occurredAt: readInstant(release['updated_at'] ?? release['published_at'] ?? release['created_at']),
    attributes: {
      references: [{ system: 'github', key: `${repository}/releases/${tag}`, url: cleanAddress(release['html_url']) }],
      tag,
      isPrerelease: release['prerelease'] === true,
      publishedAt: readInstant(release['published_at']),
    },
  };
}

function objectId(payload: Part, noun: string, id: unknown): string | null {
  const own = idOf(id);
  const repository = idOf(partOf(payload['repository'])['id']);
  return own === null || repository === null ? null : `${noun}/${repository}/${own}`;
}
