/** Whose events are: their pod’s by their own day, and what is nobody’s waits where everybody looks. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { checkIntake } from '../../cli/intake-checks.ts';
import { renderUnmapped } from '../../cli/render/events.ts';
import { listInbox } from '../../services/inbox/list-inbox.ts';
import { listEvents, listUnmapped } from '../../services/intake/list-events.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { SECRET } from '../support/intake.ts';
import { closed, events, issue, MAPPED, ORGANISATION, outcomes, test, tokenOf } from '../support/intake-facts.ts';
import {
  fromGithub,
  fromJira,
  fromLinear,
  fromPagerduty,
  githubIssue,
  jiraIssue,
  linearIssue,
  pagerdutyIncident,
} from '../support/signed-webhooks.ts';

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
