/**
 * Kills with SIGKILL what takes events in, looks for those that GitHub could not deliver, and does what they ask for, at every named point: the
 * next run makes of it what an undisturbed one does. Only to ask GitHub again is done at least once, for asking and recording it are two
 * things: what comes twice is kept once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { describe } from 'vitest';
import { FAULT_POINTS, type FaultPoint } from '../../services/kernel/fault-point.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { createTemplate, createTestDatabase, test as base, type TestDatabase } from '../support/database.ts';
import { startGithubDouble } from '../support/github-double.ts';
import { claimWith, closed, issue } from '../support/intake-facts.ts';
import { HOOK_URL, type IntakeStep, takeIntakeStep } from '../support/intake-step.ts';
import { type Delivery, fromGithub, githubIssue } from '../support/signed-webhooks.ts';

const PROGRAM = fileURLToPath(new URL('./intake-process.ts', import.meta.url));
const SECRET = 'a-secret-of-the-hook';
const NIGHT = '2026-09-15T02:00:00Z';
const NEXT_NIGHT = '2026-09-16T02:00:00Z';
const ORGANISATION = `
organisation: Acme
pods: [{ id: checkout, owner: ada@example.com, slackChannel: C0CHECKOUT }]
intake:
  mappings: [{ repository: acme/shop, pod: checkout }]
  candidates: [{ label: outcome }]
  github: { sweep: [acme/shop] }
`;

const of = (id: string, change: object) => fromGithub('issues', change, SECRET, id);
/** Breaks the evidence of a claim. */
const CAME = of('came', githubIssue('reopened', { number: 8, updatedAt: '2026-09-14T08:00:00Z' }));
/** What failed when it was made, oldest first, as it is asked for. */
const FAILED: readonly (readonly [Delivery, string])[] = [
  [
    of('late', githubIssue('closed', { ...closed, number: 9, updatedAt: '2026-09-14T09:00:00Z', title: 'Pay later' })),
    '2026-09-14T09:00:01Z',
  ],
  [of('finished', issue('closed', '2026-09-14T10:00:00Z', closed)), '2026-09-14T10:00:01Z'],
  [
    of('renamed', issue('edited', '2026-09-14T11:00:00Z', { ...closed, title: 'Pay at a glance' })),
    '2026-09-14T11:00:01Z',
  ],
  [of('never', githubIssue('opened', { number: 10, updatedAt: '2026-09-14T12:00:00Z' })), '2026-09-14T12:00:01Z'],
];
const POINTS = FAULT_POINTS.filter((point) => /^(intake|sweep|events)-/.test(point));

const test = base.extend('template', { scope: 'file' }, async ({}, { onCleanup }) => {
  const { template, drop } = await createTemplate(async (database) => {
    const file = { organisation: parseOrganisation(ORGANISATION), sourceText: ORGANISATION, folder: '/nowhere' };
    await applyOrganisation(database.db, { file, principal: localOperator, at: new Date('2026-09-01T00:00:00Z') });
    const key = 'acme/shop#8';
    await claimWith(database, 'https://github.com/acme/shop/issues/8', { system: 'github', key });
  });
  onCleanup(drop);
  return template;
});

/** A day and two nights of intake, killed at the point; what stands in the database then, and which deliveries GitHub was asked for. */
async function live(
  template: string,
  point: FaultPoint | null,
): Promise<{ picture: object; asked: readonly string[] }> {
  const database = await createTestDatabase({ template });
  const asked: string[] = [];
  const late: Delivery[] = [];
  const github = await startGithubDouble({
    hookUrl: HOOK_URL,
    now: () => new Date(NIGHT),
    send: async (delivery) => {
      const id = delivery.headers['x-github-delivery'] ?? '';
      asked.push(id);
      if (id === 'never') return 500;
      if (id !== 'late') return take(delivery, NIGHT).then(() => 202);
      // GitHub gives up waiting; it comes nevertheless, after the look.
      late.push(delivery);
      return 504;
    },
  });
  const stepOf = (does: IntakeStep['does'], instant: string): IntakeStep => ({
    does,
    instant,
    secret: SECRET,
    githubUrl: github.url,
    token: github.token,
  });
  const take = (does: IntakeStep['does'], instant: string) => takeIntakeStep(database.db, stepOf(does, instant));
  /** Does it in a process of its own, where the point lies within it. */
  const killIn = async (part: string, does: IntakeStep['does'], instant: string) => {
    if (point?.startsWith(part) === true) await killAt(point, database.url, stepOf(does, instant));
  };
  try {
    await killIn('intake-', CAME, '2026-09-14T08:00:01Z');
    const isUnanswered = point === 'intake-after-keep';
    // GitHub sends nothing again by itself.
    if (!isUnanswered) await take(CAME, '2026-09-14T08:00:01Z');
    github.deliveries.set('acme/shop', [
      { delivery: CAME, at: '2026-09-14T08:00:01Z', status: isUnanswered ? 502 : 202 },
      ...FAILED.map(([delivery, at]) => ({ delivery, at, status: 502 })),
    ]);

    await killIn('sweep-', 'sweep-github', NIGHT);
    await take('sweep-github', NIGHT);
    for (const delivery of late) await take(delivery, '2026-09-15T02:01:00Z');

    // Two processes, so that both evidence that breaks and a candidate are met.
    for (let times = 0; times < 2; times += 1) await killIn('events-', 'process-events', '2026-09-15T02:05:00Z');
    // While what they had claimed is theirs, and afterwards.
    for (const instant of ['2026-09-15T02:05:30Z', '2026-09-15T02:07:00Z']) await take('process-events', instant);
    await take('sweep-github', NEXT_NIGHT);
    return { picture: await readPicture(database), asked };
  } finally {
    await github.close();
    await database.drop();
  }
}

async function killAt(point: FaultPoint, databaseUrl: string, step: IntakeStep): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, databaseUrl, JSON.stringify(step)], {
    env: { ...process.env, OUTTURN_FAULT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal !== 'SIGKILL') throw new Error(`the process did not come to ${point}`);
}

/** Each list as text, a line an item. */
async function readPicture({ db }: TestDatabase): Promise<object> {
  const { rows } = await sql<object>`
    select
      (select array_agg(concat_ws(' ', delivery_id, state, pod_id, act, next_attempt_at) order by delivery_id) from inbound_event) as events,
      (select array_agg(concat_ws(' ', delivery_id, 'asked', asked) order by delivery_id) from intake_gap) as gap,
      (select array_agg(concat_ws(' ', hook, seen_through at time zone 'UTC', error)) from intake_sweep) as looks,
      (select array_agg(concat_ws(' ', state, 'version', version, title) order by title) from outcome) as outcomes,
      (select array_agg(concat_ws(': ', uri, broken_reason) order by uri) from outcome_evidence) as evidence,
      (select array_agg(concat_ws(' ', kind, state, once_key) order by created_at) from message) as questions,
      (select array_agg(concat_ws(' ', action, title) order by action, title) from audit_event
        join outcome on outcome.id::text = subject_id where principal = 'outturn') as acts,
      (select array_agg(concat_ws(' ', outcome_id, state, amount)) from counted_schedule) as counted
  `.execute(db);
  return rows[0] ?? {};
}

const ASKED = ['late', 'finished', 'renamed', 'never', 'never'];
const PICTURE = {
  acts: [
    'break-evidence Paid faster & <better>',
    'change-outcome Pay at a glance',
    'create-outcome Pay at a glance',
    'create-outcome Pay later',
  ],
  counted: ['1 claimed 300'],
  events: ['came mapped checkout', 'finished mapped checkout', 'late mapped checkout', 'renamed mapped checkout'],
  evidence: [
    'https://github.com/acme/shop/issues/7',
    'https://github.com/acme/shop/issues/8: The ticket acme/shop#8 was reopened (github, 2026-09-14)',
    'https://github.com/acme/shop/issues/9',
  ],
  gap: ['never asked 2'],
  looks: ['acme/shop 2026-09-16 02:00:00'],
  outcomes: [
    'claimed version 1 Paid faster & <better>',
    'candidate version 2 Pay at a glance',
    'candidate version 1 Pay later',
  ],
  questions: ['evidence-broken pending evidence-broken/1/1'],
};

describe('a day and two nights of intake', () => {
  test.concurrent('undisturbed', async ({ template, expect }) => {
    expect(await live(template, null)).toEqual({ picture: PICTURE, asked: ASKED });
  });

  test.concurrent.for(POINTS)('killed at %s come to the same', async (point, { template, expect }) => {
    const asked = point === 'sweep-after-ask' ? ['late', ...ASKED] : ASKED;
    expect(await live(template, point)).toEqual({ picture: PICTURE, asked });
  });
});
