/**
 * The one place that makes Slack clients. The SDK's own retries are off and its rate limits are handed up: a retry inside the SDK
 * has been seen to post twice, and the outbox knows better when to try again.
 */
import { LogLevel, WebClient, type WebClientOptions } from '@slack/web-api';
import { fetch as fetchThrough } from 'undici';
import { proxyAgent } from '../web-proxy.ts';

const TIMEOUT_MS = 10_000;

export interface SlackSettings {
  readonly botToken?: string;
  /** Another Slack-compatible endpoint. */
  readonly apiUrl?: string;
  /** How long one call may take; 10 s by default. */
  readonly timeoutMs?: number;
}

/** A client for one token. */
export function openSlackClient(botToken: string, settings: SlackSettings): WebClient {
  return new WebClient(botToken, {
    ...(settings.apiUrl === undefined ? {} : { slackApiUrl: settings.apiUrl }),
    timeout: settings.timeoutMs ?? TIMEOUT_MS,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    fetch: slackFetch(),
    // Our own log says what happened to each message; the SDK's lines on stdout would break JSON output.
    logLevel: LogLevel.ERROR,
    logger: SILENT_LOGGER,
  });
}

/** How Slack is fetched from: through the proxy that the environment names. */
export function slackFetch(): NonNullable<WebClientOptions['fetch']> {
  const dispatcher = proxyAgent();
  if (dispatcher === null) return (url, init) => fetch(url, init);
  return (url, init) => {
    const { body, ...rest } = init ?? {};
    if (body !== undefined && typeof body !== 'string') throw new TypeError('only texts are sent to Slack');
    return fetchThrough(url, { ...rest, dispatcher, ...(body === undefined ? {} : { body }) });
  };
}

/** Our own log says what happened. */
export const SILENT_LOGGER = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
  getLevel: () => LogLevel.ERROR,
  setName: () => {},
};
