/** The buttons under a post in Slack: which stand when, what each does and for whom, and whom an escalation calls by name. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { createToken } from '../../services/access/tokens.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { passTime } from '../../services/envelopes/pass-time.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { setCost } from '../support/envelope-builders.ts';
import { ADA, buttonsOf, GRACE, MALLORY, test } from '../support/slack-company.ts';
import { pressPayload } from '../support/slack-presses.ts';

describe('the buttons under a post', () => {
  test('are there while its alert is open, and new at each revision', async ({ company: { slack, load, post } }) => {
    await load('2026-09-02', '8100');
    expect(buttonsOf(post())).toEqual([
      'outturn_acknowledge',
      'outturn_snooze',
      'outturn_request_raise',
      'outturn_open',
    ]);
    const before = post().blocks.at(-1);
    await load('2026-09-03', '8300');
    expect(post().blocks.at(-1)?.block_id).not.toBe(before?.block_id);
    for (const day of ['2026-09-04', '2026-09-05']) await load(day, '5000');
    expect([post().text.slice(0, 8), buttonsOf(post())]).toEqual(['Cleared,', []]);
    expect(slack.messages).toHaveLength(1);
  });

  test('are left out where Slack could not say what was pressed', async ({
    company: { slack, configure, load, post },
  }) => {
    configure({ botToken: slack.token, apiUrl: slack.url });
    await load('2026-09-02', '8100');
    expect(buttonsOf(post())).toEqual([]);
  });

  test('open the envelope for whom it is to see, and for nobody else', async ({
    database,
    company: { clock, slack, load, work, press },
  }) => {
    await load('2026-09-02', '8100');
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

  test('acknowledge once, however often Slack delivers the press', async ({
    company: { slack, caller, answering, load, work, post, audit },
  }) => {
    await load('2026-09-02', '10100');
    expect(buttonsOf(post())).not.toContain('outturn_snooze');
    const payload = pressPayload(slack, { actionId: 'outturn_acknowledge', user: ADA.userId, message: post() });
    for (let delivery = 0; delivery < 3; delivery += 1) {
      expect([(await caller.interact(payload)).status, answering.reminders]).toEqual([200, 1]);
    }
    await work();
    await caller.interact(payload);
    await work();
    expect(post().text).toContain('Acknowledged by ada@example.com on 3 Sep.');
    expect(buttonsOf(post())).toEqual(['outturn_request_raise', 'outturn_open']);
    expect(await audit()).toEqual(['acknowledge-alert ada@example.com']);
    expect([slack.people.told, slack.messages.length]).toEqual([[], 1]);
  });

  test('snooze for a day, three, or until Monday morning where the organisation is', async ({
    database,
    company: { slack, reset, load, work, post, press },
  }) => {
    const ends = async (choice: string) => {
      await reset();
      await load('2026-09-02', '8100');
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

  test('of a post that is over answer their presser alone, and the post is rewritten', async ({
    company: { slack, load, work, post, press, audit },
  }) => {
    await load('2026-09-02', '8100');
    const stale = post();
    for (const day of ['2026-09-03', '2026-09-04']) await load(day, '5000');
    const { edits } = post();
    await press('outturn_acknowledge', ADA.userId, {}, stale);
    await press('outturn_request_raise', GRACE.userId, {}, stale);
    await work();
    const over = { by: 'response_url', text: expect.stringContaining('already resolved') };
    expect(slack.people.told).toMatchObject([over, over]);
    expect([slack.people.forms, post().edits > edits]).toEqual([[], true]);
    expect(await audit()).toEqual([]);
  });

  test('do nothing for whom the organisation does not know, or knows elsewhere', async ({
    database,
    company: { clock, slack, load, work, post, press, audit },
  }) => {
    await load('2026-09-02', '8100');
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

  test('ask again where Slack does not say who pressed, and remember whom it named for a day', async ({
    database,
    company: { clock, slack, caller, load, work, press },
  }) => {
    await load('2026-09-02', '8100');
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

  test('that nobody knows are answered and left alone', async ({
    company: { slack, caller, answering, load, post },
  }) => {
    await load('2026-09-02', '8100');
    const payload = pressPayload(slack, { actionId: 'outturn_acknowledge', user: ADA.userId, message: post() });
    const unknown = JSON.parse(JSON.stringify(payload).replaceAll('outturn_acknowledge', 'another_app')) as object;
    expect((await caller.interact(unknown)).status).toBe(200);
    expect(answering.reminders).toBe(0);
  });
});

describe('the notice of what is held', () => {
  test('lets finance release or dismiss it, nobody else, and loses its buttons however it is settled', async ({
    database,
    company: { clock, slack, load, deliver, work, post, press, audit },
  }) => {
    const { db } = database;
    await load('2026-09-02', '6000');
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

describe('an escalation', () => {
  test('calls owner and finance partner by their names in Slack, and those it does not have by their address', async ({
    database,
    company: { clock, slack, load, deliver, post },
  }) => {
    slack.people.people.splice(slack.people.people.indexOf(GRACE), 1);
    await load('2026-09-02', '10100');
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
