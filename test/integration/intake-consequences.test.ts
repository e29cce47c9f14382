/** What follows of what came in: a finished ticket may become a candidate, a reopened one breaks evidence and asks, and money never moves. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listInbox } from '../../services/inbox/list-inbox.ts';
import type { TestDatabase } from '../support/database.ts';
import { SECRET } from '../support/intake.ts';
import {
  claimWith,
  closed,
  events,
  issue,
  MAPPED,
  ORGANISATION,
  outcomes,
  test,
  tokenOf,
} from '../support/intake-facts.ts';
import { fromGithub, fromJira, githubDeployment, jiraIssue } from '../support/signed-webhooks.ts';

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

describe('a service that is rolled back', () => {
  const deployed = (id: string, verb: string, at: string, artifactId: string, environment = 'production') => ({
    specversion: '1.0',
    id,
    source: 'https://ci.example.com/shop',
    type: `dev.cdevents.service.${verb}.0.3.0`,
    time: at,
    data: { subject: { id: 'payments', content: { environment: { id: environment }, artifactId } } },
  });

  test('breaks what names the artifact that ran before, in its own environment, as often as it is', async ({
    fresh,
    database,
  }) => {
    for (const version of ['2', '3']) {
      const key = `pkg:oci/shop@${version}`;
      await claimWith(database, `https://registry.example.com/shop/${version}`, { system: 'cdevents', key });
    }
    const authorization = await tokenOf(fresh, 'ingest', 'CI@example.com');
    const headers = { authorization, 'content-type': 'application/cloudevents-batch+json' };
    const told = [
      deployed('1', 'deployed', '2026-09-15T07:00:00Z', 'pkg:oci/shop@1'),
      deployed('2', 'upgraded', '2026-09-15T08:00:00Z', 'pkg:oci/shop@2'),
      deployed('3', 'upgraded', '2026-09-15T09:00:00Z', 'pkg:oci/shop@3'),
      deployed('3p', 'published', '2026-09-15T09:01:00Z', 'pkg:oci/shop@3'),
      // Elsewhere, and before the one that matters.
      deployed('4s', 'rolledback', '2026-09-15T09:30:00Z', 'pkg:oci/shop@1', 'staging'),
      deployed('4', 'rolledback', '2026-09-15T10:00:00Z', 'pkg:oci/shop@2'),
    ];
    const broken = async () => {
      const { rows } = await sql<{ broken_reason: string | null }>`
        select broken_reason from outcome_evidence order by id`.execute(database.db);
      return rows.map((row) => row.broken_reason);
    };
    expect(await fresh.send({ url: '/api/v1/events', headers, body: JSON.stringify(told) })).toBe(202);
    await fresh.work();
    expect(new Set((await events(database)).map(({ state, pod_id }) => `${state} ${pod_id}`))).toEqual(
      new Set(['mapped pay']),
    );
    const third = 'The deployment pkg:oci/shop@3 was rolled back (events/ci@example.com, 2026-09-15)';
    expect(await broken()).toEqual([null, third]);
    const further = [deployed('5', 'rolledback', '2026-09-15T11:00:00Z', 'pkg:oci/shop@1')];
    expect(await fresh.send({ url: '/api/v1/events', headers, body: JSON.stringify(further) })).toBe(202);
    await fresh.work();
    expect(await broken()).toEqual([third.replace('@3', '@2'), third]);
  });
});
