/**
 * Kills the delivering process with SIGKILL at every step around the send, then lets others deliver until nothing is left to do:
 * people see exactly one message. A second kill while the first one's doubt is being settled must change nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import type { FaultPoint } from '../../services/kernel/fault-point.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { test } from '../support/database.ts';
import { addMessage, addPod } from '../support/envelope-builders.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

const START = Date.parse('2026-09-20T08:00:00Z');
/** Past any claim, so that the next run may take over what a killed one left. */
const RUN_APART_MS = 120_000;
const RUNS_MAX = 6;

let slack: SlackDouble;
let now = START;

beforeEach(async () => {
  now = START;
  slack = await startSlackDouble({ now: () => new Date(now) });
  slack.channels.set('C0CHECKOUT', 'open');
});

afterEach(async () => {
  await slack.stop();
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
      const { db, url } = database;
      await db.deleteFrom('message').execute();
      await db.deleteFrom('pod').execute();
      await addPod(db, { id: 'checkout', slackChannel: 'C0CHECKOUT' });
      const id = await addMessage(db, { pod: 'checkout', text: 'x', at: new Date(START).toISOString() });

      for (const [index, fault] of faults.entries()) {
        expect(await runDelivery(url, fault)).toBe('SIGKILL');
        if (index === 0) expect(slack.messages).toHaveLength(sentBefore);
        now += RUN_APART_MS;
      }
      for (let run = 0; run < RUNS_MAX; run += 1) {
        await deliverDueAlerts(db, {
          sender: slackSender({ botToken: slack.token, apiUrl: slack.url }),
          clock: { now: () => new Date(now) },
          logger: silentLogger,
        });
        now += RUN_APART_MS;
      }
      expect(slack.messages).toHaveLength(1);
      const message = await db.selectFrom('message').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      expect(message).toMatchObject({ state: 'sent', slack_ts: slack.messages[0]?.ts });
    });
  }
});

/** Runs delivery once in a process of its own; answers the signal that ended it. */
async function runDelivery(url: string, fault: FaultPoint): Promise<NodeJS.Signals | null> {
  const program = fileURLToPath(new URL('./deliver-alert-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, url, slack.url, slack.token, new Date(now).toISOString()], {
    env: { ...process.env, OUTTURN_FAULT: fault },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}
