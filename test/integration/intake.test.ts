/**
 * What the tools of the pods tell, from the signed bytes to what follows of them: each change is one event, whoever tells of it and how often;
 * it is its pod's by its own day; a finished ticket may become a candidate, a reopened one breaks evidence and asks, and money never moves.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { githubWebhook } from '../../connectors/github/github-webhook.ts';
import { keepEvents } from '../../services/intake/keep-events.ts';
import { createOutcome } from '../../services/outcomes/create-outcome.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { checkIntake } from '../../cli/intake-checks.ts';
import { renderUnmapped } from '../../cli/render/events.ts';
import { signedHeaders } from '../../connectors/webhook/sign-webhook.ts';
import { createToken } from '../../services/access/tokens.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { listInbox } from '../../services/inbox/list-inbox.ts';
import { listEvents, listUnmapped } from '../../services/intake/list-events.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { FORMER_SECRET, SECRET, SENDER_SECRET, startIntake, type TestIntake } from '../support/intake.ts';
import {
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

const ORGANISATION = `
pods:
  - { id: checkout, name: Checkout, owner: ada@example.com, slackChannel: C0CHECKOUT }
  - { id: pay, name: Pay, owner: pia@example.com }
`;
const MAPPED = `${ORGANISATION}
intake:
  mappings:
    - { repository: Acme/Shop, pod: checkout }
    - { repository: acme/shop, pod: pay, from: 2026-09-10 }
    - { project: SHOP, pod: checkout }
    - { team: ENG, ignored: the search team is not counted }
    - { service: Checkout API, pod: checkout }
    - { service: payments, pod: pay }
  candidates:
    - { label: Outcome }
    - { project: shop, issueType: Benefit }
`;

const test = base
  .extend('intake', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestIntake> => {
    const intake = await startIntake(database);
    onCleanup(() => intake.app.close());
    return intake;
  })
  .extend('fresh', async ({ database, intake }): Promise<TestIntake> => {
    await sql`truncate inbound_event, intake_gap, message, outcome, api_token restart identity cascade`.execute(
      database.db,
    );
    intake.clock.set('2026-09-15T12:00:00Z');
    await intake.apply(MAPPED);
    return intake;
  });

interface Row {
  readonly type: string;
  readonly state: string;
  readonly pod_id: string | null;
  readonly reason: string | null;
}

async function events({ db }: TestDatabase): Promise<Row[]> {
  const { rows } = await sql<Row>`select type, state, pod_id, reason from inbound_event order by id`.execute(db);
  return rows;
}

async function outcomes({ db }: TestDatabase) {
  const { rows } = await sql<{
    title: string;
    state: string;
    pods: string;
    owner_email: string;
    evidence: string | null;
  }>`
    select title, state, owner_email, (select string_agg(pod_id, ',') from outcome_share where outcome_id = outcome.id) as pods,
      (select string_agg(uri, ',') from outcome_evidence where outcome_id = outcome.id) as evidence from outcome order by id
  `.execute(db);
  return rows;
}

async function claimWith({ db }: TestDatabase, evidenceUrl: string, reference: { system: string; key: string }) {
  const input = {
    title: 'Paid faster & <better>',
    basis: 'cost_avoided' as const,
    amount: '300.00',
    currency: 'USD',
    deliveredOn: '2026-09-05',
    ownerEmail: 'ada@example.com',
    shares: [{ pod: 'checkout', basisPoints: 10_000 }],
    evidenceUrl,
    references: [{ ...reference, url: evidenceUrl }],
  };
  const at = new Date('2026-09-06T12:00:00Z');
  const created = await db.transaction().execute((trx) => createOutcome(trx, { input, principal: localOperator, at }));
  await sql`
    insert into outcome_evidence (outcome_id, kind, uri, captured_at, added_by, added_at)
    values (${created.outcomeId}::bigint, 'link', ${evidenceUrl}, ${at.toISOString()}, 'ada', ${at.toISOString()}) on conflict do nothing
  `.execute(db);
  return created.outcomeId;
}

async function tokenOf({ context }: TestIntake, role: 'ingest' | 'reader'): Promise<string> {
  const grant = { principal: `${role}@example.com`, role, pods: [], expiresAt: new Date('2026-10-15T00:00:00Z') };
  const { token } = await context.db
    .transaction()
    .execute((trx) => createToken(trx, grant, localOperator, context.clock.now()));
  return `Bearer ${token}`;
}

const issue = (action: string, at: string, more: Partial<Parameters<typeof githubIssue>[1]> = {}) =>
  githubIssue(action, { number: 7, updatedAt: at, ...more });
const closed = { state: 'closed', reason: 'completed', labels: ['outcome'] };

describe('deliveries', () => {
  test('are written down, answered with 202, and a worker is reminded once', async ({ fresh, database }) => {
    const before = fresh.reminders;
    const delivery = fromGithub('issues', issue('opened', '2026-09-15T11:00:00Z'), SECRET, 'd-1');
    expect(await fresh.send(delivery)).toBe(202);
    expect(await fresh.send(delivery)).toBe(202);
    expect(fresh.reminders).toBe(before + 1);
    const { rows } = await sql`
      select source, delivery_id, sha256 = encode(sha256(body), 'hex') as is_hash, convert_from(body, 'UTF8') as body, headers, state, kind, status
      from inbound_event`.execute(database.db);
    expect(rows).toEqual([
      {
        source: 'github',
        delivery_id: 'd-1',
        is_hash: true,
        body: delivery.body,
        headers: { 'x-github-event': 'issues', 'x-github-delivery': 'd-1' },
        state: 'received',
        kind: 'ticket',
        status: 'open',
      },
    ]);
  });

  test('of every tool are taken under the former secret and refused without a right one, and nothing is kept', async ({
    fresh,
    database,
  }) => {
    const at = '2026-09-15T11:00:00Z';
    const incident = pagerdutyIncident('incident.triggered', { id: 'E1', at, status: 'triggered' });
    const bad = 'no-secret-of-ours-at-all';
    const made = (secret: string) => [
      fromGithub('issues', issue('opened', at), secret),
      fromJira(jiraIssue({ at, changeId: '1' }), secret),
      fromLinear(linearIssue({ updatedAt: at, stateType: 'started' }), secret, fresh.clock.now()),
      fromPagerduty(incident, [secret]),
    ];
    for (const delivery of made(bad)) expect(await fresh.send(delivery)).toBe(401);
    const unsigned = { url: '/api/v1/webhooks/github', headers: {}, body: '{}' };
    expect(await fresh.send(unsigned)).toBe(401);
    expect(await events(database)).toEqual([]);
    for (const delivery of made(SECRET)) expect(await fresh.send(delivery)).toBe(202);
    expect(await fresh.send(fromGithub('issues', issue('edited', at), FORMER_SECRET))).toBe(202);
    expect(await events(database)).toHaveLength(5);
    expect(fresh.logged.join('')).not.toMatch(new RegExp(`${SECRET}|${FORMER_SECRET}|${bad}`));
  });

  test('of Linear that were kept for more than a minute are refused', async ({ fresh, database }) => {
    const sent = fromLinear(
      linearIssue({ updatedAt: '2026-09-15T11:59:00Z', stateType: 'started' }),
      SECRET,
      fresh.clock.now(),
    );
    fresh.clock.set('2026-09-15T12:01:01Z');
    expect(await fresh.send(sent)).toBe(401);
    expect(await events(database)).toEqual([]);
  });

  test('sent again under another id, or told by a second hook, are one event', async ({ fresh, database }) => {
    const payload = issue('closed', '2026-09-15T11:00:00Z', closed);
    for (const id of ['d-1', 'd-2', 'd-3'])
      expect(await fresh.send(fromGithub('issues', payload, SECRET, id))).toBe(202);
    const change = jiraIssue({ at: '2026-09-15T11:00:00Z', changeId: '900', category: 'done', resolution: 'Done' });
    for (const id of ['j-1', 'j-2']) expect(await fresh.send(fromJira(change, SECRET, id))).toBe(202);
    expect(await events(database)).toHaveLength(2);
  });

  test('10,000 of one change make one event, whoever tells of it and however often at once', async ({
    fresh,
    database,
  }) => {
    const payload = issue('closed', '2026-09-15T11:00:00Z', closed);
    const again = fromGithub('issues', payload, SECRET, 'd-0');
    const [event] = [githubWebhook.read({ headers: again.headers, body: Buffer.from(again.body) })];
    // Through the whole API, many at a time.
    const statuses = await Promise.all(Array.from({ length: 100 }, () => fresh.send(again)));
    expect(new Set(statuses)).toEqual(new Set([202]));
    // And by the statement that each of them comes to, a thousand in one.
    const { db } = database;
    const arrival = { source: 'github', headers: {}, body: Buffer.from(again.body), at: fresh.clock.now() };
    const many = Array.from({ length: 1_000 }, (_, index) => ({ ...event, deliveryId: `d-${index}` }));
    for (let round = 0; round < 10; round += 1) expect(await keepEvents(db, { ...arrival, events: many })).toBe(0);
    expect(await events(database)).toHaveLength(1);
    await fresh.work();
    expect(await outcomes(database)).toHaveLength(1);
  });

  test('meet 503 where a fault is ours, so that their tool sends them again', async ({ fresh, database }) => {
    const { intake } = fresh.context.settings;
    const secrets = intake.webhookSecrets as { pagerduty?: readonly string[] };
    const kept = secrets.pagerduty;
    delete secrets.pagerduty;
    const event = pagerdutyIncident('incident.triggered', {
      id: 'E1',
      at: '2026-09-15T11:00:00Z',
      status: 'triggered',
    });
    expect(await fresh.send(fromPagerduty(event, [SECRET]))).toBe(503);
    secrets.pagerduty = kept ?? [];
    await sql`alter table inbound_event rename to inbound_event_away`.execute(database.db);
    expect(await fresh.send(fromPagerduty(event, [SECRET]))).toBe(500);
    await sql`alter table inbound_event_away rename to inbound_event`.execute(database.db);
    expect(await fresh.send(fromPagerduty(event, [SECRET]))).toBe(202);
  });

  test('that are too large, or can never be read, are refused as such', async ({ fresh }) => {
    const large = fromGithub('issues', { text: 'x'.repeat(5 * 1_048_576) }, SECRET);
    expect(await fresh.send(large)).toBe(413);
    expect(await fresh.send(fromPagerduty({ event_type: 'incident.triggered' }, [SECRET]))).toBe(400);
  });

  test('of events that nobody counts are kept as having come, and no more', async ({ fresh, database }) => {
    expect(await fresh.send(fromGithub('ping', { zen: 'Speak like a human.' }, SECRET))).toBe(202);
    await fresh.work();
    expect(await events(database)).toMatchObject([{ type: 'ping', state: 'ignored' }]);
  });
});

describe('whose they are', () => {
  test('is what the file says for their own day, by the narrowest name that is mapped', async ({ fresh, database }) => {
    await fresh.send(fromGithub('issues', issue('opened', '2026-09-09T23:59:59Z'), SECRET));
    await fresh.send(fromGithub('issues', issue('edited', '2026-09-10T00:00:00Z'), SECRET));
    await fresh.send(
      fromLinear(linearIssue({ updatedAt: '2026-09-15T11:00:00Z', stateType: 'started' }), SECRET, fresh.clock.now()),
    );
    await fresh.send(
      fromPagerduty(
        pagerdutyIncident('incident.triggered', { id: 'E1', at: '2026-09-15T11:00:00Z', status: 'triggered' }),
        [SECRET],
      ),
    );
    await fresh.work();
    expect(await events(database)).toEqual([
      { type: 'issues.opened', state: 'mapped', pod_id: 'checkout', reason: null },
      { type: 'issues.edited', state: 'mapped', pod_id: 'pay', reason: null },
      { type: 'Issue.update', state: 'ignored', pod_id: null, reason: 'the search team is not counted' },
      { type: 'incident.triggered', state: 'mapped', pod_id: 'checkout', reason: null },
    ]);
  });

  test('waits in the open where nobody is mapped, and is settled by applying a mapping', async ({
    fresh,
    database,
  }) => {
    await fresh.apply(ORGANISATION);
    const payload = issue('closed', '2026-09-14T11:00:00Z', closed);
    await fresh.send(fromGithub('issues', payload, SECRET));
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'unmapped' }]);
    expect(await listUnmapped(database.db)).toMatchObject([
      { source: 'github', kind: 'repository', name: 'acme/shop', events: 1 },
    ]);
    // A mapping of other days, and candidates nobody asked for, change nothing.
    await fresh.apply(`${ORGANISATION}intake: { mappings: [{ repository: acme/shop, pod: pay, until: 2026-09-14 }] }`);
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'unmapped' }]);
    await fresh.apply(MAPPED);
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'mapped', pod_id: 'pay' }]);
    expect(await outcomes(database)).toMatchObject([{ title: 'Pay with one click', state: 'candidate', pods: 'pay' }]);
    // What has its pod keeps it.
    await fresh.apply(MAPPED.replaceAll('pod: pay', 'pod: checkout'));
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'mapped', pod_id: 'pay' }]);
  });

  test('is planned together with the pod that it names, and what failed is tried again by a file that changes nothing', async ({
    fresh,
    database,
  }) => {
    const sourceText = `organisation: Acme\n${MAPPED.replace('pods:', 'pods:\n  - { id: new-pod, name: New }').replace('pod: checkout }', 'pod: new-pod }')}`;
    const file = { organisation: parseOrganisation(sourceText), sourceText, folder: '/nowhere' };
    const { changes } = await planInMoney(database.db, { file, rates: null, at: fresh.context.clock.now() });
    expect(changes).toContainEqual(expect.objectContaining({ noun: 'pod', id: 'new-pod' }));
    await fresh.send(fromGithub('issues', issue('closed', '2026-09-14T11:00:00Z'), SECRET));
    await sql`update inbound_event set state = 'failed', reason = 'no owner', next_attempt_at = null`.execute(
      database.db,
    );
    await fresh.apply(MAPPED);
    expect(await events(database)).toMatchObject([{ state: 'received', reason: null }]);
  });
});

describe('tickets', () => {
  test('become candidates when they are finished, by an opted-in label or type only, and never value', async ({
    fresh,
    database,
  }) => {
    await fresh.send(
      fromGithub('issues', issue('closed', '2026-09-15T10:00:00Z', { ...closed, labels: ['bug'] }), SECRET),
    );
    await fresh.work();
    expect(await outcomes(database)).toEqual([]);
    await fresh.send(
      fromGithub('issues', issue('labeled', '2026-09-15T10:05:00Z', { ...closed, labels: ['bug', 'OUTCOME'] }), SECRET),
    );
    const benefit = { at: '2026-09-15T11:00:00Z', category: 'done', resolution: 'Done', issueType: 'Benefit' };
    await fresh.send(fromJira(jiraIssue({ ...benefit, changeId: '1' }), SECRET));
    await fresh.work();
    await fresh.send(fromJira(jiraIssue({ ...benefit, changeId: '2', at: '2026-09-15T11:30:00Z' }), SECRET));
    await fresh.work();
    expect(await outcomes(database)).toEqual([
      {
        title: 'Pay with one click',
        state: 'candidate',
        pods: 'pay',
        owner_email: 'pia@example.com',
        evidence: 'https://github.com/acme/shop/issues/7',
      },
      {
        title: 'Fewer failed payments',
        state: 'candidate',
        pods: 'checkout',
        owner_email: 'ada@example.com',
        evidence: 'https://acme.atlassian.net/browse/SHOP-42',
      },
    ]);
    const { rows } = await sql`select from counted_schedule`.execute(database.db);
    expect(rows).toEqual([]);
  });

  test('that arrive late are ignored: what is newer stays', async ({ fresh, database }) => {
    await fresh.send(fromGithub('issues', issue('reopened', '2026-09-15T11:00:00Z'), SECRET));
    await fresh.send(fromGithub('issues', issue('closed', '2026-09-15T10:00:00Z', closed), SECRET));
    await fresh.work();
    expect(await events(database)).toMatchObject([
      { type: 'issues.reopened', state: 'mapped' },
      { type: 'issues.closed', state: 'outdated', pod_id: 'pay' },
    ]);
    expect(await outcomes(database)).toEqual([]);
  });
});

describe('evidence', () => {
  const URL_OF_ISSUE = 'https://github.com/acme/shop/issues/7';

  async function broken({ db }: TestDatabase): Promise<(string | null)[]> {
    const { rows } = await sql<{
      broken_reason: string | null;
    }>`select broken_reason from outcome_evidence order by id`.execute(db);
    return rows.map((row) => row.broken_reason);
  }

  async function asked({ db }: TestDatabase): Promise<{ scope_id: string; text: string }[]> {
    const { rows } = await sql<{ scope_id: string; text: string }>`
      select scope_id, text from message where kind = 'evidence-broken' order by created_at, text`.execute(db);
    return rows;
  }

  const counted = async ({ db }: TestDatabase) =>
    (await sql`select outcome_id, amount::text, state from counted_schedule`.execute(db)).rows;

  test('breaks where its ticket is reopened; the owner is asked once, and no money moves', async ({
    fresh,
    database,
  }) => {
    const outcomeId = await claimWith(database, URL_OF_ISSUE, { system: 'github', key: 'acme/shop#7' });
    const before = await counted(database);
    await fresh.send(fromGithub('issues', issue('closed', '2026-09-15T09:00:00Z', closed), SECRET));
    await fresh.work();
    expect(await broken(database)).toEqual([null]);
    const reopened = issue('reopened', '2026-09-15T10:00:00Z');
    await fresh.send(fromGithub('issues', reopened, SECRET));
    await fresh.send(fromGithub('issues', reopened, SECRET));
    await fresh.send(fromGithub('issues', issue('edited', '2026-09-15T10:01:00Z'), SECRET));
    await fresh.work();
    await fresh.work();
    expect(await broken(database)).toEqual(['The ticket acme/shop#7 was reopened (github, 2026-09-15)']);
    expect(await asked(database)).toEqual([
      {
        scope_id: 'checkout',
        text:
          `The evidence of the outcome “Paid faster &amp; &lt;better&gt;” (${outcomeId}) does not hold any more: The ticket acme/shop#7 was reopened ` +
          '(github, 2026-09-15). ada@example.com: does its value still stand? Add evidence that holds, or correct the outcome. Nothing was retracted.',
      },
    ]);
    expect(await counted(database)).toEqual(before);
    expect(await listInbox(database.db, { at: fresh.clock.now() })).toMatchObject([
      {
        kind: 'broken-evidence',
        amount: '300',
        currency: 'USD',
        calls: [`POST /api/v1/outcomes/${outcomeId}/evidence/1/mend`, `POST /api/v1/outcomes/${outcomeId}/retract`],
      },
    ]);
  });

  test('breaks where its ticket was closed without being done, though nobody is mapped', async ({
    fresh,
    database,
  }) => {
    await fresh.apply(ORGANISATION);
    await claimWith(database, 'https://acme.atlassian.net/browse/SHOP-42', { system: 'jira', key: 'SHOP-42' });
    await fresh.send(
      fromJira(
        jiraIssue({ at: '2026-09-15T11:00:00Z', changeId: '5', category: 'done', resolution: "Won't Do" }),
        SECRET,
      ),
    );
    await fresh.work();
    expect(await broken(database)).toEqual(['The ticket SHOP-42 was closed without being done (jira, 2026-09-15)']);
    // Found to hold after all; a mapping that comes later does not break it again.
    await sql`update outcome_evidence set mended_at = now(), mended_by = 'grace@example.com'`.execute(database.db);
    await fresh.apply(MAPPED);
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'mapped', pod_id: 'checkout' }]);
    const { rows } = await sql`select from outcome_evidence where mended_at is null`.execute(database.db);
    expect(rows).toEqual([]);
  });

  test('breaks where the deployment it names was rolled back', async ({ fresh, database }) => {
    const bad = 'b'.repeat(40);
    await claimWith(database, `https://github.com/acme/shop/commit/${bad}`, {
      system: 'github',
      key: `acme/shop@${bad}`,
    });
    const deploy = (id: number, at: string, more: object) =>
      fresh.send(
        fromGithub(
          'deployment_status',
          githubDeployment({ id, statusId: id * 10, state: 'success', at, ...more }),
          SECRET,
        ),
      );
    await deploy(1, '2026-09-15T08:00:00Z', {});
    await deploy(2, '2026-09-15T09:00:00Z', { sha: bad });
    await deploy(3, '2026-09-15T09:30:00Z', { sha: bad, environment: 'staging', task: 'rollback' });
    await fresh.work();
    expect(await broken(database)).toEqual([null]);
    await deploy(4, '2026-09-15T10:00:00Z', { task: 'rollback' });
    await fresh.work();
    expect(await broken(database)).toEqual([
      'The deployment acme/shop/deployments/2 was rolled back (github, 2026-09-15)',
    ]);
    expect(await asked(database)).toHaveLength(1);
  });
});

describe('CloudEvents', () => {
  const made = (id: string, more: object = {}) => ({
    specversion: '1.0',
    id,
    source: 'https://ci.example.com/shop',
    type: 'com.example.built',
    time: '2026-09-15T11:00:00Z',
    ...more,
  });
  const deployed = (id: string, verb: string, at: string, artifactId: string) =>
    made(id, {
      type: `dev.cdevents.service.${verb}.0.2.0`,
      time: at,
      data: { subject: { id: 'payments', content: { environment: { id: 'production' }, artifactId } } },
    });

  test('with a token are taken one by one and in batches, each once; what is wrong is named', async ({
    fresh,
    database,
  }) => {
    const authorization = await tokenOf(fresh, 'ingest');
    const post = async (contentType: string, body: unknown, headers: Record<string, string> = {}) => {
      const sent = { authorization, 'content-type': contentType, ...headers };
      const answer = await fresh.app.inject({
        method: 'POST',
        url: '/api/v1/events',
        headers: sent,
        payload: JSON.stringify(body),
      });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    };
    const one = 'application/cloudevents+json';
    expect(await post(one, made('1'))).toEqual({ status: 202, body: { received: 1, new: 1 } });
    const batch = [made('1'), made('2'), made('2'), made('3')];
    expect(await post('application/cloudevents-batch+json', batch)).toEqual({
      status: 202,
      body: { received: 4, new: 2 },
    });
    const binary = { 'ce-specversion': '1.0', 'ce-id': '4', 'ce-source': '/ci', 'ce-type': 'com.example.built' };
    expect(await post('application/json', { any: 'thing' }, binary)).toEqual({
      status: 202,
      body: { received: 1, new: 1 },
    });
    expect(
      await post('application/cloudevents-batch+json', [made('5'), { ...made('6'), id: undefined }]),
    ).toMatchObject({
      status: 400,
      body: { code: 'invalid_input', faults: [{ record: 2, column: 'id' }] },
    });
    expect(await events(database)).toHaveLength(4);
    const refused = { authorization: await tokenOf(fresh, 'reader'), 'content-type': one };
    const unasked = await fresh.app.inject({
      method: 'POST',
      url: '/api/v1/events',
      headers: refused,
      payload: JSON.stringify(made('7')),
    });
    expect(unasked.statusCode).toBe(403);
  });

  test('signed by a known sender need no token, but stand in the body', async ({ fresh, database }) => {
    const send = (body: string, secret: string, more: Record<string, string> = {}) => {
      const signed = signedHeaders({ id: 'm-1', sentAt: fresh.clock.now(), body }, [secret]);
      const headers = { 'content-type': 'application/cloudevents+json', ...signed, ...more };
      return fresh.send({ url: '/api/v1/events', headers, body });
    };
    const body = JSON.stringify(made('1'));
    expect(await send(body, 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD')).toBe(401);
    expect(await send(body, SENDER_SECRET)).toBe(202);
    const binary = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '2',
      'ce-source': '/ci',
      'ce-type': 'a',
    };
    expect(await send('{}', SENDER_SECRET, binary)).toBe(400);
    const { rows } = await sql`select source from inbound_event`.execute(database.db);
    expect(rows).toEqual([{ source: 'events/ci' }]);
  });

  test('of a rolled back service break what names the artifact it took back', async ({ fresh, database }) => {
    await claimWith(database, 'https://registry.example.com/shop/2', { system: 'cdevents', key: 'pkg:oci/shop@2' });
    const authorization = await tokenOf(fresh, 'ingest');
    const headers = { authorization, 'content-type': 'application/cloudevents-batch+json' };
    const told = [
      deployed('1', 'deployed', '2026-09-15T08:00:00Z', 'pkg:oci/shop@1'),
      deployed('2', 'upgraded', '2026-09-15T09:00:00Z', 'pkg:oci/shop@2'),
      deployed('3', 'rolledback', '2026-09-15T10:00:00Z', 'pkg:oci/shop@1'),
    ];
    expect(await fresh.send({ url: '/api/v1/events', headers, body: JSON.stringify(told) })).toBe(202);
    await fresh.work();
    expect(await events(database)).toMatchObject([
      { pod_id: 'pay' },
      { pod_id: 'pay' },
      { pod_id: 'pay', state: 'mapped' },
    ]);
    const { rows } = await sql`select broken_reason from outcome_evidence`.execute(database.db);
    expect(rows).toEqual([{ broken_reason: 'The deployment pkg:oci/shop@2 was rolled back (events, 2026-09-15)' }]);
  });
});

test('what waits is in the list, in the inbox, in the doctor’s findings and in the metrics', async ({
  fresh,
  database,
}) => {
  const at = '2026-09-15T11:00:00Z';
  await fresh.send(fromJira(jiraIssue({ at, changeId: '1' }), SECRET));
  const elsewhere = {
    ...githubIssue('opened', { number: 1, updatedAt: at }),
    repository: { id: 78, full_name: 'acme/elsewhere' },
  };
  for (const delivery of ['d-1', 'd-2']) {
    await fresh.send(fromGithub('issues', { ...elsewhere, action: delivery }, SECRET, delivery));
  }
  await fresh.work();
  const events = await listEvents(database.db, { state: 'unmapped', limit: 10 });
  expect(events.map(({ eventId, source, podId }) => ({ eventId, source, podId }))).toEqual([
    { eventId: '3', source: 'github', podId: null },
    { eventId: '2', source: 'github', podId: null },
  ]);
  expect(renderUnmapped(await listUnmapped(database.db), events)).toContain(
    '    - { repository: "acme/elsewhere", pod: … }',
  );
  const items = await listInbox(database.db, { at: fresh.clock.now(), role: 'operator' });
  expect(items).toMatchObject([
    {
      kind: 'unmapped-events',
      id: 'repository acme/elsewhere',
      settle: ['outturn apply', 'outturn events --state unmapped'],
    },
  ]);
  const findings = await checkIntake({ db: database.db, settings: fresh.context.settings });
  expect(findings.map(({ subject, state }) => `${subject}: ${state}`)).toEqual([
    'webhooks of GitHub: note',
    'webhooks of Jira: ok',
    'webhooks of Linear: note',
    'webhooks of PagerDuty: note',
  ]);
  expect(findings[0]?.message).toMatch(
    /^last event 2026-09-15T12:00:00.000Z; two secrets are active; 2 wait for a mapping/,
  );
  const headers = { authorization: await tokenOf(fresh, 'reader') };
  const page = await fresh.app.inject({ url: '/api/v1/events?state=unmapped&limit=1', headers });
  expect(page.json()).toEqual(JSON.parse(JSON.stringify(events.slice(0, 1))));
  const next = /<([^>]+)>/.exec(String(page.headers.link))?.[1] ?? '';
  const rest = await fresh.app.inject({ url: next, headers });
  expect(rest.json<{ eventId: string }[]>().map(({ eventId }) => eventId)).toEqual(['2']);
  expect(rest.headers.link).toBeUndefined();
  const { body } = await fresh.app.inject('/metrics');
  expect(body).toMatch(/^outturn_events_waiting\{source="github",state="unmapped"\} 2$/m);
  expect(body).toMatch(/^outturn_events_last_age_seconds\{source="jira"\} 0$/m);
});
