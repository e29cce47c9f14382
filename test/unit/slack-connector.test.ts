/** The connector and its double against each other: whom a token belongs to, and that the double refuses what Slack refuses. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSlackToken } from '../../connectors/slack/check-token.ts';
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
  test('a token is checked by asking whom it belongs to', async () => {
    await expect(checkSlackToken({ botToken: slack.token, apiUrl: slack.url })).resolves.toEqual({
      user: 'outturn',
      team: 'Acme',
    });
    await expect(checkSlackToken({ botToken: 'xoxb-wrong', apiUrl: slack.url })).rejects.toThrow(
      /Slack does not accept SLACK_BOT_TOKEN: invalid_auth\. Set the bot token/,
    );
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
