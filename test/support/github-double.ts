/**
 * GitHub's REST API where the nightly look needs it: hooks of organisations and repositories, their deliveries newest first in pages with a
 * cursor in the Link header, sending one again, tokens, and the rate limit. It sends what it is asked for again, signed, under the former id.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Delivery } from './signed-webhooks.ts';

export interface DoubledDelivery {
  readonly delivery: Delivery;
  readonly at: string;
  /** What its receiver answered. */
  status: number;
}

export interface GithubDouble {
  /** For GITHUB_API_URL. */
  readonly url: string;
  readonly token: string;
  /** By place (owner or owner/name): what its hook delivered, oldest first. */
  readonly deliveries: Map<string, DoubledDelivery[]>;
  /** `GET /repos/acme/shop/hooks`, with what was asked for. */
  readonly calls: readonly string[];
  /** How many more calls the rate limit allows. */
  remaining: number;
  /** When it is filled again, in seconds of the epoch. */
  resetAt: number;
  close(): Promise<void>;
}

/** Larger than a JavaScript number holds, as GitHub's are. */
const FIRST_ID = 9_007_199_254_740_993n;
const HOOK_ID = 4_711;

export async function startGithubDouble(options: {
  /** Of every hook. */
  readonly hookUrl: string;
  send(delivery: Delivery): Promise<number>;
}): Promise<GithubDouble> {
  const calls: string[] = [];
  const deliveries = new Map<string, DoubledDelivery[]>();
  const double = {
    url: '',
    token: 'github_pat_doubled',
    deliveries,
    calls,
    remaining: 5_000,
    resetAt: 0,
    close: async () => {},
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', double.url);
    calls.push(`${request.method} ${url.pathname}${url.search}`);
    const send = (status: number, body: string, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(body);
    const { authorization } = request.headers;
    if (authorization !== `token ${double.token}` && authorization !== `Bearer ${double.token}`) {
      return send(401, '{"message":"Bad credentials"}');
    }
    if (double.remaining === 0) {
      const limit = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(double.resetAt) };
      return send(403, '{"message":"API rate limit exceeded"}', limit);
    }
    double.remaining -= 1;
    const [, kind, place = '', rest = ''] =
      /^\/(repos|orgs)\/((?<=repos\/)[^/]+\/[^/]+|(?<=orgs\/)[^/]+)\/hooks(.*)$/.exec(url.pathname) ?? [];
    const listed = deliveries.get(place);
    if (kind === undefined || listed === undefined) return send(404, '{"message":"Not Found"}');
    if (rest === '')
      return send(200, JSON.stringify([{ id: HOOK_ID, config: { url: options.hookUrl, secret: '********' } }]));
    if (rest === `/${HOOK_ID}/deliveries`) return send(200, ...pageOf(listed, url));
    const again = new RegExp(`^/${HOOK_ID}/deliveries/(\\d+)/attempts$`).exec(rest)?.[1];
    const one = again === undefined ? undefined : listed[Number(BigInt(again) - FIRST_ID)];
    if (one === undefined || request.method !== 'POST') return send(404, '{"message":"Not Found"}');
    const status = await options.send(one.delivery);
    listed.push({ delivery: one.delivery, at: one.at, status });
    return send(202, '{}');
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  double.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return double;
}

/** A page, newest first, and the headers that lead to the next. */
function pageOf(listed: readonly DoubledDelivery[], url: URL): [string, Record<string, string>] {
  const size = Number(url.searchParams.get('per_page') ?? '30');
  const start = Number(url.searchParams.get('cursor') ?? '0');
  const newestFirst = listed.map((one, index) => ({ ...one, id: FIRST_ID + BigInt(index) })).toReversed();
  const page = newestFirst.slice(start, start + size);
  const items = page.map(({ delivery, at, status, id }) => {
    const guid = JSON.stringify(delivery.headers['x-github-delivery']);
    const event = JSON.stringify(delivery.headers['x-github-event']);
    // The id is written by hand: JSON.stringify has no such numbers.
    return `{"id":${id},"guid":${guid},"delivered_at":"${at}","redelivery":false,"duration":0.1,"status":"${status < 300 ? 'OK' : 'Invalid HTTP Response'}","status_code":${status},"event":${event},"action":null}`;
  });
  const next = new URL(url);
  next.searchParams.set('cursor', String(start + size));
  const link: Record<string, string> = start + size < listed.length ? { link: `<${next.href}>; rel="next"` } : {};
  return [`[${items.join(',')}]`, link];
}
