/** What the tools of the pods send, from the signed bytes to a row: each change is one event, whoever tells of it and how often. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { githubWebhook } from '../../connectors/github/github-webhook.ts';
import { keepEvents } from '../../services/intake/keep-events.ts';
import { FORMER_SECRET, SECRET } from '../support/intake.ts';
import { closed, events, issue, outcomes, test } from '../support/intake-facts.ts';
import {
  fromGithub,
  fromJira,
  fromLinear,
  fromPagerduty,
  jiraIssue,
  linearIssue,
  pagerdutyIncident,
} from '../support/signed-webhooks.ts';

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
    // Linear takes any other status than 200 for a failure.
    const statuses = await Promise.all(made(SECRET).map((delivery) => fresh.send(delivery)));
    expect(statuses).toEqual([202, 202, 200, 202]);
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

  test('whose clock is far ahead happened when they came: nothing that follows is overtaken by them', async ({
    fresh,
    database,
  }) => {
    await fresh.send(fromGithub('issues', issue('opened', '2099-01-01T00:00:00Z'), SECRET));
    fresh.clock.set('2026-09-15T12:10:00Z');
    await fresh.send(fromGithub('issues', issue('closed', '2026-09-15T12:11:00Z', closed), SECRET));
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'mapped' }, { state: 'mapped' }]);
    const { rows } = await sql`select occurred_at from inbound_event order by id`.execute(database.db);
    expect(rows).toEqual(['2026-09-15T12:00:00Z', '2026-09-15T12:11:00Z'].map((at) => ({ occurred_at: new Date(at) })));
  });

  test('of events that nobody counts are kept as having come, and no more', async ({ fresh, database }) => {
    expect(await fresh.send(fromGithub('ping', { zen: 'Speak like a human.' }, SECRET))).toBe(202);
    await fresh.work();
    expect(await events(database)).toMatchObject([{ type: 'ping', state: 'ignored' }]);
  });
});
