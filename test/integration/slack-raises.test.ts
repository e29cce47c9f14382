/** A raise asked for and decided in Slack, in forms and with buttons, and the conversation in which its approver hears of it. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { answerSlack } from '../../jobs/handlers/answer-slack.ts';
import { addEnvelope } from '../support/envelope-builders.ts';
import { ADA, buttonsOf, GRACE, type SlackCompany, test } from '../support/slack-company.ts';
import { pressPayload } from '../support/slack-presses.ts';

describe('a raise', () => {
  const FIELDS = { limit: '12,000', until: '2026-09-20', reason: 'Black Friday, see bob@example.com' };

  test('is asked for in a form that says what is wrong with it', async ({
    company: { slack, answering, load, press, submit },
  }) => {
    await load('2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    expect(slack.people.forms).toHaveLength(1);
    const faults = async (fields: Record<string, string>) => {
      const answer = await submit(ADA.userId, { ...FIELDS, ...fields });
      return Object.keys(((await answer.json()) as { errors: object }).errors);
    };
    expect(await faults({ limit: '9,999.99', reason: ' ' })).toEqual(['limit', 'reason']);
    for (const limit of ['12.000,00', '1e5', '', '10000', '-12000']) expect(await faults({ limit })).toEqual(['limit']);
    expect(await faults({ until: '2026-09-02' })).toEqual(['until']);
    expect(answering.reminders).toBe(0);
  });

  test('goes to the approver alone, who grants it with a button; the thread hears of it', async ({
    company: { slack, load, work, post, press, submit, audit },
  }) => {
    await load('2026-09-02', '8100');
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

  test('is refused with a reason, which the form asks for', async ({
    company: { slack, load, work, press, submit },
  }) => {
    await load('2026-09-02', '8100');
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
    company: { slack, load, work, press, submit, audit },
  }) => {
    const { db } = database;
    await sql`insert into portfolio (id, name, finance_partner_email, delegated_raise_limit, delegated_raise_currency)
      values ('commerce', 'Commerce', ${GRACE.email}, 5000, 'USD')`.execute(db);
    await sql`update pod set portfolio_id = 'commerce'`.execute(db);
    await sql`insert into pod_period (pod_id, portfolio_id, owner_email, valid_from, valid_until)
      values ('checkout', 'commerce', ${ADA.email}, '-infinity', 'infinity')`.execute(db);
    await addEnvelope(db, { scope: { kind: 'portfolio', id: 'commerce' }, period: '2026-09', limit: '50000' });
    await load('2026-09-02', '8100');
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

  test('is not lost where Slack closed the way to its form', async ({
    company: { clock, slack, caller, load, work, post },
  }) => {
    await load('2026-09-02', '8100');
    const payload = pressPayload(slack, { actionId: 'outturn_request_raise', user: ADA.userId, message: post() });
    clock.move(3_001);
    await caller.interact(payload);
    await work();
    expect([slack.people.forms, slack.people.told[0]?.text]).toEqual([[], expect.stringContaining('press again')]);
  });
});

describe('a message for one person', () => {
  const ask = async ({ load, press, submit, answering }: SlackCompany) => {
    await load('2026-09-02', '8100');
    await press('outturn_request_raise', ADA.userId);
    await submit(ADA.userId, { limit: '12000', reason: 'Black Friday' });
    await answerSlack({}, answering.context);
  };

  test('whose answer was lost is looked for in the conversation with them, and not sent twice', async ({
    database,
    company,
  }) => {
    const { clock, slack, deliver } = company;
    await ask(company);
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
    company,
  }) => {
    const { clock, slack, answering, deliver, configure } = company;
    slack.people.people.splice(slack.people.people.indexOf(GRACE), 1);
    await ask(company);
    const known = answering.context.settings.slack;
    configure({ ...known, apiUrl: 'http://127.0.0.1:1/api/' });
    await deliver();
    expect(slack.messages).toHaveLength(1);
    configure(known);
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
