/**
 * GitHub's REST API where the nightly look needs it, for a token and for an App that signs who it is: its own hook, and tokens of its
 * installations; hooks of organisations and repositories, their deliveries newest first in pages with a
 * cursor in the Link header, sending one again, tokens, and the rate limit. It sends what it is asked for again, signed, under the former id.
 */
import { generateKeyPairSync, verify } from 'node:crypto';
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
  readonly app: { readonly id: string; readonly privateKey: string };
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
const INSTALLATION_ID = 815;
const INSTALLATION_TOKEN = 'ghs_doubled';
/** Under which the App's own deliveries are kept. */
const APP = '@app';

export async function startGithubDouble(options: {
  /** Of every hook. */
  readonly hookUrl: string;
  send(delivery: Delivery): Promise<number>;
  now(): Date;
}): Promise<GithubDouble> {
  const calls: string[] = [];
  const deliveries = new Map<string, DoubledDelivery[]>();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const app = { id: 'Iv1.doubled', privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() };
  /** What the App states of itself, where it signed that. */
  const isApp = (authorization = '') => {
    const [head = '', claims = '', signature = ''] = authorization.replace(/^bearer /i, '').split('.');
    if (!verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url')))
      return false;
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      iss: string;
      iat: number;
      exp: number;
    };
    const now = options.now().getTime() / 1_000;
    return iss === app.id && iat <= now && exp > now && exp - now <= 600;
  };
  const double = {
    url: '',
    token: 'github_pat_doubled',
    app,
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
    const forApp = /^\/app\/|\/installation$/.test(url.pathname);
    const isKnown = [double.token, INSTALLATION_TOKEN].some((token) => authorization === `token ${token}`);
    if (forApp ? !isApp(authorization) : !isKnown) return send(401, '{"message":"Bad credentials"}');
    if (double.remaining === 0) {
      const limit = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(double.resetAt) };
      return send(403, '{"message":"API rate limit exceeded"}', limit);
    }
    double.remaining -= 1;
    if (url.pathname.endsWith('/installation')) return send(200, `{"id":${INSTALLATION_ID}}`);
    if (url.pathname === `/app/installations/${INSTALLATION_ID}/access_tokens`) {
      return send(201, `{"token":"${INSTALLATION_TOKEN}"}`);
    }
    if (url.pathname === '/app/hook/config')
      return send(200, JSON.stringify({ url: options.hookUrl, secret: '********' }));
    if (url.pathname.startsWith('/app/hook/')) return answerHook(APP, url.pathname.slice('/app/hook'.length));
    const [, kind, place = '', rest = ''] =
      /^\/(repos|orgs)\/((?<=repos\/)[^/]+\/[^/]+|(?<=orgs\/)[^/]+)\/hooks(.*)$/.exec(url.pathname) ?? [];
    if (kind === undefined || !deliveries.has(place)) return send(404, '{"message":"Not Found"}');
    if (rest === '')
      return send(200, JSON.stringify([{ id: HOOK_ID, config: { url: options.hookUrl, secret: '********' } }]));
    return rest.startsWith(`/${HOOK_ID}/`) ? answerHook(place, rest.slice(`/${HOOK_ID}`.length)) : send(404, '{}');

    async function answerHook(owner: string, path: string) {
      const listed = deliveries.get(owner) ?? [];
      if (path === '/deliveries') return send(200, ...pageOf(listed, url));
      const again = /^\/deliveries\/(\d+)\/attempts$/.exec(path)?.[1];
      const one = again === undefined ? undefined : listed[Number(BigInt(again) - FIRST_ID)];
      if (one === undefined || request.method !== 'POST') return send(404, '{"message":"Not Found"}');
      const status = await options.send(one.delivery);
      listed.push({ delivery: one.delivery, at: one.at, status });
      return send(202, '{}');
    }
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
