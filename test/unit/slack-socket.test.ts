/** Socket Mode against a double of Slack's own server: events are answered and acknowledged, connections come and go, and a proxy leads to both. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { slackSender } from '../../connectors/slack/post-message.ts';
import type { SlackEvent } from '../../connectors/slack/slack-event.ts';
import { openSlackSocket, type SlackSocket } from '../../connectors/slack/socket.ts';
import { type Logger, silentLogger } from '../../services/kernel/ports.ts';
import { chatMessage } from '../support/chat-message.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';
import { startTunnelProxy } from '../support/tunnel-proxy.ts';

const COMMAND = { command: '/outturn', text: 'checkout', user_id: 'UADA', team_id: 'T1' };

let slack: SlackDouble;
let socket: SlackSocket | null;
let received: SlackEvent[];

beforeEach(async () => {
  slack = await startSlackDouble();
  received = [];
  socket = null;
});
afterEach(async () => {
  await socket?.close();
  await slack.stop();
  vi.unstubAllEnvs();
});

const open = (options: { appToken?: string; apiUrl?: string; logger?: Logger; fails?: () => boolean } = {}) => {
  socket = openSlackSocket(
    { apiUrl: options.apiUrl ?? slack.url },
    {
      appToken: options.appToken ?? slack.appToken,
      logger: options.logger ?? silentLogger,
      pauseMs: 1,
      receive: async (event) => {
        received.push(event);
        if (options.fails?.() === true) throw new Error('the database is away');
        return event.kind === 'command' ? { text: 'well' } : null;
      },
    },
  );
};
const connected = (times: number) =>
  vi.waitFor(() => expect([slack.sockets.greeted, slack.sockets.open]).toEqual([times, 1]), { timeout: 10_000 });
const acknowledged = (id: string) =>
  vi.waitFor(
    () => {
      const found = slack.sockets.acknowledged.get(id);
      expect(found).toBeDefined();
      return found;
    },
    { timeout: 10_000 },
  );

describe('Socket Mode', () => {
  test('answers what it is sent, and acknowledges each once', async () => {
    open();
    await connected(1);
    const asked = slack.sockets.send('slash_commands', COMMAND);
    const opened = slack.sockets.send('events_api', {
      team_id: 'T1',
      event: { type: 'app_home_opened', tab: 'home', user: 'UADA', event_ts: '1.2' },
    });
    expect(await acknowledged(asked)).toEqual([{ text: 'well' }]);
    expect(await acknowledged(opened)).toEqual([{}]);
    const actor = { teamId: 'T1', userId: 'UADA' };
    expect(received).toEqual([
      { kind: 'command', actor, command: '/outturn', text: 'checkout' },
      { kind: 'home', actor, eventTs: '1.2' },
    ]);
  });

  test('connects again when Slack asks for it, and when the network fails', async () => {
    open();
    await connected(1);
    slack.sockets.askToReconnect();
    await connected(2);
    slack.sockets.cut();
    await connected(3);
    expect(await acknowledged(slack.sockets.send('slash_commands', COMMAND))).toEqual([{ text: 'well' }]);
  });

  test('leaves to Slack to send again what could not be taken', async () => {
    let isAway = true;
    open({ fails: () => isAway });
    await connected(1);
    const id = slack.sockets.send('slash_commands', COMMAND);
    await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 10_000 });
    isAway = false;
    slack.sockets.send('slash_commands', COMMAND, id);
    expect(await acknowledged(id)).toHaveLength(1);
  });

  test('goes on trying with a token that Slack refuses, and says why', async () => {
    const said: unknown[] = [];
    open({
      appToken: 'xapp-wrong',
      logger: { ...silentLogger, warn: ({ err }: { err?: unknown }) => void said.push(err) },
    });
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(String(said[0])).toContain('invalid_auth');
    expect(slack.sockets.greeted).toBe(0);
  });
});

describe('a proxy', () => {
  test('leads to the Web API and to the WebSocket, by a name that only it knows', async () => {
    const proxy = await startTunnelProxy(Number(new URL(slack.url).port));
    try {
      for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, proxy.url);
      const apiUrl = 'http://slack.invalid/api/';
      slack.channels.set('C1', 'open');
      const sender = slackSender({ botToken: slack.token, apiUrl });
      expect(await sender?.post(chatMessage({ channel: 'C1' }))).toMatchObject({ kind: 'sent' });
      open({ apiUrl });
      await connected(1);
      expect(await acknowledged(slack.sockets.send('slash_commands', COMMAND))).toEqual([{ text: 'well' }]);
      expect(proxy.asked.length).toBeGreaterThanOrEqual(3);
      expect(proxy.asked.every((place) => place.startsWith('slack.invalid'))).toBe(true);
      await socket?.close();
      socket = null;
    } finally {
      await proxy.stop();
    }
  });

  test('of HTTPS_PROXY is asked for slack.com; NO_PROXY and this machine go past it', async () => {
    const proxy = await startConnectProxy();
    const post = async (settings: { apiUrl?: string }) =>
      slackSender({ botToken: slack.token, ...settings })?.post(chatMessage({ channel: 'C1' }));
    try {
      for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, proxy.url);
      expect(await post({})).not.toMatchObject({ kind: 'sent' });
      expect(new Set(proxy.asked)).toEqual(new Set(['slack.com:443']));
      slack.channels.set('C1', 'open');
      expect(await post({ apiUrl: slack.url })).toMatchObject({ kind: 'sent' });
      vi.stubEnv('NO_PROXY', 'slack.invalid');
      expect(await post({ apiUrl: 'https://slack.invalid/api/' })).toMatchObject({ kind: 'unreachable' });
      expect(new Set(proxy.asked)).toEqual(new Set(['slack.com:443']));
    } finally {
      proxy.stop();
    }
  });
});
