/**
 * An alert from its crossing to its end, as people in the channel see it: one post, rewritten in place as the figure, the limit and the
 * episode move; what people do about it; what is held, escalated, released. Against a Slack double over HTTP, with a clock moved by hand.
 */
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { acknowledgeAlert, dismissAlert, releaseAlert, snoozeAlert } from '../../services/alerts/act-on-alert.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { passTime } from '../../services/envelopes/pass-time.ts';
import { type Principal, silentLogger } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import {
  addEnvelope,
  addLoad,
  addPod,
  type MovableClock,
  movableClock,
  publishSpend,
} from '../support/envelope-builders.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
const ADA: Principal = { id: 'ada@example.com', role: 'pod', pods: ['checkout'] };
const GRACE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };

let clock: MovableClock;
let slack: SlackDouble;

beforeEach(async () => {
  clock = movableClock('2026-09-02T06:00:00Z');
  slack = await startSlackDouble({ now: () => clock.now() });
  for (const channel of ['C0CHECKOUT', 'C0FINANCE']) slack.channels.set(channel, 'open');
});
afterEach(async () => {
  await slack.stop();
});

async function reset({ db }: TestDatabase): Promise<string> {
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod_cost, shared_cost,
    pod_period, pod, portfolio, load restart identity cascade`.execute(db);
  await sql`update source set expect_every = null`.execute(db);
  await sql`update organisation set name = 'Acme', rulebook_id = 0, finance_channel = 'C0FINANCE', holidays = '{}'`.execute(
    db,
  );
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
  await sql`update pod set owner_email = ${ADA.id}, finance_partner_email = ${GRACE.id}`.execute(db);
  return addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '10000' });
}

/** The bill of a day arrives the morning after; what the pod has spent by then is `total`. */
async function load(database: TestDatabase, day: string, total: string, cause: 'load' | 'rulebook' = 'load') {
  await evaluate(database, cause, await publishSpend(database.db, { clock, day, total }));
}

async function evaluate({ db }: TestDatabase, cause: 'load' | 'rulebook' | 'envelope', loadId?: string) {
  await db.transaction().execute((trx) =>
    evaluateEnvelopes(trx, {
      at: clock.now(),
      cause,
      ...(cause === 'load' && loadId !== undefined ? { loadId } : {}),
    }),
  );
}

async function wake({ db }: TestDatabase, instant: string) {
  clock.set(instant);
  await db.transaction().execute((trx) => passTime(trx, clock.now()));
}

const deliver = ({ db }: TestDatabase) =>
  deliverDueAlerts(db, {
    sender: slackSender({ botToken: slack.token, apiUrl: slack.url }),
    clock,
    logger: silentLogger,
    wait: async (milliseconds) => clock.move(milliseconds),
  });

const seen = () => slack.messages.map(({ text, edits, threadTs }) => ({ text, edits, inThread: threadTs !== null }));
const acting = async ({ db }: TestDatabase, principal: Principal) => {
  const alert = (await listAlerts(db)).at(-1);
  return { alertId: alert?.alertId ?? '', principal, via: 'slack', at: clock.now() } as const;
};

describe('a post', () => {
  test('follows the figure in place, and never becomes a second one', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    await deliver(database);
    await load(database, '2026-09-03', '8300');
    await deliver(database);
    await load(database, '2026-09-04', '8300');
    await deliver(database);
    expect(seen()).toEqual([
      { text: expect.stringContaining('has spent $8,300 of its approved $10,000'), edits: 1, inThread: false },
    ]);
    expect(slack.calls.filter((method) => method === 'chat.postMessage')).toHaveLength(1);
  });

  test('says that it is cleared and what was restated, then stands still', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8500');
    await deliver(database);
    for (const [day, total] of [
      ['2026-09-03', '7200'],
      ['2026-09-04', '7200'],
      ['2026-09-05', '7300'],
    ] as const) {
      await load(database, day, total);
      await deliver(database);
    }
    expect(seen()).toEqual([
      {
        text: expect.stringMatching(
          /^Cleared, now 72 %: Checkout has spent \$7,200 .* The bill for September 2026 was restated by -\$1,300\./,
        ),
        edits: 2,
        inThread: false,
      },
    ]);
  });

  test('says by whom the limit was raised, and at what the period closed', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '9900');
    await deliver(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '11000', approvedBy: GRACE.id });
    await evaluate(database, 'envelope');
    await deliver(database);
    expect(seen()[0]?.text).toContain(
      'The limit for September 2026 went from $10,000 to $11,000, approved by grace@example.com.',
    );
    await load(database, '2026-09-30', '10780');
    clock.set('2026-10-02T06:00:00Z');
    const beyond = await addLoad(database.db, {
      billingPeriod: '2026-10',
      throughDay: '2026-10-01',
      publishedAt: clock.now().toISOString(),
    });
    await evaluate(database, 'load', beyond);
    await deliver(database);
    expect(seen()).toEqual([
      { text: expect.stringContaining('Closed at 98 %: Checkout has spent'), edits: 2, inThread: false },
    ]);
  });

  test('that Slack will not rewrite stays as it is, is not tried again, and says so in the outbox', async ({
    database,
  }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    await deliver(database);
    await load(database, '2026-09-03', '8300');
    slack.editFaults.push({ kind: 'error', error: 'edit_window_closed' });
    await deliver(database);
    await deliver(database);
    expect(slack.calls.filter((method) => method === 'chat.update')).toHaveLength(1);
    expect(await listAlerts(database.db)).toMatchObject([
      { state: 'sent', error: 'not rewritten: edit_window_closed' },
    ]);
  });

  test('is rewritten once the token is right again, and given up after a month', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    await deliver(database);
    await load(database, '2026-09-03', '8300');
    slack.editFaults.push({ kind: 'error', error: 'token_revoked' });
    await deliver(database);
    clock.move(20 * 60_000);
    await deliver(database);
    expect(seen()).toEqual([{ text: expect.stringContaining('$8,300'), edits: 1, inThread: false }]);

    await load(database, '2026-09-04', '8400');
    for (const days of [29, 2, 1]) {
      slack.editFaults.push({ kind: 'http', status: 503 });
      clock.move(days * 86_400_000);
      await deliver(database);
    }
    expect(slack.calls.filter((method) => method === 'chat.update')).toHaveLength(4);
    expect(await listAlerts(database.db)).toMatchObject([
      { state: 'sent', error: 'not rewritten: given up after 30 days: HTTP 503' },
    ]);
  });

  test('that could not be rewritten is rewritten later, to what it should say then', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    await deliver(database);
    await load(database, '2026-09-03', '8300');
    slack.editFaults.push({ kind: 'rate-limit', retryAfterSeconds: 30 }, { kind: 'http', status: 503 });
    await deliver(database);
    clock.move(30_000);
    await deliver(database);
    await load(database, '2026-09-04', '8400');
    clock.move(20 * 60_000);
    await deliver(database);
    expect(seen()).toEqual([{ text: expect.stringContaining('$8,400'), edits: 1, inThread: false }]);
  });

  test('that was in doubt and moved meanwhile ends as one post with the newest figure', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    slack.faults.push({ kind: 'accept-then-reset' });
    await deliver(database);
    await load(database, '2026-09-03', '8300');
    await deliver(database);
    expect(seen()).toEqual([{ text: expect.stringContaining('$8,300'), edits: 1, inThread: false }]);
  });
});

describe('people', () => {
  test('acknowledge once: the post says who, and nobody is bothered further', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '10100');
    await deliver(database);
    expect(await acknowledgeAlert(database.db, await acting(database, ADA))).toEqual({ kind: 'done' });
    expect(await acknowledgeAlert(database.db, await acting(database, GRACE))).toMatchObject({ kind: 'nothing to do' });
    await wake(database, '2026-09-20T06:00:00Z');
    await deliver(database);
    expect(seen()).toEqual([
      {
        text: expect.stringContaining('Acknowledged by ada@example.com on 3 Sep.'),
        edits: 1,
        inThread: false,
      },
    ]);
    const { rows } = await sql`select action, principal, details from audit_event where subject_kind = 'alert'`.execute(
      database.db,
    );
    expect(rows).toEqual([{ action: 'acknowledge-alert', principal: ADA.id, details: { via: 'slack' } }]);
  });

  test('who do not, are called once in the thread after two business days, a weekend and a holiday left out', async ({
    database,
  }) => {
    await reset(database);
    await sql`update organisation set holidays = '{2026-09-07}'`.execute(database.db);
    // A Thursday morning: Friday is the first business day, Tuesday the second.
    await load(database, '2026-09-02', '10100');
    await deliver(database);
    await wake(database, '2026-09-08T05:59:00Z');
    await deliver(database);
    expect(seen()).toHaveLength(1);
    for (let look = 0; look < 3; look += 1) {
      await wake(database, `2026-09-08T0${6 + look}:01:00Z`);
      await deliver(database);
    }
    expect(seen().slice(1)).toEqual([
      {
        text: 'Nobody has acknowledged this for two business days. ada@example.com and grace@example.com: please have a look.',
        edits: 0,
        inThread: true,
      },
    ]);
  });

  test('are those of the day, and are called where they were told of it, though the figure fell to a rung it had jumped over', async ({
    database,
  }) => {
    await reset(database);
    await sql`insert into portfolio (id, name, finance_partner_email) values ('old', 'Old', 'fred@example.com'), ('new', 'New', 'ruth@example.com')`.execute(
      database.db,
    );
    await sql`update pod set finance_partner_email = null, portfolio_id = 'old'`.execute(database.db);
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id, owner_email) values
      ('checkout', '-infinity', '2026-09-05', 'old', 'ada@example.com'), ('checkout', '2026-09-05', 'infinity', 'new', 'bo@example.com')`.execute(
      database.db,
    );
    await load(database, '2026-09-01', '16000');
    await deliver(database);
    for (const day of ['2026-09-02', '2026-09-03']) await load(database, day, '11000');
    await wake(database, '2026-09-07T06:00:00Z');
    await deliver(database);
    expect(seen().slice(1)).toEqual([
      {
        text: 'Nobody has acknowledged this for two business days. bo@example.com and ruth@example.com: please have a look.',
        edits: 0,
        inThread: true,
      },
    ]);
  });

  test('of finance keep what rules alone caused, at the rung where it stands, while its pod has heard of none', async ({
    database,
  }) => {
    await reset(database);
    await load(database, '2026-09-02', '5000');
    await load(database, '2026-09-02', '16000', 'rulebook');
    await load(database, '2026-09-03', '11000');
    await wake(database, '2026-09-05T06:00:00Z');
    await deliver(database);
    expect((await listAlerts(database.db)).map(({ rung, episode, state }) => `${episode}/${rung} ${state}`)).toEqual([
      '1/1.5 suppressed',
      '2/1 held',
    ]);
    expect(slack.messages.map(({ channel }) => channel)).toEqual(['C0FINANCE']);
  });

  test('snooze a rung: crossing it again is told when the snooze is over, the limit at once', async ({ database }) => {
    await reset(database);
    await load(database, '2026-09-02', '8100');
    await deliver(database);
    const until = new Date('2026-09-20T06:00:00Z');
    expect(await snoozeAlert(database.db, { ...(await acting(database, ADA)), until })).toEqual({ kind: 'done' });
    await load(database, '2026-09-03', '7000');
    await load(database, '2026-09-04', '7000');
    await load(database, '2026-09-05', '8200');
    await deliver(database);
    expect(seen()).toHaveLength(1);
    await load(database, '2026-09-06', '8400');
    await wake(database, '2026-09-20T06:00:00Z');
    await deliver(database);
    expect(seen()).toHaveLength(2);
    expect(seen()[1]?.text).toContain('$8,400');
    await load(database, '2026-09-21', '10000');
    await deliver(database);
    expect(seen()).toHaveLength(3);
    expect(
      await snoozeAlert(database.db, { ...(await acting(database, ADA)), until: new Date('2026-09-28T00:00:00Z') }),
    ).toMatchObject({
      reason: expect.stringContaining('cannot be snoozed'),
    });
  });

  test('of finance release or dismiss what rules alone caused, and are called where it is over the limit', async ({
    database,
  }) => {
    await reset(database);
    await load(database, '2026-09-02', '6000');
    await load(database, '2026-09-03', '10500', 'rulebook');
    await deliver(database);
    expect(seen()).toEqual([]);
    await wake(database, '2026-09-06T06:00:00Z');
    await wake(database, '2026-09-07T06:00:00Z');
    await deliver(database);
    expect(slack.messages.map(({ channel }) => channel)).toEqual(['C0FINANCE']);
    expect(seen()[0]?.text).toContain('waits for you');
    await load(database, '2026-09-07', '10600');
    expect(await releaseAlert(database.db, await acting(database, GRACE))).toEqual({ kind: 'done' });
    expect(await dismissAlert(database.db, await acting(database, GRACE))).toMatchObject({ kind: 'nothing to do' });
    await deliver(database);
    expect(slack.messages.map(({ channel }) => channel)).toEqual(['C0FINANCE', 'C0CHECKOUT']);
    expect(seen()[1]?.text).toContain('$10,600');
    expect(seen()[0]?.text).toMatch(/^Released to its channel: .*\$10,600/);
  });

  test('are told that there is no such alert', async ({ database }) => {
    await reset(database);
    const missing = { ...(await acting(database, ADA)), alertId: '00000000-0000-4000-8000-000000000000' };
    await expect(acknowledgeAlert(database.db, missing)).rejects.toThrow('There is no alert');
  });
});
