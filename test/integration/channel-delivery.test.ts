/**
 * One outbox, every channel: what an alert's life looks like by mail, in Teams and to a webhook; what nobody can settle; what failed, whom that is
 * told, and how it is tried again. Real servers on this machine; the clock moves by hand.
 */
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { renderAlerts } from '../../cli/render/alerts.ts';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { acknowledgeAlert, releaseAlert } from '../../services/alerts/act-on-alert.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { retryAlert } from '../../services/alerts/retry-alert.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { localOperator, type Principal, silentLogger } from '../../services/kernel/ports.ts';
import { startTestApi } from '../support/api.ts';
import { type TestDatabase, test } from '../support/database.ts';
import {
  addEnvelope,
  addLoad,
  addMessage,
  addPod,
  type MovableClock,
  movableClock,
  setCost,
} from '../support/envelope-builders.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { type PostReceiver, startPostReceiver, verifiedEvents } from '../support/post-receiver.ts';

const START = '2026-09-20T08:00:00Z';
const SECRET = `whsec_${Buffer.from('a secret of just thirty-two bytes').toString('base64')}`;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const CHANNELS = { mailed: 'mailto:team@example.com', carded: 'teams:ops-room', hooked: 'webhook:pager' };
const GRACE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };

let clock: MovableClock;
let mail: MailServer;
let teams: PostReceiver;
let hook: PostReceiver;

beforeEach(async () => {
  clock = movableClock(START);
  mail = await startMailServer();
  teams = await startPostReceiver({ now: () => clock.now() });
  hook = await startPostReceiver({ status: 204, now: () => clock.now() });
});

afterEach(async () => {
  await Promise.all([mail.stop(), teams.stop(), hook.stop()]);
});

async function reset({ db }: TestDatabase, finance: string | null = null): Promise<void> {
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod, load
    restart identity cascade`.execute(db);
  await db.updateTable('organisation').set({ finance_channel: finance, rulebook_id: 0 }).execute();
  for (const [id, channel] of Object.entries(CHANNELS))
    await addPod(db, { id, name: `Pod ${id}`, slackChannel: channel });
}

function deliver({ db }: TestDatabase, missing: { mail?: true } = {}) {
  const channels = {
    ...(missing.mail === true ? {} : { mail: { smtpUrl: mail.url, from: 'alerts@example.com' } }),
    teams: { OPS_ROOM: teams.url },
    webhooks: { PAGER: { url: hook.url, secrets: [SECRET] } },
  };
  return deliverDueAlerts(db, {
    sender: chatPorts({ slack: null, channels, clock }),
    clock,
    logger: silentLogger,
    wait: async (milliseconds) => clock.move(milliseconds),
  });
}

/** The bill of a day arrives the morning after; each pod has spent this much by then. */
async function load({ db }: TestDatabase, day: string, total: string): Promise<void> {
  await sql`truncate pod_day`.execute(db);
  for (const pod of Object.keys(CHANNELS)) await setCost(db, { date: '2026-09-01', pod, amount: total });
  clock.set(new Date(Date.parse(`${day}T06:00:00Z`) + DAY_MS).toISOString());
  const publishedAt = clock.now().toISOString();
  const loadId = await addLoad(db, { billingPeriod: '2026-09', throughDay: day, publishedAt });
  await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'load', loadId }));
}

const messageOf = ({ db }: TestDatabase, id: string) =>
  db.selectFrom('message').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const eventsOf = (receiver: PostReceiver) => verifiedEvents(receiver.taken, SECRET);
const alertOf = async (database: TestDatabase, pod: string) =>
  (await listAlerts(database.db)).find(({ scope }) => scope.id === pod)?.alertId ?? '';

describe('an alert that moves and is cleared', () => {
  test('is a mail and one answer to it, one card, and an event for each thing it says', async ({ database }) => {
    await reset(database);
    for (const id of Object.keys(CHANNELS)) {
      await addEnvelope(database.db, { scope: { kind: 'pod', id }, period: '2026-09', limit: '10000' });
    }
    await load(database, '2026-09-18', '8100');
    await deliver(database);
    await load(database, '2026-09-19', '8300');
    await deliver(database);
    const updates = eventsOf(hook).filter(({ event }) => event['type'] === 'alert.updated').length;
    expect(updates).toBe(1);
    for (const day of ['2026-09-20', '2026-09-21', '2026-09-22']) {
      await load(database, day, '7000');
      await deliver(database);
    }

    expect(teams.taken).toHaveLength(1);
    expect(mail.mails.map(({ headers }) => headers.get('subject'))).toEqual([
      'Pod mailed: 80 % of the envelope for September 2026',
      'Re: Pod mailed: 80 % of the envelope for September 2026',
    ]);
    const [first, answer] = mail.mails;
    expect(answer?.headers.get('in-reply-to')).toBe(first?.headers.get('message-id'));
    expect(answer?.raw).toContain('Cleared, now 70 %');
    // Where nothing can be pressed it says what to type, as long as there is something to do.
    const told = [first?.raw, answer?.raw, teams.taken[0]?.body].map((text) => (text ?? '').replaceAll('=\r\n', ''));
    expect(told.map((text) => /outturn alerts acknowledge [0-9a-f-]{36}\./.test(text))).toEqual([true, false, true]);
    const events = eventsOf(hook);
    expect(events[0]?.event).toMatchObject({ type: 'alert.created', timestamp: '2026-09-19T06:00:00.000Z' });
    expect(events.at(-1)?.event).toMatchObject({
      type: 'alert.updated',
      data: { alerts: [{ rung: '0.8', episodeState: 'cleared', actual: '7000', limit: '10000', currency: 'USD' }] },
    });
    const alertIds = events.map(({ event }) => (event['data'] as { alerts: { alertId: string }[] }).alerts[0]?.alertId);
    expect(new Set(alertIds).size).toBe(1);
    const states = await database.db.selectFrom('message').select('state').execute();
    expect(states.map(({ state }) => state)).toEqual(['sent', 'sent', 'sent', 'sent']);
  });
});

describe('a send that nobody can settle', () => {
  test('stays unknown near the limit, until somebody has it tried again: the same mail', async ({ database }) => {
    await reset(database);
    const id = await addMessage(database.db, { pod: 'mailed', text: 'near', at: START });
    mail.faults.push({ kind: 'accept-then-drop' });
    for (let run = 0; run < 3; run += 1) {
      await deliver(database);
      clock.move(10 * MINUTE_MS);
    }
    expect(await messageOf(database, id)).toMatchObject({ state: 'unknown', next_attempt_at: null, attempts: 1 });
    expect(mail.mails).toHaveLength(1);

    const acting = { alertId: id, principal: GRACE, via: 'cli', at: clock.now() } as const;
    expect(await retryAlert(database.db, acting)).toEqual({ kind: 'done' });
    await deliver(database);
    expect(await messageOf(database, id)).toMatchObject({ state: 'sent', error: null });
    expect(new Set(mail.mails.map(({ headers }) => headers.get('message-id'))).size).toBe(1);
    expect(await retryAlert(database.db, acting)).toMatchObject({ kind: 'nothing to do' });
    const audit = await database.db.selectFrom('audit_event').selectAll().where('action', '=', 'retry-alert').execute();
    expect(audit).toMatchObject([{ principal: 'grace@example.com', subject_id: id }]);
  });

  test('is sent again over the limit, three times at most', async ({ database }) => {
    await reset(database);
    const id = await addMessage(database.db, { pod: 'carded', text: 'over', isUrgent: true, at: START });
    teams.faults.push(...Array.from({ length: 5 }, () => ({ kind: 'accept-then-reset' }) as const));
    for (let run = 0; run < 6; run += 1) {
      await deliver(database);
      clock.move(10 * MINUTE_MS);
    }
    expect(teams.taken).toHaveLength(3);
    expect(await messageOf(database, id)).toMatchObject({ state: 'failed', attempts: 3 });
  });

  test('does not arise where the receiver knows it by its id', async ({ database }) => {
    await reset(database);
    const id = await addMessage(database.db, { pod: 'hooked', text: 'near', at: START });
    hook.faults.push({ kind: 'accept-then-reset' }, { kind: 'answer', status: 500 }, { kind: 'accept-then-reset' });
    for (let run = 0; run < 5; run += 1) {
      await deliver(database);
      clock.move(MINUTE_MS);
    }
    expect(await messageOf(database, id)).toMatchObject({ state: 'sent', attempts: 4 });
    expect(hook.taken).toHaveLength(3);
    expect(eventsOf(hook)).toHaveLength(1);
  });
});

describe('what cannot be delivered', () => {
  test('is told to finance once, whatever finance reads, and arrives when it is tried again', async ({ database }) => {
    await reset(database, 'webhook:pager');
    const id = await addMessage(database.db, { pod: 'mailed', text: 'Pod mailed has spent 81 %.', at: START });
    mail.faults.push({ kind: 'reply', at: 'recipient', code: 550, text: '5.1.1 no such user' });
    for (let run = 0; run < 3; run += 1) {
      await deliver(database);
      clock.move(60 * MINUTE_MS);
    }
    expect(await messageOf(database, id)).toMatchObject({ state: 'failed', error: '550 5.1.1 no such user' });
    const [notice, ...others] = eventsOf(hook);
    expect(others).toEqual([]);
    expect(notice?.event).toMatchObject({ type: 'alert.undelivered' });
    expect((notice?.event['data'] as { text: string } | undefined)?.text).toMatch(
      /^This alert could not be delivered to mailto:team@example\.com: 550 5\.1\.1 no such user\. Correct the address .* Pod mailed has spent 81 %\.$/,
    );

    await sql`update pod set slack_channel = 'teams:ops-room' where id = 'mailed'`.execute(database.db);
    await retryAlert(database.db, { alertId: id, principal: GRACE, via: 'api', at: clock.now() });
    await deliver(database);
    expect(await messageOf(database, id)).toMatchObject({ state: 'sent', channel: 'teams:ops-room' });
    expect(hook.taken).toHaveLength(1);
  });

  test('in a day where it is urgent, else in three, is given up, and finance is told', async ({ database }) => {
    await reset(database, 'webhook:pager');
    await mail.stop();
    await addPod(database.db, { id: 'other', slackChannel: 'mailto:other@example.com' });
    const over = await addMessage(database.db, { pod: 'mailed', text: 'over', isUrgent: true, at: START });
    const next = await addMessage(database.db, { pod: 'other', text: 'over, too', isUrgent: true, at: START });
    const near = await addMessage(database.db, { pod: 'mailed', text: 'near', at: START });
    const statesAfter = async (hours: number) => {
      clock.set(new Date(Date.parse(START) + hours * 60 * MINUTE_MS).toISOString());
      // One of them finds the server down for all; the next is tried when that one is given up.
      for (let tries = 0; tries < 6; tries += 1) {
        await deliver(database);
        clock.move(2 * MINUTE_MS);
      }
      return Promise.all([over, next, near].map(async (id) => (await messageOf(database, id)).state));
    };
    expect(await statesAfter(0)).toEqual(['pending', 'pending', 'pending']);
    expect(await statesAfter(23)).toEqual(['pending', 'pending', 'pending']);
    await statesAfter(24);
    expect(await statesAfter(26)).toEqual(['failed', 'failed', 'pending']);
    expect(await statesAfter(71)).toEqual(['failed', 'failed', 'pending']);
    expect(await statesAfter(72.5)).toEqual(['failed', 'failed', 'failed']);
    expect((await messageOf(database, over)).error).toMatch(/^given up after a day: .*ECONNREFUSED/);
    expect((await messageOf(database, near)).error).toMatch(/^given up after 3 days: .*ECONNREFUSED/);
    const told = eventsOf(hook).map(({ event }) => (event['data'] as { text: string }).text);
    expect(told).toHaveLength(3);
    expect(told).toContainEqual(
      expect.stringMatching(
        /^This alert could not be delivered to mailto:team@example\.com: given up after a day: .*SMTP_URL and MAIL_FROM say\. over$/,
      ),
    );

    // A person has it tried again: it is given its time anew.
    await retryAlert(database.db, { alertId: over, principal: GRACE, via: 'api', at: clock.now() });
    await deliver(database);
    expect(await messageOf(database, over)).toMatchObject({ state: 'pending', first_attempt_at: clock.now() });
    mail = await startMailServer();
    clock.move(MINUTE_MS);
    await deliver(database);
    expect(await messageOf(database, over)).toMatchObject({ state: 'sent' });
  });

  test('because a receiver only ever asks for patience is given up, too', async ({ database }) => {
    await reset(database);
    const id = await addMessage(database.db, { pod: 'hooked', text: 'over', isUrgent: true, at: START });
    for (let tries = 0; tries < 6; tries += 1) {
      hook.faults.push({ kind: 'answer', status: 503, headers: { 'retry-after': '21600' } });
      await deliver(database);
      clock.move(6 * 60 * MINUTE_MS);
    }
    expect(await messageOf(database, id)).toMatchObject({
      state: 'failed',
      error: 'given up after a day: rate limited',
      attempts: 5,
    });
  });

  test('does not silence what answers it: finance hears that nobody has acknowledged', async ({ database }) => {
    await reset(database, 'webhook:pager');
    const id = await addMessage(database.db, { pod: 'mailed', text: 'over', isUrgent: true, at: START });
    const answer = await addMessage(database.db, { pod: 'mailed', text: 'Nobody has acknowledged this.', at: START });
    await sql`update message set kind = 'escalation', reply_to_message_id = ${id} where id = ${answer}`.execute(
      database.db,
    );
    mail.faults.push({ kind: 'reply', at: 'recipient', code: 550, text: 'no such user' });
    await deliver(database);
    expect(await messageOf(database, answer)).toMatchObject({ state: 'sent', channel: 'webhook:pager' });
    const types = eventsOf(hook).map(({ event }) => String(event['type']));
    expect(types.toSorted()).toEqual(['alert.escalated', 'alert.undelivered']);
  });

  test('because its channel is not set up waits and says so; others are not held up', async ({ database }) => {
    await reset(database);
    const waiting = await addMessage(database.db, { pod: 'mailed', text: 'x', at: START });
    const sent = await addMessage(database.db, { pod: 'hooked', text: 'x', at: START });
    const run = await deliver(database, { mail: true });
    expect(run).toMatchObject({ sent: 1, nextDueAt: null });
    expect(await messageOf(database, waiting)).toMatchObject({
      state: 'pending',
      attempts: 0,
      error: 'SMTP_URL is not set',
    });
    expect(await messageOf(database, sent)).toMatchObject({ state: 'sent' });
    await deliver(database);
    expect(await messageOf(database, waiting)).toMatchObject({ state: 'sent', error: null });
  });

  test('because the mail server is down is found out once for all mailboxes', async ({ database }) => {
    await reset(database);
    await mail.stop();
    for (let count = 0; count < 3; count += 1) {
      await addPod(database.db, { id: `p${count}`, slackChannel: `mailto:p${count}@example.com` });
      await addMessage(database.db, { pod: `p${count}`, text: 'x', at: START });
    }
    await addMessage(database.db, { pod: 'hooked', text: 'x', at: START });
    const run = await deliver(database);
    expect(run).toMatchObject({ sent: 1, failed: 0 });
    expect(run.nextDueAt?.toISOString()).toBe('2026-09-20T08:00:05.000Z');
    const tried = await database.db.selectFrom('message').select('attempts').orderBy('attempts').execute();
    expect(tried.map(({ attempts }) => attempts)).toEqual([0, 0, 1, 1]);
    mail = await startMailServer();
    clock.move(MINUTE_MS);
    expect(await deliver(database)).toMatchObject({ sent: 3, nextDueAt: null });
  });

  test('for now is waited for as long as the receiver asks, with all that goes there', async ({ database }) => {
    await reset(database);
    await addMessage(database.db, { pod: 'hooked', text: 'first', at: START });
    await addMessage(database.db, { pod: 'hooked', text: 'second', at: START });
    hook.faults.push({ kind: 'answer', status: 429, headers: { 'retry-after': '30' } });
    const run = await deliver(database);
    expect(run.nextDueAt?.toISOString()).toBe('2026-09-20T08:00:30.000Z');
    expect(hook.requests()).toBe(1);
    clock.set('2026-09-20T08:00:29Z');
    expect(await deliver(database)).toMatchObject({ sent: 2 });
  });
});

describe('several workers', () => {
  test('keep one pace towards one channel, and send each message once', async ({ database }) => {
    await reset(database);
    for (let count = 0; count < 4; count += 1) {
      await addMessage(database.db, { pod: 'hooked', text: `message ${count}`, at: START });
      await addMessage(database.db, { pod: 'mailed', text: `message ${count}`, at: START });
    }
    const runs = await Promise.all([deliver(database), deliver(database), deliver(database)]);
    expect(runs.reduce((sum, { sent }) => sum + sent, 0)).toBe(8);
    expect(eventsOf(hook)).toHaveLength(4);
    expect(hook.requests()).toBe(4);
    expect(mail.mails).toHaveLength(4);
    const { rows } = await sql<{ gap: number | null }>`
      select extract(epoch from last_attempt_at - lag(last_attempt_at) over (partition by channel order by last_attempt_at))::float as gap
      from message
    `.execute(database.db);
    const gaps = rows.flatMap(({ gap }) => (gap === null ? [] : [gap]));
    expect(gaps).toHaveLength(6);
    expect(Math.min(...gaps)).toBeGreaterThan(1);
  });
});

describe('acts', () => {
  test('over HTTP are done once, and say where there is nothing to do', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: { kind: 'pod', id: 'hooked' }, period: '2026-09', limit: '10000' });
    await load(database, '2026-09-18', '8100');
    const alertId = await alertOf(database, 'hooked');
    const api = await startTestApi(database);
    try {
      const headers = await api.authorise('finance');
      const act = async (name: string, payload?: object) => {
        const url = `/api/v1/alerts/${alertId}/${name}`;
        const answer = await api.app.inject({
          method: 'POST',
          url,
          headers,
          ...(payload === undefined ? {} : { payload }),
        });
        return answer.json<unknown>();
      };
      expect(await act('snooze', { until: '2026-10-01' })).toEqual({ alertId, isDone: true, reason: null });
      expect(await act('acknowledge')).toEqual({ alertId, isDone: true, reason: null });
      expect(await act('acknowledge')).toMatchObject({ isDone: false, reason: expect.stringContaining('already') });
      expect(await act('release')).toMatchObject({ isDone: false, reason: 'It is not held any more.' });
      expect(await act('retry')).toMatchObject({ isDone: false, reason: expect.stringContaining('it is pending') });
      expect(renderAlerts(await listAlerts(database.db))).not.toContain('wait for somebody');
      await sql`update message set state = 'failed', next_attempt_at = null`.execute(database.db);
      expect(renderAlerts(await listAlerts(database.db))).toContain(
        `outturn alerts retry ${alertId}   # pod hooked, 2026-09: failed`,
      );
      expect(await act('retry')).toEqual({ alertId, isDone: true, reason: null });
    } finally {
      await api.close();
    }
  });

  test('take their roles, and a pod’s token its own pods', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: { kind: 'pod', id: 'hooked' }, period: '2026-09', limit: '10000' });
    await load(database, '2026-09-18', '8100');
    const acting = { alertId: await alertOf(database, 'hooked'), via: 'api', at: clock.now() } as const;
    const pod = (...pods: string[]): Principal => ({ id: 'ada@example.com', role: 'pod', pods });
    await expect(releaseAlert(database.db, { ...acting, principal: localOperator })).rejects.toThrow(
      'local operator has the role operator: to release an alert takes finance.',
    );
    await expect(retryAlert(database.db, { ...acting, principal: pod('hooked') })).rejects.toThrow(
      'takes finance or operator',
    );
    await expect(acknowledgeAlert(database.db, { ...acting, principal: pod('mailed') })).rejects.toThrow(
      'There is no alert',
    );
    await expect(acknowledgeAlert(database.db, { ...acting, principal: pod('hooked') })).resolves.toEqual({
      kind: 'done',
    });
  });
});
