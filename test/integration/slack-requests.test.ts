/**
 * What Slack asks of the product: requests that it signed and no others, presses that outlive a process and wait for a worker, Socket Mode,
 * and questions, answered to the asker alone.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { startSlackSocket } from '../../jobs/slack-socket.ts';
import { ADA, GRACE, MALLORY, type SlackCompany, test } from '../support/slack-company.ts';
import { pressPayload } from '../support/slack-presses.ts';

describe('a request', () => {
  const body = 'payload=%7B%22type%22%3A%22unheard_of%22%7D';
  const send = ({ caller }: SlackCompany, headers: Record<string, string>, sent = body) =>
    caller.send(sent, { 'content-type': 'application/x-www-form-urlencoded', ...headers });

  test('that Slack signed is answered, though nobody knows what it asks', async ({ company }) => {
    const answer = await send(company, company.caller.sign(body));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test('without a signature, with a wrong one, of another body, or too old or too new is refused without a word', async ({
    company,
  }) => {
    const { clock, caller } = company;
    const shifted = (seconds: number) => new Date(clock.now().getTime() + seconds * 1_000);
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
      const answer = await send(company, headers);
      expect([answer.status, await answer.text()]).toEqual([401, '']);
    }
    const altered = await send(company, caller.sign(body), body.replace('unheard', 'unheart'));
    expect(altered.status).toBe(401);
    for (const seconds of [-300, 300]) {
      expect((await send(company, caller.sign(body, shifted(seconds)))).status).toBe(200);
    }
  });

  test('that asks whether the address is ours is given its challenge back', async ({ company: { caller } }) => {
    const answer = await caller.event({}, { type: 'url_verification', challenge: 'c4a7' });
    expect(await answer.json()).toEqual({ challenge: 'c4a7' });
  });
});

describe('a process that ends', () => {
  test('after its answer loses nothing: another does what was asked, when its claim has run out', async ({
    database,
    company: { clock, slack, load, work, press, audit },
  }) => {
    await load('2026-09-02', '8100');
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
    company: { slack, caller, answering, load, work, press, audit },
  }) => {
    await load('2026-09-02', '8100');
    answering.hasWorker = false;
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
  test('brings a press to the same end as a signed request', async ({
    company: { slack, answering, configure, load, work, post },
  }) => {
    const { signingSecret: _unused, ...known } = answering.context.settings.slack;
    configure({ ...known, appToken: slack.appToken });
    await load('2026-09-02', '8100');
    const reminded: string[] = [];
    const socket = startSlackSocket(answering.context, { add: async (job) => void reminded.push(job) });
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
  test('is answered to the asker alone, of pods that are theirs to read', async ({
    company: { slack, caller, load },
  }) => {
    await load('2026-09-02', '8100');
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

  test('is answered to the owner of the day, as the file dates them', async ({
    database,
    company: { clock, caller, load },
  }) => {
    await load('2026-09-02', '8100');
    await sql`insert into pod_period (pod_id, owner_email, valid_from, valid_until) values
      ('checkout', ${ADA.email}, '-infinity', '2026-09-10'), ('checkout', ${MALLORY.email}, '2026-09-10', 'infinity')`.execute(
      database.db,
    );
    const owns = async (user: string) => (await (await caller.command('', user)).text()).includes('$8,100');
    expect([await owns(ADA.userId), await owns(MALLORY.userId)]).toEqual([true, false]);
    clock.set('2026-09-10T00:00:00Z');
    expect([await owns(ADA.userId), await owns(MALLORY.userId)]).toEqual([false, true]);
  });

  test('of the home is answered with the pods of whoever opened it', async ({
    company: { slack, caller, load, work },
  }) => {
    await load('2026-09-02', '8100');
    const opened = { type: 'app_home_opened', tab: 'home', event_ts: '1.1' };
    for (const user of [GRACE.userId, MALLORY.userId, GRACE.userId]) await caller.event({ ...opened, user });
    await work();
    const shown = (user: string) => JSON.stringify(slack.people.homes.get(user)?.blocks);
    expect(shown(GRACE.userId)).toContain('$8,100 of $10,000');
    expect(shown(MALLORY.userId)).toContain('does not know you');
    expect(slack.calls.filter((method) => method === 'views.publish')).toHaveLength(2);
  });
});
