/** The nightly look at what GitHub could not deliver: found whatever page it is on, asked for once a night, gone when it arrives. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import { sweepGithub } from '../../jobs/handlers/sweep-github.ts';
import { readIntakeStatus } from '../../services/intake/intake-status.ts';
import { test as base } from '../support/database.ts';
import { type GithubDouble, startGithubDouble } from '../support/github-double.ts';
import type { IntakeSettings } from '../../services/kernel/intake-settings.ts';
import { SECRET, startIntake, type TestIntake } from '../support/intake.ts';
import { fromGithub, githubIssue } from '../support/signed-webhooks.ts';

const HOOK_URL = 'https://outturn.example.com/api/v1/webhooks/github';
const ORGANISATION = `
pods: [{ id: checkout }]
intake:
  mappings: [{ repository: acme/shop, pod: checkout }]
`;

interface Swept {
  readonly github: GithubDouble;
  readonly intake: TestIntake;
  /** A delivery of an issue's change that was answered with `status` when it was made. */
  deliver(id: string, at: string, status: number): Promise<void>;
  sweep(): Promise<void>;
}

const test = base
  .extend('service', { scope: 'file' }, async ({ database }, { onCleanup }) => {
    let send: TestIntake['send'] = async () => 500;
    let clock: { now(): Date } = { now: () => new Date(0) };
    const github = await startGithubDouble({
      hookUrl: HOOK_URL,
      send: (delivery) => send(delivery),
      now: () => clock.now(),
    });
    const environment = { OUTTURN_GITHUB_TOKEN: github.token, GITHUB_API_URL: github.url };
    const intake = await startIntake(database, environment);
    ({ send, clock } = intake);
    onCleanup(async () => {
      await intake.app.close();
      await github.close();
    });
    return { github, intake };
  })
  .extend('swept', async ({ database, service: { github, intake } }): Promise<Swept> => {
    await sql`truncate inbound_event, intake_gap, intake_sweep restart identity cascade`.execute(database.db);
    github.deliveries.clear();
    github.deliveries.set('acme/shop', []);
    github.remaining = 5_000;
    (github.calls as string[]).length = 0;
    intake.clock.set('2026-09-15T02:00:00Z');
    await intake.apply(`${ORGANISATION}  github: { sweep: [acme/shop] }\n`);
    await sql`insert into intake_sweep (source, hook, next_at) values ('github', 'acme/shop', '2026-09-15T02:00:00Z') on conflict do nothing`.execute(
      database.db,
    );
    return {
      github,
      intake,
      sweep: () => sweepGithub({}, intake.context),
      deliver: async (id, at, status) => {
        const number = (github.deliveries.get('acme/shop')?.length ?? 0) + 1;
        const delivery = fromGithub('issues', githubIssue('opened', { number, updatedAt: at }), SECRET, id);
        if (status < 300) expect(await intake.send(delivery)).toBe(202);
        github.deliveries.get('acme/shop')?.push({ delivery, at, status });
      },
    };
  });

test('asks for what failed and lets be what came, over pages and within three days', async ({ swept, database }) => {
  const { github, deliver, sweep } = swept;
  await deliver('too-old', '2026-09-11T23:00:00Z', 502);
  await deliver('lost', '2026-09-13T10:00:00Z', 502);
  for (let index = 0; index < 230; index += 1) await deliver(`came-${index}`, '2026-09-14T10:00:00Z', 202);
  await deliver('refused', '2026-09-14T11:00:00Z', 504);
  github.deliveries.get('acme/shop')?.push({
    delivery: fromGithub('push', { ref: 'main' }, SECRET, 'uncounted'),
    at: '2026-09-14T12:00:00Z',
    status: 500,
  });
  await sweep();
  const { rows } = await sql<{ delivery_id: string }>`
    select delivery_id from inbound_event where delivery_id not like 'came-%' order by delivery_id`.execute(
    database.db,
  );
  expect(rows.map((row) => row.delivery_id)).toEqual(['lost', 'refused']);
  expect(github.calls.filter((call) => call.startsWith('POST'))).toHaveLength(2);
  expect(github.calls.filter((call) => call.includes('/deliveries?'))).toHaveLength(3);
  const { sources } = await readIntakeStatus(database.db);
  expect(sources.find(({ source }) => source === 'github')?.gap).toBe(0);
  // Another look within the night asks for nothing, one after it finds nothing.
  await sweep();
  expect(github.calls.filter((call) => call.startsWith('POST'))).toHaveLength(2);
});

test('shows what stays away as a gap, asks again the next night, and closes it on arrival', async ({
  swept,
  database,
}) => {
  const { github, intake, deliver, sweep } = swept;
  await deliver('lost', '2026-09-14T10:00:00Z', 502);
  const secrets = intake.context.settings.intake.webhookSecrets as { github?: readonly string[] };
  const kept = secrets.github ?? [];
  delete secrets.github;
  await sweep();
  const gap = async () =>
    (await readIntakeStatus(database.db)).sources.find(({ source }) => source === 'github')?.gap ?? 0;
  expect(await gap()).toBe(1);
  secrets.github = kept;
  intake.clock.set('2026-09-15T03:00:00Z');
  await sweep();
  expect(await gap()).toBe(1);
  intake.clock.set('2026-09-16T02:00:00Z');
  await sweep();
  expect(await gap()).toBe(0);
  expect(github.calls.filter((call) => call.startsWith('POST'))).toHaveLength(2);
});

test('asks as an App as well: for its own hook, and by its installation for that of a repository', async ({
  swept,
  database,
}) => {
  const { github, intake, deliver, sweep } = swept;
  await deliver('of-the-repository', '2026-09-14T10:00:00Z', 502);
  const missed = fromGithub(
    'issues',
    githubIssue('opened', { number: 9, updatedAt: '2026-09-14T11:00:00Z' }),
    SECRET,
    'of-the-app',
  );
  github.deliveries.set('@app', [{ delivery: missed, at: '2026-09-14T11:00:00Z', status: 502 }]);
  await intake.apply(`${ORGANISATION}  github: { sweep: [acme/shop, '@app'] }\n`);
  const settings = intake.context.settings.intake as { github: IntakeSettings['github'] };
  const { github: asToken } = settings;
  const looks = async () => {
    const { rows } = await sql<{
      hook: string;
      error: string | null;
    }>`select hook, error from intake_sweep order by hook`.execute(database.db);
    return rows;
  };
  await sweep();
  expect(await looks()).toMatchObject([
    { hook: '@app', error: expect.stringMatching(/shown to the App alone. Set OUTTURN_GITHUB_APP_ID/) },
    { error: null },
  ]);
  settings.github = { app: github.app, apiUrl: github.url };
  await sql`update intake_sweep set next_at = '2026-09-15T02:00:00Z'`.execute(database.db);
  await deliver('and-another', '2026-09-15T01:30:00Z', 502);
  await sweep();
  expect(await looks()).toEqual([
    { hook: '@app', error: null },
    { hook: 'acme/shop', error: null },
  ]);
  const { rows } = await sql<{
    delivery_id: string;
  }>`select delivery_id from inbound_event order by delivery_id`.execute(database.db);
  expect(rows.map((row) => row.delivery_id)).toEqual(['and-another', 'of-the-app', 'of-the-repository']);
  settings.github = { app: { ...github.app, id: 'Iv1.another' }, apiUrl: github.url };
  await sql`update intake_sweep set next_at = '2026-09-15T02:00:00Z'`.execute(database.db);
  await sweep();
  expect(await looks()).toMatchObject([
    { error: expect.stringMatching(/APP_KEY \(401\)/) },
    { error: expect.stringMatching(/\(401\)/) },
  ]);
  settings.github = asToken;
});

test('waits for the rate limit, and says what GitHub refuses', async ({ swept, database }) => {
  const { github, intake, deliver, sweep } = swept;
  const standing = async () => {
    const { rows } = await sql<{ error: string | null; next_at: Date; seen_through: Date | null }>`
      select error, next_at, seen_through from intake_sweep`.execute(database.db);
    return rows[0];
  };
  await deliver('lost', '2026-09-14T10:00:00Z', 502);
  github.remaining = 1;
  github.resetAt = Date.parse('2026-09-15T02:40:00Z') / 1_000;
  await sweep();
  expect(await standing()).toMatchObject({
    error: "GitHub's rate limit is used up",
    next_at: new Date('2026-09-15T02:40:00Z'),
    seen_through: null,
  });
  github.remaining = 5_000;
  intake.clock.set('2026-09-15T03:00:00Z');
  await sweep();
  expect(await standing()).toMatchObject({ error: null, seen_through: new Date('2026-09-15T03:00:00Z') });

  await sql`update intake_sweep set next_at = '2026-09-15T03:00:00Z', hook = 'acme/elsewhere'`.execute(database.db);
  await sweep();
  expect((await standing())?.error).toMatch(/GitHub shows no webhooks of acme\/elsewhere \(404\).*admin:repo_hook/);
  expect(intake.logged.join('')).not.toContain(github.token);
});
