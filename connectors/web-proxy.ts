/**
 * The way out through a proxy, where HTTPS_PROXY (or HTTP_PROXY) names one; NO_PROXY is followed. Slack's Web API, the addresses that it gives for
 * answers, Socket Mode's WebSocket, Teams and webhooks all go this way. Without a proxy nothing is changed.
 */
import { env } from 'node:process';
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';

const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
/** No proxy reaches this machine's own addresses. */
const OWN_ADDRESSES = 'localhost,127.0.0.1,::1';

/** One for all calls of the process, so that connections to the proxy are used again. */
let shared: { readonly key: string; readonly agent: Dispatcher } | undefined;

/** Null without a proxy. */
export function proxyAgent(): Dispatcher | null {
  const proxies = PROXIES.map((name) => env[name] ?? '');
  const past = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').trim();
  if (past === '*' || proxies.every((proxy) => proxy === '')) return null;
  const noProxy = `${past},${OWN_ADDRESSES}`;
  const key = [...proxies, noProxy].join('\n');
  if (shared?.key !== key) {
    // A WebSocket needs HTTP/1.1 of its own.
    shared = { key, agent: new EnvHttpProxyAgent({ noProxy, allowH2: false, requestTls: { allowH2: false } }) };
  }
  return shared.agent;
}
