/** The connector and its double against each other: whom a token belongs to, and that the double refuses what Slack refuses. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSlackApp } from '../../connectors/slack/check-app.ts';
import { slackSender } from '../../connectors/slack/post-message.ts';
import type { ChatPort } from '../../services/kernel/chat-port.ts';
import { chatMessage } from '../support/chat-message.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

let slack: SlackDouble;
let sender: ChatPort;

beforeEach(async () => {
  slack = await startSlackDouble();
  slack.channels.set('C1', 'open');
  const opened = slackSender({ botToken: slack.token, apiUrl: slack.url });
  if (opened === null) throw new Error('no sender for a token');
  sender = opened;
});

afterEach(async () => {
  await slack.stop();
});

function post(blocks: readonly unknown[], channel = 'C1') {
  return sender.post(chatMessage({ channel, blocks }));
}

describe('the Slack connector', () => {
  test('the app is checked thing by thing: token, scopes, Socket Mode, channels; each with its fix', async () => {
    const check = (settings: { botToken: string; appToken?: string }, channels = ['C1']) =>
      checkSlackApp({ apiUrl: slack.url, ...settings }, { channels, ...settings });
    const told = async (...given: Parameters<typeof check>) =>
      (await check(...given)).map(({ state, message }) => `${state} ${message}`);
    const { token: botToken, appToken } = slack;
    await expect(told({ botToken, appToken })).resolves.toEqual([
      'ok connected as outturn to Acme',
      'ok the app has every scope it uses',
      'ok SLACK_APP_TOKEN opens connections',
      'ok 1 channels can be read and posted to',
    ]);
    await expect(told({ botToken: 'xoxb-wrong' })).resolves.toEqual([
      expect.stringMatching(/^wrong Slack does not accept SLACK_BOT_TOKEN: invalid_auth\. Set the bot token/),
    ]);
    for (const scope of ['channels:history', 'users:read.email']) slack.scopes.delete(scope);
    slack.channels.set('G2', 'not-joined');
    await expect(told({ botToken, appToken: 'xapp-wrong' }, ['C1', 'G2', 'G3'])).resolves.toEqual([
      expect.stringContaining('ok connected'),
      expect.stringMatching(/^note Without channels:history, .* cannot be looked up\. Add it under OAuth/),
      expect.stringMatching(/^note Without users:read\.email, nobody who presses a button is known/),
      expect.stringMatching(/^wrong Slack does not accept SLACK_APP_TOKEN: invalid_auth\. Make one/),
      'wrong G2 cannot be read: not_in_channel. Invite the app to the channel: /invite @outturn.',
      expect.stringMatching(/^wrong G3 cannot be read: channel_not_found\. Correct the channel id/),
    ]);
  });

  test('without a token there is no sender', () => {
    expect(slackSender({ apiUrl: slack.url })).toBeNull();
  });

  test('blocks beyond the limits and unknown channels are refused', async () => {
    const section = (length: number) => ({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(length) } });
    await expect(post([section(3_001)])).resolves.toEqual({ kind: 'refused', error: 'invalid_blocks' });
    await expect(post(Array.from({ length: 51 }, () => section(1)))).resolves.toEqual({
      kind: 'refused',
      error: 'invalid_blocks',
    });
    await expect(post([section(1)], 'C2')).resolves.toEqual({ kind: 'refused', error: 'channel_not_found' });
    await expect(post([section(3_000)])).resolves.toMatchObject({ kind: 'sent' });
  });

  test('a second message to a channel within the second meets the rate limit', async () => {
    await expect(post([])).resolves.toMatchObject({ kind: 'sent' });
    await expect(post([])).resolves.toEqual({ kind: 'rate-limited', retryAfterMs: 1_000 });
  });

  test('a message is found by its metadata alone', async () => {
    await post([]);
    const query = { channel: 'C1', since: new Date() };
    const find = (eventType: string, alertId: string) =>
      sender.findPosted({ ...query, metadata: { eventType, alertId } });
    await expect(find('outturn_alert', 'a')).resolves.toEqual({ kind: 'found', ts: slack.messages[0]?.ts });
    await expect(find('outturn_alert', 'b')).resolves.toEqual({ kind: 'absent' });
    await expect(find('outturn_delivery_failure', 'a')).resolves.toEqual({ kind: 'absent' });
    slack.canReadHistory = false;
    await expect(find('outturn_alert', 'a')).resolves.toEqual({ kind: 'not-permitted', error: 'missing_scope' });
  });
});
