/** Signatures of the tools over raw bytes, and what is read of their deliveries. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { githubWebhook } from '../../connectors/github/github-webhook.ts';
import { INBOUND_WEBHOOKS } from '../../connectors/inbound-webhooks.ts';
import { jiraWebhook } from '../../connectors/jira/jira-webhook.ts';
import { linearWebhook } from '../../connectors/linear/linear-webhook.ts';
import { pagerdutyWebhook } from '../../connectors/pagerduty/pagerduty-webhook.ts';
import { cleanAddress, cleanText, readInstant } from '../../services/kernel/inbound-event.ts';
import { WEBHOOK_PROVIDERS, type WebhookProvider } from '../../services/kernel/intake-settings.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import {
  type Delivery,
  fromGithub,
  fromJira,
  fromLinear,
  fromPagerduty,
  githubDeployment,
  githubIssue,
  jiraIssue,
  linearIssue,
  pagerdutyIncident,
} from '../support/signed-webhooks.ts';

const NEW = 'the-newer-of-two-secrets';
const OLD = 'the-older-of-two-secrets';
const NOW = new Date('2026-09-15T12:00:00Z');

const DELIVERIES: Readonly<Record<WebhookProvider, (secret: string) => Delivery>> = {
  github: (secret) =>
    fromGithub('issues', githubIssue('closed', { number: 1, updatedAt: '2026-09-15T11:00:00Z' }), secret),
  jira: (secret) => fromJira(jiraIssue({ at: '2026-09-15T11:00:00Z', changeId: '7' }), secret),
  linear: (secret) => fromLinear(linearIssue({ updatedAt: '2026-09-15T11:00:00Z', stateType: 'started' }), secret, NOW),
  pagerduty: (secret) =>
    fromPagerduty(
      pagerdutyIncident('incident.triggered', { id: 'E1', at: '2026-09-15T11:00:00Z', status: 'triggered' }),
      [secret],
    ),
};

const requestOf = ({ headers, body }: Delivery) => ({ headers, body: Buffer.from(body) });

describe('signatures', () => {
  test("GitHub's published vector is signed by its secret", () => {
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const request = { headers: { 'x-hub-signature-256': signature }, body: Buffer.from('Hello, World!') };
    expect(githubWebhook.isAuthentic(request, ["It's a Secret to Everybody"], NOW)).toBe(true);
    expect(
      githubWebhook.isAuthentic(
        { ...request, body: Buffer.from('Hello, World?') },
        ["It's a Secret to Everybody"],
        NOW,
      ),
    ).toBe(false);
  });

  describe.each(WEBHOOK_PROVIDERS)('of %s', (provider) => {
    const { isAuthentic } = INBOUND_WEBHOOKS[provider];
    const made = (secret: string) => requestOf(DELIVERIES[provider](secret));

    test('are taken under either of two secrets, and under no other', () => {
      expect(isAuthentic(made(NEW), [NEW, OLD], NOW)).toBe(true);
      expect(isAuthentic(made(OLD), [NEW, OLD], NOW)).toBe(true);
      expect(isAuthentic(made(OLD), [NEW], NOW)).toBe(false);
      expect(isAuthentic(made('nobody-knows-this-secret'), [NEW, OLD], NOW)).toBe(false);
    });

    test('hold for the very bytes', () => {
      const { headers, body } = made(NEW);
      const spaced = Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1));
      expect(isAuthentic({ headers, body: spaced }, [NEW], NOW)).toBe(false);
      expect(isAuthentic({ headers, body: Buffer.alloc(0) }, [NEW], NOW)).toBe(false);
    });

    test('that are missing, cut, or of another form are not', () => {
      const { headers, body } = made(NEW);
      const [name = '', value = ''] = Object.entries(headers).find(([header]) => header.includes('signature')) ?? [];
      for (const wrong of [
        undefined,
        '',
        value.slice(0, -1),
        `${value}0`,
        value.replace('sha256', 'sha1').replace('v1', 'v2'),
        'sha256=',
        'v1=',
      ]) {
        if (wrong === value) continue;
        expect(isAuthentic({ headers: { ...headers, [name]: wrong }, body }, [NEW], NOW), `${wrong}`).toBe(false);
      }
    });
  });

  test('of Linear hold for a minute, either way', () => {
    const sent = (at: string) =>
      requestOf(fromLinear(linearIssue({ updatedAt: at, stateType: 'started' }), NEW, new Date(at)));
    expect(linearWebhook.isAuthentic(sent('2026-09-15T11:59:00Z'), [NEW], NOW)).toBe(true);
    expect(linearWebhook.isAuthentic(sent('2026-09-15T11:58:59Z'), [NEW], NOW)).toBe(false);
    expect(linearWebhook.isAuthentic(sent('2026-09-15T12:01:01Z'), [NEW], NOW)).toBe(false);
  });

  test('of PagerDuty: one of several is enough', () => {
    const event = pagerdutyIncident('incident.triggered', {
      id: 'E1',
      at: '2026-09-15T11:00:00Z',
      status: 'triggered',
    });
    const request = requestOf(fromPagerduty(event, ['a-secret-that-is-not-ours', OLD]));
    expect(pagerdutyWebhook.isAuthentic(request, [OLD], NOW)).toBe(true);
  });
});

describe('what is read', () => {
  const read = (delivery: Delivery, tool = githubWebhook) => tool.read(requestOf(delivery));

  test('an issue of GitHub stands as its state and its reason say', () => {
    const statusOf = (action: string, state: string, reason: string | null) =>
      read(
        fromGithub('issues', githubIssue(action, { number: 1, updatedAt: '2026-09-15T11:00:00Z', state, reason }), NEW),
      ).status;
    expect(statusOf('closed', 'closed', 'completed')).toBe('completed');
    expect(statusOf('labeled', 'closed', null)).toBe('completed');
    expect(statusOf('closed', 'closed', 'not_planned')).toBe('not_planned');
    expect(statusOf('closed', 'closed', 'duplicate')).toBe('not_planned');
    expect(statusOf('reopened', 'open', 'reopened')).toBe('open');
    expect(statusOf('deleted', 'closed', 'completed')).toBe('deleted');
  });

  test('two hooks that tell of one change have one key; two changes of one second have two', () => {
    const at = '2026-09-15T11:00:00Z';
    const closed = githubIssue('closed', { number: 1, updatedAt: at, state: 'closed' });
    const keyOf = (payload: object) => read(fromGithub('issues', payload, NEW)).changeKey;
    expect(keyOf(closed)).toBe(keyOf({ ...closed, organization: { login: 'acme' } }));
    expect(keyOf(closed)).not.toBe(
      keyOf(githubIssue('closed', { number: 1, updatedAt: at, state: 'closed', labels: ['outcome'] })),
    );
    expect(keyOf(closed)).not.toBe(keyOf(githubIssue('reopened', { number: 1, updatedAt: at })));
  });

  test('a deployment says where, what and when; one whose task is a rollback is one', () => {
    const at = '2026-09-15T11:00:00Z';
    const told = (task: string) =>
      read(fromGithub('deployment_status', githubDeployment({ id: 5, statusId: 9, state: 'success', at, task }), NEW));
    expect(told('deploy')).toMatchObject({
      kind: 'deployment',
      status: 'succeeded',
      objectId: 'deployment/77/5',
      scopes: [{ kind: 'repository', name: 'acme/shop' }],
      attributes: { environment: 'production', isProduction: true, sha: 'a'.repeat(40), ref: 'main' },
    });
    expect(told('deploy:rollback').status).toBe('rolled_back');
  });

  test('events that nobody counts have no scope', () => {
    expect(read(fromGithub('ping', { zen: 'Keep it logically awesome.' }, NEW)).scopes).toEqual([]);
    expect(read(fromGithub('issues', { action: 'closed' }, NEW)).scopes).toEqual([]);
    // The event's name is not signed: a body of something else is not read as it.
    const issue = githubIssue('closed', { number: 1, updatedAt: '2026-09-15T11:00:00Z', state: 'closed' });
    expect(read(fromGithub('deployment_status', issue, NEW)).scopes).toEqual([]);
  });

  test('an issue of Jira by its status category and resolution', () => {
    const told = (category: string, resolution: string | null, items: readonly object[] = []) =>
      jiraWebhook.read(
        requestOf(fromJira(jiraIssue({ at: '2026-09-15T11:00:00Z', changeId: '7', category, resolution, items }), NEW)),
      );
    expect(told('done', 'Done').status).toBe('completed');
    expect(told('done', "Won't Do").status).toBe('not_planned');
    expect(told('done', 'Won’t Do').status).toBe('not_planned');
    const reopened = told('indeterminate', null, [
      { field: 'resolution', from: '10000', to: null, fromString: 'Done' },
    ]);
    expect(reopened).toMatchObject({
      status: 'open',
      scopes: [{ kind: 'project', name: 'shop' }],
      attributes: {
        isReopening: true,
        references: [{ system: 'jira', key: 'SHOP-42', url: 'https://acme.atlassian.net/browse/SHOP-42' }],
      },
    });
    // Two hooks: another delivery, the same change.
    expect(told('done', 'Done').changeKey).toBe(told('done', 'Done').changeKey);
  });

  test('an issue of Linear by the type of its state', () => {
    const told = (stateType: string, updatedFrom?: object) =>
      linearWebhook.read(
        requestOf(
          fromLinear(
            linearIssue({
              updatedAt: '2026-09-15T11:00:00Z',
              stateType,
              ...(updatedFrom === undefined ? {} : { updatedFrom }),
            }),
            NEW,
            NOW,
          ),
        ),
      );
    expect(told('completed')).toMatchObject({ status: 'completed', scopes: [{ kind: 'team', name: 'eng' }] });
    expect(told('canceled').status).toBe('not_planned');
    expect(told('duplicate').status).toBe('not_planned');
    expect(told('started', { completedAt: '2026-09-14T11:00:00Z' }).attributes.isReopening).toBe(true);
  });

  test('an incident of PagerDuty by the id of its event, its service by id or name', () => {
    const event = pagerdutyIncident('incident.resolved', { id: 'E2', at: '2026-09-15T11:00:00Z', status: 'resolved' });
    expect(pagerdutyWebhook.read(requestOf(fromPagerduty(event, [NEW])))).toMatchObject({
      deliveryId: 'E2',
      changeKey: 'E2',
      status: 'completed',
      scopes: [
        { kind: 'service', name: 'pf9kmxh' },
        { kind: 'service', name: 'checkout api' },
      ],
    });
  });

  test('an instant has its date, its time and its zone; what a program would guess from less is none', () => {
    const noon = new Date('2026-09-15T12:00:00Z');
    for (const text of ['2026-09-15T12:00:00Z', '2026-09-15t14:00:00.000+0200', '2026-09-15 12:00:00z', noon.getTime()])
      expect(readInstant(text), String(text)).toEqual(noon);
    for (const text of [
      '1',
      '2026-09-15',
      '2026-09-15T12:00:00',
      'Tue, 15 Sep 2026 12:00:00 GMT',
      '2026-13-15T12:00:00Z',
      1e20,
      {},
    ])
      expect(readInstant(text), JSON.stringify(text)).toBeNull();
  });

  test('a run of GitHub that timed out failed; one that was cancelled did not', () => {
    const told = (conclusion: string | null) => {
      const run = { id: 1, name: 'ci', conclusion, updated_at: '2026-09-15T11:00:00Z' };
      const repository = { id: 77, full_name: 'acme/shop' };
      return read(fromGithub('workflow_run', { action: 'completed', workflow_run: run, repository }, NEW)).status;
    };
    expect(['success', 'failure', 'timed_out', 'startup_failure', 'cancelled', null].map(told)).toEqual([
      'succeeded',
      'failed',
      'failed',
      'failed',
      null,
      null,
    ]);
  });

  test('foreign text is one line without anything unseen, and no longer than it may be', () => {
    expect(cleanText('a\u0000b\u001b[31m\u202Ec\n  d\u200B')).toBe('a b [31m c d');
    expect(cleanText('x'.repeat(5_000))).toHaveLength(200);
    expect(cleanText('😀'.repeat(200)).isWellFormed()).toBe(true);
    expect(cleanAddress('javascript:alert(1)')).toBeNull();
    // What a database does not keep, and what a URL is parsed without.
    for (const sign of ['\0', '\ud800', '\t', ' ', '\u202e'])
      expect(cleanAddress(`https://example.com/${sign}a`)).toBeNull();
    expect(cleanAddress('https://example.com/a')).toBe('https://example.com/a');
  });
});

describe('settings', () => {
  const secretOf = (text: string) => `whsec_${createHash('sha256').update(text).digest('base64')}`;

  test('two secrets of a tool, and of a sender of events', () => {
    const { intake } = readSettings(
      {
        OUTTURN_GITHUB_WEBHOOK_SECRETS: `${NEW}, ${OLD}`,
        OUTTURN_EVENTS_CI_SECRETS: `${secretOf('a')},${secretOf('b')}`,
      },
      '/',
    );
    expect(intake.webhookSecrets).toEqual({ github: [NEW, OLD] });
    expect(intake.senderSecrets).toEqual({ ci: [secretOf('a'), secretOf('b')] });
    expect(intake.github).toEqual({ apiUrl: 'https://api.github.com' });
  });

  test.each([
    ['OUTTURN_JIRA_WEBHOOK_SECRETS', 'short', /fewer than 16/],
    ['OUTTURN_LINEAR_WEBHOOK_SECRETS', `${NEW},${OLD},one-more-than-there-may-be`, /has 3 secrets/],
    ['OUTTURN_PAGERDUTY_WEBHOOK_SECRETS', ' , ', /holds no secret/],
    ['OUTTURN_EVENTS_CI_SECRETS', NEW, /Standard Webhooks/],
    ['GITHUB_API_URL', 'github.example.com', /no.* URL/],
    ['OUTTURN_GITHUB_APP_ID', 'Iv1.acme', /set together, or neither/],
  ])('%s is named with its fix', (variable, value, message) => {
    expect(() => readSettings({ [variable]: value }, '/')).toThrow(message);
  });

  test('a bad secret is never shown', () => {
    const read = () => readSettings({ OUTTURN_EVENTS_CI_SECRETS: NEW, OUTTURN_JIRA_WEBHOOK_SECRETS: 'tooshort' }, '/');
    expect(read).toThrow(/^(?!.*(?:tooshort|the-newer))/s);
  });
});
