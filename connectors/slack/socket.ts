/**
 * Socket Mode: Slack's events over a WebSocket that we open, for installations without an address that Slack could call. The SDK's own
 * reconnecting ends the process where the network is away at the wrong moment, so each connection is one client, and this loop opens the
 * next. Slack ends connections on purpose every few hours; what it could not deliver meanwhile it delivers to the next one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SocketModeClient } from '@slack/socket-mode';
import type { Logger } from '../../services/kernel/ports.ts';
import { proxyAgent } from '../web-proxy.ts';
import { readSlackEvent, type SlackEvent } from './slack-event.ts';
import { SILENT_LOGGER, slackFetch, type SlackSettings } from './slack-client.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;

export interface SlackSocket {
  /** Takes no further event and lets the connection go. */
  close(): Promise<void>;
}

export interface SocketOptions {
  readonly appToken: string;
  readonly logger: Logger;
  /** What Slack is answered with; null for nothing more than that it came. A failure is not acknowledged: Slack delivers it again. */
  receive(event: SlackEvent): Promise<object | null>;
  /** Between a connection's end and the next; tests do not wait. */
  readonly pauseMs?: number;
}

/** Connects, and stays connected until closed. A token that Slack refuses is logged and tried again: it may be corrected. */
export function openSlackSocket(settings: SlackSettings, options: SocketOptions): SlackSocket {
  const stop = new AbortController();
  const running = keepConnected(settings, options, stop.signal);
  return {
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

async function keepConnected(settings: SlackSettings, options: SocketOptions, signal: AbortSignal): Promise<void> {
  const { logger, pauseMs = PAUSE_MS } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      await connectOnce(settings, options, signal);
      failures = 0;
    } catch (error) {
      failures += 1;
      logger.warn({ err: error, failures }, 'Slack could not be connected to over Socket Mode; it is tried again');
    }
    const pause = Math.min(pauseMs * 2 ** Math.min(failures, 10), PAUSE_MS_MAX);
    await delay(pause, undefined, { signal }).catch(() => {});
  }
}

/** One connection, from its opening to its end. */
async function connectOnce(settings: SlackSettings, options: SocketOptions, signal: AbortSignal): Promise<void> {
  const dispatcher = proxyAgent();
  const client = new SocketModeClient({
    appToken: options.appToken,
    autoReconnectEnabled: false,
    logger: SILENT_LOGGER,
    ...(dispatcher === null ? {} : { dispatcher }),
    clientOptions: {
      ...(settings.apiUrl === undefined ? {} : { slackApiUrl: settings.apiUrl }),
      timeout: CONNECT_TIMEOUT_MS,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      fetch: slackFetch(),
    },
  });
  const ended = Promise.withResolvers<void>();
  client.on('disconnected', () => ended.resolve());
  client.on('slack_event', (delivery: Delivery) => {
    answer(delivery, options).catch((error: unknown) =>
      options.logger.error({ err: error }, 'an event of Slack was not taken; Slack delivers it again'),
    );
  });
  const end = () => {
    client.disconnect().catch((error: unknown) => options.logger.warn({ err: error }, 'Slack could not be let go'));
  };
  signal.addEventListener('abort', end);
  try {
    await client.start();
    options.logger.info({}, 'connected to Slack over Socket Mode');
    if (signal.aborted) end();
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

interface Delivery {
  readonly type: string;
  readonly body: unknown;
  ack(response?: object): Promise<void>;
}

async function answer({ type, body, ack }: Delivery, { receive }: SocketOptions): Promise<void> {
  const response = await receive(readSlackEvent(type, body));
  await (response === null ? ack() : ack(response));
}
