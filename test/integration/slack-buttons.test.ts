/**
 * Slack as people use it: they press under a post, fill in forms, ask for a pod's standing and open the app's home. Signed requests to the
 * real API on loopback, the real job, and a double of Slack that holds everything to Slack's rules; a clock moved by hand.
 */
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeEach, describe, expect } from 'vitest';
import { buildApp } from '../../api/app.ts';
import type { ApiApp } from '../../api/context.ts';
import { listen } from '../../api/server.ts';
import { answerSlack } from '../../jobs/handlers/answer-slack.ts';
import { acceptSlackRequest } from '../../jobs/receive-slack.ts';
import { dressedSlackSender } from '../../jobs/slack-sender.ts';
import { startSlackSocket } from '../../jobs/slack-socket.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { createToken } from '../../services/access/tokens.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { passTime } from '../../services/envelopes/pass-time.ts';
import { localOperator, silentLogger, silentProgress } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { type TestDatabase, test } from '../support/database.ts';
import {
  addEnvelope,
  addLoad,
  addPod,
  type MovableClock,
  movableClock,
  setCost,
} from '../support/envelope-builders.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';
import { pressPayload, type SlackCaller, slackCaller, submissionPayload } from '../support/slack-presses.ts';

const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
const SIGNING_SECRET = 'signed-by-slack';
const ADA = { userId: 'UADA', email: 'ada@example.com' };
const GRACE = { userId: 'UGRACE', email: 'grace@example.com' };
const MALLORY = { userId: 'UMALLORY', email: 'mallory@example.com' };

let clock: MovableClock;
let slack: SlackDouble;
let app: ApiApp | undefined;
let caller: SlackCaller;
let context: JobContext;
let reminders: number;
let hasWorker: boolean;
let auditedBefore: string;

beforeEach(async ({ database }: { database: TestDatabase }) => {
  clock = movableClock('2026-09-02T06:00:00Z');
  slack = await startSlackDouble({ now: () => clock.now() });
  for (const channel of ['C0CHECKOUT', 'C0FINANCE']) slack.channels.set(channel, 'open');
  slack.people.people.push(ADA, GRACE, MALLORY);
  await reset(database);
  await startApp(database);
});
afterEach(async () => {
  await slack.stop();
});
afterAll(async () => {
  await app?.close();
});

async function reset({ db }: TestDatabase): Promise<void> {
  await sql`truncate alert, message, raise_request, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod_cost,
    shared_cost, pod, portfolio, load, slack_identity, slack_request, api_token restart identity cascade`.execute(db);
  await sql`update source set expect_every = null`.execute(db);
  await sql`update organisation set name = 'Acme', rulebook_id = 0, finance_channel = 'C0FINANCE', holidays = '{}', time_zone = 'Europe/Berlin'`.execute(
    db,
  );
  const { rows } = await sql<{ id: string }>`select coalesce(max(id), 0) as id from audit_event`.execute(db);
  auditedBefore = rows[0]?.id ?? '0';
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
  await addPod(db, { id: 'search', name: 'Search' });
  await sql`update pod set owner_email = 'Ada@Example.com', finance_partner_email = ${GRACE.email} where id = 'checkout'`.execute(
    db,
  );
  await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '10000' });
}

/** One app for the file; what it works with changes with each test. */
async function startApp(database: TestDatabase): Promise<void> {
  reminders = 0;
  hasWorker = true;
  context = {
    db: database.db,
    databaseUrl: database.url,
    settings: readSettings(
      {
        SLACK_BOT_TOKEN: slack.token,
        SLACK_SIGNING_SECRET: SIGNING_SECRET,
        SLACK_API_URL: slack.url,
        PUBLIC_URL: 'https://outturn.example.com',
      },
      '/nonexistent',
    ),
    clock,
    logger: silentLogger,
    progress: silentProgress,
    principal: localOperator,
    signal: new AbortController().signal,
  };
  app ??= await buildApp({
    db: database.db,
    clock: { now: () => clock.now() },
    queue: { add: async () => {}, counts: async () => ({}) },
    receiveSlack: (request) =>
      acceptSlackRequest(request, {
        ...context,
        remind: async () => {
          reminders += 1;
        },
        hasWorker: async () => hasWorker,
      }),
    workDir: '/nonexistent',
    version: '0.0.0',
    logger: pino({ level: 'silent' }),
  });
  const address = app.server.listening ? app.server.address() : null;
  const url =
    typeof address === 'object' && address !== null
      ? `http://127.0.0.1:${address.port}`
      : (await listen(app, { db: database.db, clock, host: '127.0.0.1', port: 0 })).url;
  caller = slackCaller({ url: `${url}/api/v1/webhooks/slack`, signingSecret: SIGNING_SECRET, now: () => clock.now() });
}

/** The bill of a day arrives the morning after; what the pod has spent by then is `total`. */
async function load({ db }: TestDatabase, day: string, total: string) {
  await sql`truncate pod_day`.execute(db);
  await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: total });
  clock.set(new Date(Date.parse(`${day}T06:00:00Z`) + 86_400_000).toISOString());
  const loadId = await addLoad(db, {
    billingPeriod: day.slice(0, 7),
    throughDay: day,
    publishedAt: clock.now().toISOString(),
  });
  await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'load', loadId }));
  await deliver();
}

const deliver = () =>
  deliverDueAlerts(context.db, {
    sender: dressedSlackSender(context),
    clock,
    logger: silentLogger,
    wait: async (milliseconds) => clock.move(milliseconds),
  });

/** The job, and what it has rewritten. */
async function work() {
  await answerSlack({}, context);
  await deliver();
}

const post = () => {
  const [first] = slack.messages;
  if (first === undefined) throw new Error('nothing was posted');
  return first;
};
const buttonsOf = (message: { blocks: readonly { type?: unknown; elements?: readonly { action_id?: unknown }[] }[] }) =>
  message.blocks
    .filter(({ type }) => type === 'actions')
    .flatMap(({ elements = [] }) => elements.map((element) => element.action_id));

async function press(
  actionId: string,
  user: string,
  more: { choice?: string; actionTs?: string } = {},
  message = post(),
) {
  return caller.interact(pressPayload(slack, { actionId, user, message, ...more }));
}

const audit = async () =>
  (
    await sql<{ action: string; principal: string }>`
      select action, principal from audit_event where subject_kind in ('alert', 'envelope') and details ->> 'via' = 'slack' and id > ${auditedBefore}::bigint order by id
    `.execute(context.db)
  ).rows.map(({ action, principal }) => `${action} ${principal}`);

describe('a request', () => {
  const body = 'payload=%7B%22type%22%3A%22unheard_of%22%7D';
  const send = (headers: Record<string, string>, sent = body) =>
    caller.send(sent, { 'content-type': 'application/x-www-form-urlencoded', ...headers });
  const shifted = (seconds: number) => new Date(clock.now().getTime() + seconds * 1_000);

  test('that Slack signed is answered, though nobody knows what it asks', async () => {
    const answer = await send(caller.sign(body));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test('without a signature, with a wrong one, of another body, or too old or too new is refused without a word', async () => {
    const good = caller.sign(body);
    const timestamp = good['x-slack-request-timestamp'] ?? '';
    const wrong = [
      {},
      { ...good, 'x-slack-signature': `${good['x-slack-signature']?.slice(0, -1)}x` },
      { ...good, 'x-slack-signature': 'v0=' },
      { ...good, 'x-slack-request-timestamp': `${timestamp}0` },
      { ...good, 'x-slack-request-timestamp': `0${timestamp}` },
      caller.sign(body, shifted(-301)),
      caller.sign(body, shifted(301)),
    ];
    for (const headers of wrong) {
      const answer = await send(headers);
      expect([answer.status, await answer.text()]).toEqual([401, '']);
    }
    const altered = await send(caller.sign(body), body.replace('unheard', 'unheart'));
    expect(altered.status).toBe(401);
    for (const seconds of [-300, 300]) expect((await send(caller.sign(body, shifted(seconds)))).status).toBe(200);
  });

  test('that asks whether the address is ours is given its challenge back', async () => {
    const answer = await caller.event({}, { type: 'url_verification', challenge: 'c4a7' });
    expect(await answer.json()).toEqual({ challenge: 'c4a7' });
  });
});

describe('the notice of what is held', () => {
  test('lets finance release or dismiss it, nobody else, and loses its buttons however it is settled', async ({
    database,
  }) => {
    const { db } = database;
    await load(database, '2026-09-02', '6000');
    await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: '10500' });
    await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'rulebook' }));
    clock.set('2026-09-06T06:00:00Z');
    await db.transaction().execute((trx) => passTime(trx, clock.now()));
    await deliver();
    expect(buttonsOf(post())).toEqual(['outturn_release', 'outturn_dismiss']);
    await press('outturn_release', ADA.userId);
    await work();
    expect(slack.people.told.at(-1)?.text).toContain('to release an alert takes finance');
    expect(await audit()).toEqual([]);
    await press('outturn_dismiss', GRACE.userId);
    await work();
    expect(await audit()).toEqual([`dismiss-alert ${GRACE.email}`]);
    expect(buttonsOf(post())).toEqual([]);
    expect(slack.messages.map(({ channel, text }) => [channel, text.slice(0, 24)])).toEqual([
      ['C0FINANCE', 'Not told to its channel:'],
    ]);
  });
});

describe('the buttons under a post', () => {
  test('are there while its alert is open, and new at each revision', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    expect(buttonsOf(post())).toEqual([
      'outturn_acknowledge',
      'outturn_snooze',
      'outturn_request_raise',
      'outturn_open',
    ]);
    const before = post().blocks.at(-1);
    await load(database, '2026-09-03', '8300');
    expect(post().blocks.at(-1)?.block_id).not.toBe(before?.block_id);
    for (const day of ['2026-09-04', '2026-09-05']) await load(database, day, '5000');
    expect([post().text.slice(0, 8), buttonsOf(post())]).toEqual(['Cleared,', []]);
    expect(slack.messages).toHaveLength(1);
  });

  test('are left out where Slack could not say what was pressed', async ({ database }) => {
    const { settings } = context;
    context = { ...context, settings: { ...settings, slack: { botToken: slack.token, apiUrl: slack.url } } };
    await load(database, '2026-09-02', '8100');
    expect(buttonsOf(post())).toEqual([]);
  });

  test('open the envelope for whom it is to see, and for nobody else', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_open', GRACE.userId);
    const [view, ...others] = slack.people.forms;
    const shown = JSON.stringify(view);
    for (const part of [
      'Checkout, September 2026',
      '$8,100 of $10,000 (81 %)',
      '*Approved*',
      'outturn explain --pod checkout',
    ]) {
      expect(shown).toContain(part);
    }
    await press('outturn_open', MALLORY.userId);
    const token = { principal: MALLORY.email, pods: ['search'], expiresAt: new Date('2027-01-01') };
    await database.db.transaction().execute(async (trx) => {
      await createToken(trx, { ...token, role: 'pod' }, localOperator, clock.now());
    });
    await press('outturn_open', MALLORY.userId);
    await work();
    expect([others, slack.people.forms.length]).toEqual([[], 1]);
    expect(slack.people.told.map(({ text }) => text)).toEqual([
      expect.stringContaining('not yours to see'),
      expect.stringContaining('not yours to see'),
    ]);
  });

  test('acknowledge once, however often Slack delivers the press', async ({ database }) => {
    await load(database, '2026-09-02', '10100');
    expect(buttonsOf(post())).not.toContain('outturn_snooze');
    const payload = pressPayload(slack, { actionId: 'outturn_acknowledge', user: ADA.userId, message: post() });
    for (let delivery = 0; delivery < 3; delivery += 1) {
      expect([(await caller.interact(payload)).status, reminders]).toEqual([200, 1]);
    }
    await work();
    await caller.interact(payload);
    await work();
    expect(post().text).toContain('Acknowledged by ada@example.com on 3 Sep.');
    expect(buttonsOf(post())).toEqual(['outturn_request_raise', 'outturn_open']);
    expect(await audit()).toEqual(['acknowledge-alert ada@example.com']);
    expect([slack.people.told, slack.messages.length]).toEqual([[], 1]);
  });

  test('snooze for a day, three, or until Monday morning where the organisation is', async ({ database }) => {
    const ends = async (choice: string) => {
      await reset(database);
      await load(database, '2026-09-02', '8100');
      const message = slack.messages.at(-1);
      await press('outturn_snooze', ADA.userId, { choice }, message);
      await work();
      expect(buttonsOf(slack.messages.at(-1) ?? post())).not.toContain('outturn_snooze');
      const { rows } = await sql<{ after: string; until: string }>`
        select (snoozed_until - received_at)::text as after, snoozed_until::text as until from envelope_state, slack_request
        where snoozed_by = ${ADA.email}
      `.execute(database.db);
      return rows[0];
    };
    expect(await ends('1 day')).toMatchObject({ after: '1 day' });
    expect(await ends('3 days')).toMatchObject({ after: '3 days' });
    expect(await ends('Until next week')).toMatchObject({ until: '2026-09-07 06:00:00+00' });
  });

  test('of a post that is over answer their presser alone, and the post is rewritten', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    const stale = post();
    for (const day of ['2026-09-03', '2026-09-04']) await load(database, day, '5000');
    const { edits } = post();
    await press('outturn_acknowledge', ADA.userId, {}, stale);
    await press('outturn_request_raise', GRACE.userId, {}, stale);
    await work();
    const over = { by: 'response_url', text: expect.stringContaining('already resolved') };
    expect(slack.people.told).toMatchObject([over, over]);
    expect([slack.people.forms, post().edits > edits]).toEqual([[], true]);
    expect(await audit()).toEqual([]);
  });

  test('do nothing for whom the organisation does not know, or knows elsewhere', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    slack.people.people.push(
      { userId: 'UABROAD', email: GRACE.email, teamId: 'T2' },
      { userId: 'UUNSURE', email: GRACE.email, isConfirmed: false },
    );
    for (const user of [MALLORY.userId, 'UABROAD', 'UUNSURE']) await press('outturn_acknowledge', user);
    await database.db.transaction().execute(async (trx) => {
      const token = {
        principal: MALLORY.email,
        pods: ['search'],
        expiresAt: new Date('2026-10-01T00:00:00Z'),
      } as const;
      await createToken(trx, { ...token, role: 'pod' }, localOperator, clock.now());
    });
    await work();
    expect(slack.people.told.map(({ text }) => text.split(':')[0])).toEqual([
      'This is not yours to decide',
      'Outturn does not know you',
      'Outturn does not know you',
    ]);
    expect([await audit(), post().edits]).toEqual([[], 0]);
  });

  test('ask again where Slack does not say who pressed, and remember whom it named for a day', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    slack.scopes.delete('users:read');
    await press('outturn_acknowledge', ADA.userId);
    await work();
    const { rows } = await sql`select error from slack_request where done_at is not null`.execute(database.db);
    expect(rows).toEqual([{ error: expect.stringContaining('Give the app the scope users:read') }]);
    slack.scopes.add('users:read');
    const before = slack.calls.length;
    for (const wait of [0, 60_000, 86_400_000]) {
      clock.move(wait);
      await caller.command('checkout', ADA.userId);
    }
    expect(slack.calls.slice(before).filter((method) => method === 'users.info')).toHaveLength(2);
  });

  test('that nobody knows are answered and left alone', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    const payload = pressPayload(slack, { actionId: 'outturn_acknowledge', user: ADA.userId, message: post() });
    const unknown = JSON.parse(JSON.stringify(payload).replaceAll('outturn_acknowledge', 'another_app')) as object;
    expect((await caller.interact(unknown)).status).toBe(200);
    expect(reminders).toBe(0);
  });
});

describe('a raise', () => {
  const FIELDS = { limit: '12,000', until: '2026-09-20', reason: 'Black Friday, see bob@example.com' };
  const submit = async (user: string, fields: Record<string, string>, viewId?: string) =>
    caller.interact(submissionPayload(slack, { user, fields, ...(viewId === undefined ? {} : { viewId }) }));

  test('is asked for in a form that says what is wrong with it', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    expect(slack.people.forms).toHaveLength(1);
    const faults = async (fields: Record<string, string>) => {
      const answer = await submit(ADA.userId, { ...FIELDS, ...fields });
      return Object.keys(((await answer.json()) as { errors: object }).errors);
    };
    expect(await faults({ limit: '9,999.99', reason: ' ' })).toEqual(['limit', 'reason']);
    for (const limit of ['12.000,00', '1e5', '', '10000', '-12000']) expect(await faults({ limit })).toEqual(['limit']);
    expect(await faults({ until: '2026-09-02' })).toEqual(['until']);
    expect(reminders).toBe(0);
  });

  test('goes to the approver alone, who grants it with a button; the thread hears of it', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    for (let delivery = 0; delivery < 2; delivery += 1) {
      expect(await (await submit(ADA.userId, FIELDS, 'V1')).text()).toBe('');
    }
    await work();
    expect(slack.people.told).toMatchObject([
      {
        by: 'chat.postEphemeral',
        user: ADA.userId,
        text: expect.stringContaining('grace@example.com decides about $12,000'),
      },
    ]);
    const [, request] = slack.messages;
    if (request === undefined) throw new Error('nobody was asked');
    expect(request).toMatchObject({
      channel: 'D0UGRACE',
      text: expect.stringMatching(/^<@UADA> asks .* bob@example\.com/),
    });
    expect(buttonsOf(request)).toEqual(['outturn_grant_raise', 'outturn_refuse_raise']);
    // Buttons take the place of commands.
    expect(JSON.stringify(request)).not.toContain('outturn envelopes grant');
    await press('outturn_grant_raise', ADA.userId, {}, request);
    await work();
    expect(slack.people.told.at(-1)?.text).toContain('cannot decide about it');
    await press('outturn_grant_raise', GRACE.userId, {}, request);
    await work();
    await work();
    expect(slack.messages.slice(2)).toMatchObject([
      { channel: 'C0CHECKOUT', threadTs: post().ts, text: expect.stringMatching(/^<@UGRACE> granted .* \$12,000/) },
    ]);
    expect(post().text).toContain('$12,000');
    expect(buttonsOf(slack.messages[1] ?? post())).toEqual([]);
    expect(await audit()).toEqual(
      expect.arrayContaining(['request-raise ada@example.com', 'grant-raise grace@example.com']),
    );
  });

  test('is refused with a reason, which the form asks for', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    await submit(ADA.userId, { ...FIELDS, until: '' });
    await work();
    const [, request] = slack.messages;
    await press('outturn_refuse_raise', GRACE.userId, {}, request);
    expect(await (await submit(GRACE.userId, { reason: '' })).json()).toMatchObject({ response_action: 'errors' });
    await submit(GRACE.userId, { reason: 'Spend less first' });
    await work();
    expect(slack.messages.at(-1)?.text).toMatch(/^<@UGRACE> refused .*Spend less first\. The limit stays \$10,000\.$/);
    for (const button of ['outturn_refuse_raise', 'outturn_grant_raise'])
      await press(button, GRACE.userId, {}, request);
    await work();
    expect(slack.people.told.slice(-2).map(({ text }) => text)).toEqual([
      expect.stringContaining('already resolved'),
      expect.stringContaining('a decision stays'),
    ]);
  });

  test('within what is delegated is granted at once, and once where the process died before it was told', async ({
    database,
  }) => {
    const { db } = database;
    await sql`insert into portfolio (id, name, finance_partner_email, delegated_raise_limit, delegated_raise_currency)
      values ('commerce', 'Commerce', ${GRACE.email}, 5000, 'USD')`.execute(db);
    await sql`update pod set portfolio_id = 'commerce'`.execute(db);
    await sql`insert into pod_period (pod_id, portfolio_id, owner_email, valid_from, valid_until)
      values ('checkout', 'commerce', ${ADA.email}, '-infinity', 'infinity')`.execute(db);
    await addEnvelope(db, { scope: { kind: 'portfolio', id: 'commerce' }, period: '2026-09', limit: '50000' });
    await load(database, '2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    await submit(ADA.userId, FIELDS);
    const { payload } = await db.selectFrom('slack_request').select('payload').executeTakeFirstOrThrow();
    await work();
    await sql`update slack_request set done_at = null, next_attempt_at = received_at, payload = ${JSON.stringify(payload)}::jsonb`.execute(
      db,
    );
    await work();
    expect(slack.people.told.map(({ text }) => text)).toEqual(
      Array(2).fill('Granted at once: the limit is $12,000 now.'),
    );
    expect((await audit()).filter((act) => act.startsWith('request-raise'))).toHaveLength(1);
  });

  test('is not lost where Slack closed the way to its form', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    const payload = pressPayload(slack, { actionId: 'outturn_request_raise', user: ADA.userId, message: post() });
    clock.move(3_001);
    await caller.interact(payload);
    await work();
    expect([slack.people.forms, slack.people.told[0]?.text]).toEqual([[], expect.stringContaining('press again')]);
  });
});

describe('a message for one person', () => {
  const ask = async (database: TestDatabase) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    await caller.interact(
      submissionPayload(slack, { user: ADA.userId, fields: { limit: '12000', reason: 'Black Friday' } }),
    );
    await answerSlack({}, context);
  };

  test('whose answer was lost is looked for in the conversation with them, and not sent twice', async ({
    database,
  }) => {
    await ask(database);
    slack.faults.push({ kind: 'accept-then-reset' });
    await deliver();
    clock.move(60_000);
    await deliver();
    expect(slack.messages.filter(({ channel }) => channel === 'D0UGRACE')).toHaveLength(1);
    const asked = database.db.selectFrom('message').select(['state', 'channel']).where('kind', '=', 'raise-request');
    expect(await asked.execute()).toEqual([{ state: 'sent', channel: `user:${GRACE.email}` }]);
    expect(slack.calls.filter((method) => method === 'conversations.open')).toHaveLength(1);
  });

  test('waits while Slack does not say who they are, and goes to finance where it has nobody of that address', async ({
    database,
  }) => {
    slack.people.people.splice(slack.people.people.indexOf(GRACE), 1);
    await ask(database);
    const { settings } = context;
    context = {
      ...context,
      settings: { ...settings, slack: { ...settings.slack, apiUrl: 'http://127.0.0.1:1/api/' } },
    };
    await deliver();
    expect(slack.messages).toHaveLength(1);
    context = { ...context, settings };
    clock.move(60_000);
    await deliver();
    expect(slack.messages.slice(1)).toMatchObject([
      {
        channel: 'C0FINANCE',
        text: expect.stringMatching(/user:grace@example\.com: users_not_found\. Invite the person/),
      },
    ]);
  });
});

describe('a process that ends', () => {
  test('after its answer loses nothing: another does what was asked, when its claim has run out', async ({
    database,
  }) => {
    await load(database, '2026-09-02', '8100');
    await press('outturn_acknowledge', ADA.userId);
    // Claimed, done and not written down: as a process leaves it that is killed at slack-after-act.
    await sql`update slack_request set attempts = 1, next_attempt_at = ${new Date(clock.now().getTime() + 60_000).toISOString()}`.execute(
      database.db,
    );
    await work();
    expect(await audit()).toEqual([]);
    clock.move(60_000);
    await work();
    await sql`update slack_request set done_at = null, next_attempt_at = received_at, attempts = 1,
      payload = jsonb_build_object('subject', (select id from alert), 'fields', '{}'::jsonb, 'channel', null, 'responseUrl', null)`.execute(
      database.db,
    );
    await work();
    expect(await audit()).toEqual(['acknowledge-alert ada@example.com']);
    expect(slack.people.told).toEqual([]);
  });
});

describe('where no worker runs', () => {
  test('who pressed is told that it waits, once, and it is done when one does; a home is shown at once', async ({
    database,
  }) => {
    await load(database, '2026-09-02', '8100');
    hasWorker = false;
    for (let delivery = 0; delivery < 2; delivery += 1) {
      await press('outturn_acknowledge', ADA.userId, { actionTs: '1.1' });
    }
    await caller.event({ type: 'app_home_opened', tab: 'home', event_ts: '1.2', user: ADA.userId });
    await expect.poll(() => slack.people.homes.has(ADA.userId)).toBe(true);
    await expect
      .poll(() => slack.people.told.map(({ text }) => text))
      .toEqual(['Noted. It is done once a worker of Outturn runs: none does at the moment.']);
    expect(await audit()).toEqual([]);
    await work();
    expect([await audit(), slack.people.told.length]).toEqual([['acknowledge-alert ada@example.com'], 1]);
  });
});

describe('Socket Mode', () => {
  test('brings a press to the same end as a signed request', async ({ database }) => {
    const { settings } = context;
    const { signingSecret: _unused, ...slackSettings } = settings.slack;
    context = { ...context, settings: { ...settings, slack: { ...slackSettings, appToken: slack.appToken } } };
    await load(database, '2026-09-02', '8100');
    const reminded: string[] = [];
    const socket = startSlackSocket(context, { add: async (job) => void reminded.push(job) });
    await expect.poll(() => slack.sockets.open, { timeout: 10_000 }).toBe(1);
    const payload = pressPayload(slack, { actionId: 'outturn_acknowledge', user: ADA.userId, message: post() });
    const sent = [1, 2].map(() => slack.sockets.send('interactive', payload));
    await expect
      .poll(() => sent.map((id) => slack.sockets.acknowledged.get(id)), { timeout: 10_000 })
      .toEqual([[{}], [{}]]);
    await socket?.close();
    await work();
    expect([reminded, slack.sockets.open]).toEqual([['answer-slack'], 0]);
    expect(post().text).toContain('Acknowledged by ada@example.com');
  });
});

describe('a question', () => {
  test('is answered to the asker alone, of pods that are theirs to read', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    const ask = async (text: string, user: string) =>
      (await (await caller.command(text, user)).json()) as { response_type: string; text: string };
    const own = await ask('', ADA.userId);
    expect(own).toMatchObject({
      response_type: 'ephemeral',
      text: '*Checkout* (checkout)\nSeptember 2026: $8,100 of $10,000 (81 %), near its limit. Data as of 2 Sep.',
    });
    for (const pod of ['checkout', ' Checkout ', 'CHECKOUT'])
      expect((await ask(pod, GRACE.userId)).text).toBe(own.text);
    expect((await ask('search', GRACE.userId)).text).toContain('no such pod');
    expect((await ask('checkout', MALLORY.userId)).text).toContain('does not know you');
    expect(slack.messages).toHaveLength(1);
  });

  test('is answered to the owner of the day, as the file dates them', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    await sql`insert into pod_period (pod_id, owner_email, valid_from, valid_until) values
      ('checkout', ${ADA.email}, '-infinity', '2026-09-10'), ('checkout', ${MALLORY.email}, '2026-09-10', 'infinity')`.execute(
      database.db,
    );
    const owns = async (user: string) => (await (await caller.command('', user)).text()).includes('$8,100');
    expect([await owns(ADA.userId), await owns(MALLORY.userId)]).toEqual([true, false]);
    clock.set('2026-09-10T00:00:00Z');
    expect([await owns(ADA.userId), await owns(MALLORY.userId)]).toEqual([false, true]);
  });

  test('of the home is answered with the pods of whoever opened it', async ({ database }) => {
    await load(database, '2026-09-02', '8100');
    const opened = { type: 'app_home_opened', tab: 'home', event_ts: '1.1' };
    for (const user of [GRACE.userId, MALLORY.userId, GRACE.userId]) await caller.event({ ...opened, user });
    await work();
    const shown = (user: string) => JSON.stringify(slack.people.homes.get(user)?.blocks);
    expect(shown(GRACE.userId)).toContain('$8,100 of $10,000');
    expect(shown(MALLORY.userId)).toContain('does not know you');
    expect(slack.calls.filter((method) => method === 'views.publish')).toHaveLength(2);
  });
});

describe('an escalation', () => {
  test('calls owner and finance partner by their names in Slack, and those it does not have by their address', async ({
    database,
  }) => {
    slack.people.people.splice(slack.people.people.indexOf(GRACE), 1);
    await load(database, '2026-09-02', '10100');
    clock.set('2026-09-08T06:00:00Z');
    await database.db.transaction().execute((trx) => passTime(trx, clock.now()));
    await deliver();
    expect(slack.messages.at(-1)).toMatchObject({
      threadTs: post().ts,
      text: 'Nobody has acknowledged this for two business days. <@UADA> and grace@example.com: please have a look.',
      blocks: [{ text: { text: expect.stringContaining('<@UADA>') } }],
    });
  });
});
