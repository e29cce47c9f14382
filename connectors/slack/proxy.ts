/**
 * The way out through a proxy, where HTTPS_PROXY (or HTTP_PROXY) names one; NO_PROXY is followed. The Web API, the addresses that Slack
 * gives for answers and Socket Mode's WebSocket all go this way. Without a proxy nothing is changed.
 */
import { env } from 'node:process';
import type { WebClientOptions } from '@slack/web-api';
import { type Dispatcher, EnvHttpProxyAgent, fetch as fetchThrough } from 'undici';

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/** One for all calls of the process, so that connections to the proxy are used again. */
let shared: { readonly key: string; readonly agent: Dispatcher } | undefined;

/** Null without a proxy. */
export function proxyAgent(): Dispatcher | null {
  const key = VARIABLES.map((name) => env[name] ?? '').join('\n');
  if (key.trim() === '') return null;
  // A WebSocket needs HTTP/1.1 of its own.
  shared =
    shared?.key === key
      ? shared
      : { key, agent: new EnvHttpProxyAgent({ allowH2: false, requestTls: { allowH2: false } }) };
  return shared.agent;
}

/** How Slack is fetched from. */
export function slackFetch(): NonNullable<WebClientOptions['fetch']> {
  const dispatcher = proxyAgent();
  if (dispatcher === null) return (url, init) => fetch(url, init);
  return (url, init) => {
    const { body, ...rest } = init ?? {};
    if (body !== undefined && typeof body !== 'string') throw new TypeError('only texts are sent to Slack');
    return fetchThrough(url, { ...rest, dispatcher, ...(body === undefined ? {} : { body }) });
  };
}
