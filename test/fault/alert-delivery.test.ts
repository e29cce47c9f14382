/**
 * Kills the delivering process with SIGKILL at every step around the send, then lets others deliver until nothing is left to do:
 * people see exactly one message in Slack, a webhook one id, a mailbox what its rule allows. A second kill while the first one's doubt is being
 * settled must change nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import type { ChannelSettings } from '../../services/kernel/channel-settings.ts';
import type { FaultPoint } from '../../services/kernel/fault-point.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addMessage, addPod } from '../support/envelope-builders.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { type PostReceiver, startPostReceiver } from '../support/post-receiver.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

const START = Date.parse('2026-09-20T08:00:00Z');
/** Past any claim, so that the next run may take over what a killed one left. */
const RUN_APART_MS = 120_000;
const RUNS_MAX = 6;

const SECRET = `whsec_${Buffer.from('a secret of just thirty-two bytes').toString('base64')}`;

let slack: SlackDouble;
let mail: MailServer;
let hook: PostReceiver;
let now = START;

beforeEach(async () => {
  now = START;
  slack = await startSlackDouble({ now: () => new Date(now) });
  slack.channels.set('C0CHECKOUT', 'open');
  mail = await startMailServer();
  hook = await startPostReceiver({ now: () => new Date(now) });
});

afterEach(async () => {
  await Promise.all([slack.stop(), mail.stop(), hook.stop()]);
});

const KILLS: readonly { name: string; faults: readonly FaultPoint[]; sentBefore: number }[] = [
  { name: 'before the claim is committed', faults: ['deliver-before-claim'], sentBefore: 0 },
  { name: 'after the claim, before the call', faults: ['deliver-after-claim'], sentBefore: 0 },
  { name: 'after Slack accepted, before it is recorded', faults: ['deliver-after-send'], sentBefore: 1 },
  { name: 'after it is recorded', faults: ['deliver-after-record'], sentBefore: 1 },
  {
    name: 'after Slack accepted, and again while the channel is read back',
    faults: ['deliver-after-send', 'deliver-after-lookup'],
    sentBefore: 1,
  },
  {
    name: 'before the call, while the channel is read back, and after the second call',
    faults: ['deliver-after-claim', 'deliver-after-lookup', 'deliver-after-send'],
    sentBefore: 0,
  },
];

describe('a process killed while delivering', () => {
  for (const { name, faults, sentBefore } of KILLS) {
    test(`${name}: exactly one message is visible`, async ({ database }) => {
      const { db } = database;
      const id = await addOne(database, { channel: 'C0CHECKOUT' });

      for (const [index, fault] of faults.entries()) {
        expect(await runDelivery(database.url, fault)).toBe('SIGKILL');
        if (index === 0) expect(slack.messages).toHaveLength(sentBefore);
        now += RUN_APART_MS;
      }
      await deliverToTheEnd(database);
      expect(slack.messages).toHaveLength(1);
      const message = await db.selectFrom('message').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      expect(message).toMatchObject({ state: 'sent', slack_ts: slack.messages[0]?.ts });
    });
  }

  test('while it rewrites a post: the post says the newest, and there is one', async ({ database }) => {
    const { db } = database;
    const id = await addOne(database, { channel: 'C0CHECKOUT' });
    await deliverToTheEnd(database);
    await sql`update message set text = 'newer', revision = 2, next_attempt_at = ${new Date(now).toISOString()}`.execute(
      db,
    );
    expect(await runDelivery(database.url, 'deliver-after-edit')).toBe('SIGKILL');
    now += RUN_APART_MS;
    await deliverToTheEnd(database);
    expect(slack.messages.map(({ text }) => text)).toEqual(['newer']);
    const message = await db.selectFrom('message').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(message).toMatchObject({ state: 'sent', delivered_revision: 2 });
  });

  // What is recorded is recorded, whatever the channel: the steps before it are what differs.
  for (const fault of ['deliver-after-claim', 'deliver-after-send'] as const) {
    test(`${fault}, towards a webhook: every try has one id, and the last one is recorded`, async ({ database }) => {
      const id = await addOne(database, { channel: 'webhook:pager' });
      expect(await runDelivery(database.url, fault)).toBe('SIGKILL');
      now += RUN_APART_MS;
      await deliverToTheEnd(database);
      const ids = hook.taken.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids)).toEqual(new Set([`msg_${id}_1`]));
      expect(await stateOf(database, id)).toBe('sent');
    });

    test(`${fault}, towards a mailbox: one mail at most near the limit, at least one over it`, async ({ database }) => {
      const near = await addOne(database, { channel: 'mailto:team@example.com' });
      expect(await runDelivery(database.url, fault)).toBe('SIGKILL');
      now += RUN_APART_MS;
      await deliverToTheEnd(database);
      expect(mail.mails).toHaveLength(fault === 'deliver-after-claim' ? 0 : 1);
      expect(await stateOf(database, near)).toBe('unknown');

      const over = await addOne(database, { channel: 'mailto:team@example.com', isUrgent: true });
      const before = mail.mails.length;
      now += RUN_APART_MS;
      expect(await runDelivery(database.url, fault)).toBe('SIGKILL');
      now += RUN_APART_MS;
      await deliverToTheEnd(database);
      const added = mail.mails.slice(before).map(({ headers }) => headers.get('message-id'));
      expect(added).toHaveLength(fault === 'deliver-after-send' ? 2 : 1);
      expect(new Set(added)).toEqual(new Set([`<${over}@example.com>`]));
      expect(await stateOf(database, over)).toBe('sent');
    });
  }
});

/** The only message there is, of a pod with this channel. */
async function addOne({ db }: TestDatabase, to: { channel: string; isUrgent?: boolean }): Promise<string> {
  await db.deleteFrom('message').execute();
  await db.deleteFrom('pod').execute();
  await addPod(db, { id: 'checkout', slackChannel: to.channel });
  const isUrgent = to.isUrgent ?? false;
  return addMessage(db, { pod: 'checkout', text: 'x', at: new Date(now).toISOString(), isUrgent });
}

async function deliverToTheEnd({ db }: TestDatabase): Promise<void> {
  const clock = { now: () => new Date(now) };
  for (let run = 0; run < RUNS_MAX; run += 1) {
    await deliverDueAlerts(db, {
      sender: chatPorts({
        slack: slackSender({ botToken: slack.token, apiUrl: slack.url }),
        channels: channelsOfTest(),
        clock,
      }),
      clock,
      logger: silentLogger,
    });
    now += RUN_APART_MS;
  }
}

function channelsOfTest(): ChannelSettings {
  return {
    mail: { smtpUrl: mail.url, from: 'alerts@example.com' },
    teams: {},
    webhooks: { PAGER: { url: hook.url, secrets: [SECRET] } },
  };
}

async function stateOf({ db }: TestDatabase, id: string): Promise<string> {
  return (await db.selectFrom('message').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state;
}

/** Runs delivery once in a process of its own; answers the signal that ended it. */
async function runDelivery(url: string, fault: FaultPoint): Promise<NodeJS.Signals | null> {
  const program = fileURLToPath(new URL('./deliver-alert-process.ts', import.meta.url));
  const channels = JSON.stringify(channelsOfTest());
  const child = spawn(process.execPath, [program, url, slack.url, slack.token, new Date(now).toISOString(), channels], {
    env: { ...process.env, OUTTURN_FAULT: fault },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}
