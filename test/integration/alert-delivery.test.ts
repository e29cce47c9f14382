/**
 * Delivery against a Slack double over HTTP: whatever happens around a send, people see a message exactly once, or are told that
 * they could not be. The clock moves by hand; waiting for a channel's pace moves it too.
 */
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { chatMessage } from '../support/chat-message.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addMessage, addPod, type MovableClock, movableClock } from '../support/envelope-builders.ts';
import { type PostFault, type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

const START = '2026-09-20T08:00:00Z';
/** Only where the server hangs on purpose; a busy machine may take longer than that to answer. */
const HANG_TIMEOUT_MS = 300;
const TIMEOUT_MS = 20_000;
const MINUTE_MS = 60_000;

let clock: MovableClock;
let slack: SlackDouble;

beforeEach(async () => {
  clock = movableClock(START);
  slack = await startSlackDouble({ now: () => clock.now() });
  slack.channels.set('C0CHECKOUT', 'open');
  slack.channels.set('C0FINANCE', 'open');
});

afterEach(async () => {
  await slack.stop();
});

async function clean(database: TestDatabase, finance: string | null = null): Promise<void> {
  const { db } = database;
  await db.deleteFrom('message').execute();
  await db.deleteFrom('pod').execute();
  await db.updateTable('organisation').set({ finance_channel: finance }).execute();
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
}

function deliver(database: TestDatabase, token = slack.token) {
  const hangs = slack.faults.some((fault) => fault.kind.endsWith('hang'));
  return deliverDueAlerts(database.db, {
    sender: slackSender({ botToken: token, apiUrl: slack.url, timeoutMs: hangs ? HANG_TIMEOUT_MS : TIMEOUT_MS }),
    clock,
    logger: silentLogger,
    wait: async (milliseconds) => clock.move(milliseconds),
  });
}

async function messageOf(database: TestDatabase, id: string) {
  return database.db.selectFrom('message').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

describe('delivery', () => {
  test('a due message is posted once, with its text, blocks and an opaque id, and keeps its ts', async ({
    database,
  }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'Checkout has spent 81 %.', at: START });
    await deliver(database);
    await deliver(database);
    const message = await messageOf(database, id);
    expect(message).toMatchObject({ state: 'sent', channel: 'C0CHECKOUT', attempts: 1, error: null });
    expect(slack.messages).toMatchObject([
      {
        channel: 'C0CHECKOUT',
        ts: message.slack_ts,
        text: 'Checkout has spent 81 %.',
        metadata: { event_type: 'outturn_alert', event_payload: { alert_id: message.alert_id } },
      },
    ]);
    expect(Object.keys(slack.messages[0]?.metadata?.event_payload ?? {})).toEqual(['alert_id']);
  });

  test('without a token everything stays pending', async ({ database }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    const run = await deliverDueAlerts(database.db, { sender: slackSender({}), clock, logger: silentLogger });
    expect(run).toMatchObject({ sent: 0, failed: 0 });
    expect((await messageOf(database, id)).state).toBe('pending');
  });

  test('a rate limit is waited out to the second, and the message is sent once', async ({ database }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    slack.faults.push({ kind: 'rate-limit', retryAfterSeconds: 30 });
    const run = await deliver(database);
    expect(run.nextDueAt?.toISOString()).toBe('2026-09-20T08:00:30.000Z');
    clock.set('2026-09-20T08:00:29Z');
    await deliver(database);
    expect(slack.calls.filter((call) => call === 'chat.postMessage')).toHaveLength(2);
    expect(slack.messages).toHaveLength(1);
    expect((await messageOf(database, id)).state).toBe('sent');
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(Date.parse('2026-09-20T08:00:30Z'));
  });

  test('messages to one channel go out about a second apart, so that Slack refuses none', async ({ database }) => {
    await clean(database);
    for (let count = 0; count < 5; count += 1) {
      await addMessage(database.db, { pod: 'checkout', text: `message ${count}`, at: START });
    }
    const run = await deliver(database);
    expect(run).toMatchObject({ sent: 5, nextDueAt: null });
    expect(slack.calls.filter((call) => call === 'chat.postMessage')).toHaveLength(5);
    expect(clock.now().getTime() - Date.parse(START)).toBeGreaterThanOrEqual(4_000);
  });

  test('two workers at once send each message once', async ({ database }) => {
    await clean(database);
    for (let count = 0; count < 6; count += 1) {
      await addPod(database.db, { id: `pod-${count}`, slackChannel: `C${count}` });
      slack.channels.set(`C${count}`, 'open');
      await addMessage(database.db, { pod: `pod-${count}`, text: `message ${count}`, at: START });
    }
    const [one, two] = await Promise.all([deliver(database), deliver(database)]);
    expect(one.sent + two.sent).toBe(6);
    expect(slack.messages.map((message) => message.text).toSorted()).toEqual(
      Array.from({ length: 6 }, (_, count) => `message ${count}`),
    );
  });

  const ACCEPTED: readonly PostFault[] = [
    { kind: 'accept-then-hang' },
    { kind: 'accept-then-reset' },
    { kind: 'accept-then-http', status: 502 },
  ];
  const NOT_ACCEPTED: readonly PostFault[] = [
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'http', status: 503 },
    { kind: 'error', error: 'internal_error' },
  ];

  for (const fault of [...ACCEPTED, ...NOT_ACCEPTED]) {
    test(`after ${JSON.stringify(fault)} the channel is read, and one message is visible`, async ({ database }) => {
      await clean(database);
      const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
      slack.faults.push(fault);
      await deliver(database);
      expect((await messageOf(database, id)).state).toBe('unknown');
      clock.move(MINUTE_MS);
      await deliver(database);
      expect(slack.calls).toContain('conversations.history');
      expect(slack.messages).toHaveLength(1);
      expect(await messageOf(database, id)).toMatchObject({ state: 'sent', slack_ts: slack.messages[0]?.ts });
    });
  }

  test('an old message of the same text but another id is not taken for it', async ({ database }) => {
    await clean(database);
    await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    await deliver(database);
    clock.move(MINUTE_MS);
    await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    slack.faults.push({ kind: 'hang' });
    await deliver(database);
    clock.move(MINUTE_MS);
    await deliver(database);
    expect(slack.messages).toHaveLength(2);
  });

  test('a long history is read page by page', async ({ database }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    slack.faults.push({ kind: 'accept-then-hang' });
    await deliver(database);
    const sender = slackSender({ botToken: slack.token, apiUrl: slack.url });
    for (let count = 0; count < 205; count += 1) {
      clock.move(1_000);
      await sender?.post(
        chatMessage({ channel: 'C0CHECKOUT', text: 'chatter', metadata: { eventType: 'other', alertId: 'none' } }),
      );
    }
    await deliver(database);
    expect((await messageOf(database, id)).slack_ts).toBe(slack.messages[0]?.ts);
    expect(slack.messages.filter((message) => message.text === 'x')).toHaveLength(1);
  });

  test('without the right to read history, near stays unknown and over is sent again', async ({ database }) => {
    await clean(database);
    slack.canReadHistory = false;
    const near = await addMessage(database.db, { pod: 'checkout', text: 'near', at: START });
    slack.faults.push({ kind: 'accept-then-hang' });
    await deliver(database);
    clock.move(MINUTE_MS);
    await deliver(database);
    clock.move(60 * MINUTE_MS);
    await deliver(database);
    const state = await messageOf(database, near);
    expect(state.state).toBe('unknown');
    expect(state.error).toContain('missing_scope');
    expect(slack.messages.map((message) => message.text)).toEqual(['near']);

    const over = await addMessage(database.db, { pod: 'checkout', text: 'over', isUrgent: true, at: START });
    slack.faults.push({ kind: 'hang' });
    await deliver(database);
    clock.move(MINUTE_MS);
    await deliver(database);
    expect((await messageOf(database, over)).state).toBe('sent');
    expect(slack.messages.map((message) => message.text)).toEqual(['near', 'over']);
  });

  test('a server that is down is tried again, and nothing is sent twice', async ({ database }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    const gone = await startSlackDouble();
    await gone.stop();
    const sender = slackSender({ botToken: slack.token, apiUrl: gone.url, timeoutMs: TIMEOUT_MS });
    await deliverDueAlerts(database.db, { sender, clock, logger: silentLogger });
    const message = await messageOf(database, id);
    expect(message.state).toBe('pending');
    expect(message.error).toContain('ECONNREFUSED');
    clock.move(MINUTE_MS);
    await deliver(database);
    expect(slack.calls).not.toContain('conversations.history');
    expect(slack.messages).toHaveLength(1);
  });

  test('a proxy that answers 403 is waited out: nothing was posted, and nothing is given up', async ({ database }) => {
    await clean(database);
    const id = await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    slack.faults.push({ kind: 'http', status: 403 });
    await deliver(database);
    expect(await messageOf(database, id)).toMatchObject({ state: 'pending', error: 'HTTP 403' });
    clock.move(MINUTE_MS);
    await deliver(database);
    expect(slack.calls).not.toContain('conversations.history');
    expect(slack.messages).toHaveLength(1);
  });

  for (const error of ['is_archived', 'not_in_channel', 'channel_not_found', 'invalid_blocks', 'token_revoked']) {
    test(`${error} fails at once, and finance is told why, how to fix it and what was said`, async ({ database }) => {
      await clean(database, 'C0FINANCE');
      const id = await addMessage(database.db, { pod: 'checkout', text: 'Checkout has spent 81 %.', at: START });
      slack.faults.push({ kind: 'error', error });
      await deliver(database);
      expect(await messageOf(database, id)).toMatchObject({ state: 'failed', error });
      expect(slack.messages).toHaveLength(1);
      expect(slack.messages[0]?.channel).toBe('C0FINANCE');
      expect(slack.messages[0]?.text).toContain(`could not be delivered to C0CHECKOUT: ${error}.`);
      expect(slack.messages[0]?.text).toContain('Checkout has spent 81 %.');
      clock.move(60 * MINUTE_MS);
      await deliver(database);
      expect(slack.messages).toHaveLength(1);
    });
  }

  test('blocks that Slack refuses are not put before finance again: it reads the text', async ({ database }) => {
    await clean(database, 'C0FINANCE');
    const id = await addMessage(database.db, { pod: 'checkout', text: 'Checkout has spent 81 %.', at: START });
    const blocks = JSON.stringify([{ type: 'unheard_of' }]);
    await database.db.updateTable('message').set({ blocks }).where('id', '=', id).execute();
    await deliver(database);
    expect((await messageOf(database, id)).state).toBe('failed');
    expect(slack.messages).toMatchObject([
      { channel: 'C0FINANCE', blocks: [{}, { text: { text: 'Checkout has spent 81 %.' } }] },
    ]);
  });

  test('a wrong token fails the alert and its notice without going round in circles', async ({ database }) => {
    await clean(database, 'C0FINANCE');
    await addMessage(database.db, { pod: 'checkout', text: 'x', at: START });
    const run = await deliver(database, 'xoxb-wrong');
    expect(run).toMatchObject({ sent: 0, failed: 2, nextDueAt: null });
    expect(slack.messages).toEqual([]);
  });

  test('a pod without a channel speaks to finance; with neither it waits and says what is missing', async ({
    database,
  }) => {
    await clean(database);
    await addPod(database.db, { id: 'quiet' });
    const id = await addMessage(database.db, { pod: 'quiet', text: 'x', at: START });
    await deliver(database);
    expect((await messageOf(database, id)).error).toBe('no channel: set channel of pod quiet, or channels.finance');
    await database.db.updateTable('organisation').set({ finance_channel: 'C0FINANCE' }).execute();
    await deliver(database);
    expect(slack.messages).toMatchObject([{ channel: 'C0FINANCE', text: 'x' }]);
  });
});
