/**
 * A server on loopback that behaves like Slack where it matters to us: tokens, scopes, channels, block limits, one message per second
 * and channel, 429 with Retry-After, people, forms and homes, Socket Mode, and every way of leaving the caller in doubt. It keeps what
 * people in the channels would see.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { areValidBlocks, type Block } from './slack-blocks.ts';
import { type SlackPeople, slackPeople } from './slack-people.ts';
import { serveSlackSockets, type SlackSockets } from './slack-sockets.ts';

const PACE_MS = 1_000;
const TEXT_LENGTH_MAX = 40_000;
const HISTORY_PAGE_MAX = 200;

/** What docs/slack/manifest.yaml asks for. */
export const SCOPES = [
  'chat:write',
  'channels:history',
  'groups:history',
  'im:history',
  'im:write',
  'users:read',
  'users:read.email',
  'commands',
];
const METHOD_SCOPES: Readonly<Record<string, string>> = {
  'chat.postMessage': 'chat:write',
  'chat.update': 'chat:write',
  'chat.postEphemeral': 'chat:write',
  'conversations.open': 'im:write',
  'users.info': 'users:read',
  'users.lookupByEmail': 'users:read.email',
};

export interface VisibleMessage {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly metadata: { readonly event_type: string; readonly event_payload: Record<string, unknown> } | null;
  /** Of a reply: the message whose thread it stands in. */
  readonly threadTs: string | null;
  /** How often it was rewritten in place. */
  readonly edits: number;
}

/** What happens to the next chat.postMessage. `accept-…`: the message is in the channel, and the caller cannot know. */
export type PostFault =
  | { readonly kind: 'rate-limit'; readonly retryAfterSeconds: number }
  | { readonly kind: 'error'; readonly error: string }
  | { readonly kind: 'http'; readonly status: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'accept-then-hang' }
  | { readonly kind: 'accept-then-reset' }
  | { readonly kind: 'accept-then-http'; readonly status: number };

export interface SlackDouble {
  /** For SLACK_API_URL. */
  readonly url: string;
  readonly token: string;
  /** What stands in the channels, oldest first. */
  readonly messages: readonly VisibleMessage[];
  /** Methods called, in order. */
  readonly calls: readonly string[];
  readonly channels: Map<string, 'open' | 'archived' | 'not-joined'>;
  /** The next posts meet these, one each. */
  readonly faults: PostFault[];
  /** The next rewrites meet these, one each. */
  readonly editFaults: PostFault[];
  canReadHistory: boolean;
  /** Of the bot's token; taking one away is missing_scope. */
  readonly scopes: Set<string>;
  readonly people: SlackPeople;
  /** For SLACK_APP_TOKEN. */
  readonly appToken: string;
  readonly sockets: SlackSockets;
  stop(): Promise<void>;
}

/** Starts it on a random port. `now` is the time it paces by; the caller stops it. */
export async function startSlackDouble(options: { now?: () => Date } = {}): Promise<SlackDouble> {
  const now = options.now ?? (() => new Date());
  const messages: VisibleMessage[] = [];
  const calls: string[] = [];
  const lastPostAt = new Map<string, number>();
  const tickets = new Set<string>();
  const scopes = new Set(SCOPES);
  let sequence = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  const people = slackPeople({ now, url: () => address, hasScope: (scope) => scopes.has(scope) });
  let address = '';
  const double = {
    url: '',
    token: `xoxb-${randomUUID()}`,
    messages,
    calls,
    channels: new Map<string, 'open' | 'archived' | 'not-joined'>(),
    faults: [] as PostFault[],
    editFaults: [] as PostFault[],
    canReadHistory: true,
    scopes,
    people,
    appToken: `xapp-${randomUUID()}`,
    sockets: serveSlackSockets(server, (path) => tickets.delete(path)),
    stop: async () => {},
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  double.url = address;
  double.stop = async () => {
    double.sockets.cut();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = (request.url ?? '').replace(/^\/api\//, '').split('?')[0] ?? '';
    const body = await readBody(request);
    if (method.startsWith('/response/')) {
      response.writeHead(double.people.answerAt(method, body)).end('ok');
      return;
    }
    calls.push(method);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? body['token'];
    if (token === undefined) return json(response, { ok: false, error: 'not_authed' });
    if (method === 'apps.connections.open') return json(response, openConnection(token, request));
    if (token !== double.token) return json(response, { ok: false, error: 'invalid_auth' });
    response.setHeader('x-oauth-scopes', [...scopes].join(','));
    const needed = METHOD_SCOPES[method] ?? historyScope(method, body);
    if (needed !== null && !scopes.has(needed)) {
      return json(response, { ok: false, error: 'missing_scope', needed, provided: [...scopes].join(',') });
    }
    const personal = double.people.call(method, body);
    if (personal !== null) return json(response, personal);
    if (method === 'conversations.open') return json(response, openDirect(String(body['users'])));
    if (method === 'auth.test')
      return json(response, { ok: true, user: 'outturn', team: 'Acme', user_id: 'U1', team_id: 'T1' });
    if (method === 'chat.postMessage') return withFault(double.faults.shift(), () => accept(body), request, response);
    if (method === 'chat.update') return withFault(double.editFaults.shift(), () => rewrite(body), request, response);
    if (method === 'conversations.history') return json(response, history(body, null));
    if (method === 'conversations.replies') return json(response, history(body, String(body['ts'])));
    return json(response, { ok: false, error: 'unknown_method' });
  }

  function openConnection(token: unknown, request: IncomingMessage): Record<string, unknown> {
    if (token !== double.appToken) return { ok: false, error: 'invalid_auth' };
    const path = `/link/${randomUUID()}`;
    tickets.add(path);
    // At the name it was called by, which only a proxy may know.
    return { ok: true, url: `ws://${request.headers.host ?? ''}${path}` };
  }

  function openDirect(userId: string): Record<string, unknown> {
    if (!double.people.people.some((person) => person.userId === userId)) return { ok: false, error: 'user_not_found' };
    const id = `D0${userId}`;
    double.channels.set(id, 'open');
    return { ok: true, channel: { id } };
  }

  function withFault(
    fault: PostFault | undefined,
    work: () => VisibleMessage | { error: string },
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    switch (fault?.kind) {
      case 'rate-limit':
        response.writeHead(429, { 'retry-after': String(fault.retryAfterSeconds) });
        return json(response, { ok: false, error: 'ratelimited' });
      case 'error':
        return json(response, { ok: false, error: fault.error });
      case 'http':
        response.writeHead(fault.status).end('upstream');
        return;
      case 'hang':
        return;
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'accept-then-hang':
      case 'accept-then-reset':
      case 'accept-then-http':
      case undefined:
        break;
    }
    const accepted = work();
    if ('error' in accepted) {
      if (accepted.error === 'ratelimited') response.writeHead(429, { 'retry-after': '1' });
      return json(response, { ok: false, ...accepted });
    }
    if (fault?.kind === 'accept-then-hang') return;
    if (fault?.kind === 'accept-then-reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'accept-then-http') {
      response.writeHead(fault.status).end('upstream');
      return;
    }
    json(response, { ok: true, channel: accepted.channel, ts: accepted.ts, message: { text: accepted.text } });
  }

  function accept(body: Record<string, unknown>): VisibleMessage | { error: string } {
    const channel = body['channel'];
    const text = body['text'];
    if (typeof channel !== 'string') return { error: 'channel_not_found' };
    const state = double.channels.get(channel);
    if (state === undefined) return { error: 'channel_not_found' };
    if (state === 'archived') return { error: 'is_archived' };
    if (state === 'not-joined') return { error: 'not_in_channel' };
    const blocks = (body['blocks'] ?? []) as Block[];
    if (typeof text !== 'string' || (text === '' && blocks.length === 0)) return { error: 'no_text' };
    if (text.length > TEXT_LENGTH_MAX) return { error: 'msg_too_long' };
    if (!areValidBlocks(blocks)) return { error: 'invalid_blocks' };
    const at = now().getTime();
    if (at - (lastPostAt.get(channel) ?? -PACE_MS) < PACE_MS) return { error: 'ratelimited' };
    lastPostAt.set(channel, at);
    sequence += 1;
    const ts = `${Math.floor(at / 1_000)}.${String(sequence).padStart(6, '0')}`;
    const threadTs = body['thread_ts'];
    if (threadTs !== undefined && !messages.some((other) => other.channel === channel && other.ts === threadTs)) {
      return { error: 'thread_not_found' };
    }
    const message = {
      channel,
      ts,
      text,
      blocks,
      metadata: (body['metadata'] ?? null) as VisibleMessage['metadata'],
      threadTs: typeof threadTs === 'string' ? threadTs : null,
      edits: 0,
    };
    messages.push(message);
    return message;
  }

  function rewrite(body: Record<string, unknown>): VisibleMessage | { error: string } {
    const index = messages.findIndex(({ channel, ts }) => channel === body['channel'] && ts === body['ts']);
    const former = messages[index];
    if (former === undefined) return { error: 'message_not_found' };
    const text = body['text'];
    const blocks = (body['blocks'] ?? []) as Block[];
    if (typeof text !== 'string' || (text === '' && blocks.length === 0)) return { error: 'no_text' };
    if (text.length > TEXT_LENGTH_MAX) return { error: 'msg_too_long' };
    if (!areValidBlocks(blocks)) return { error: 'invalid_blocks' };
    const metadata = (body['metadata'] ?? former.metadata) as VisibleMessage['metadata'];
    const message = { ...former, text, blocks, metadata, edits: former.edits + 1 };
    messages[index] = message;
    return message;
  }

  function history(body: Record<string, unknown>, thread: string | null): Record<string, unknown> {
    if (!double.canReadHistory) return { ok: false, error: 'missing_scope', needed: 'channels:history' };
    const channel = String(body['channel']);
    if (!double.channels.has(channel)) return { ok: false, error: 'channel_not_found' };
    if (double.channels.get(channel) === 'not-joined') return { ok: false, error: 'not_in_channel' };
    const oldest = Number(body['oldest'] ?? 0);
    const limit = Math.min(Number(body['limit'] ?? 100), HISTORY_PAGE_MAX);
    const offset = Number(body['cursor'] ?? 0);
    const wantsMetadata = String(body['include_all_metadata']) === 'true';
    const inPlace = messages.filter((message) => message.channel === channel && Number(message.ts) >= oldest);
    // A channel's history leaves out the replies; those of a thread begin with the message they answer.
    const all =
      thread === null
        ? inPlace.filter(({ threadTs }) => threadTs === null).toReversed()
        : inPlace.filter(({ ts, threadTs }) => ts === thread || threadTs === thread);
    const page = all.slice(offset, offset + limit);
    const hasMore = offset + limit < all.length;
    return {
      ok: true,
      messages: page.map(({ ts, text, metadata }) => ({
        type: 'message',
        ts,
        text,
        ...(wantsMetadata && metadata !== null ? { metadata } : {}),
      })),
      has_more: hasMore,
      response_metadata: { next_cursor: hasMore ? String(offset + limit) : '' },
    };
  }
}

/** Of the kind of conversation that is read. */
function historyScope(method: string, body: Record<string, unknown>): string | null {
  if (method !== 'conversations.history' && method !== 'conversations.replies') return null;
  const channel = String(body['channel']);
  if (channel.startsWith('D')) return 'im:history';
  return channel.startsWith('G') ? 'groups:history' : 'channels:history';
}

/** Forms carry objects as JSON texts, as the SDK sends them. */
async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (request.headers['content-type']?.startsWith('application/json') === true) {
    return JSON.parse(text) as Record<string, unknown>;
  }
  const body: Record<string, unknown> = {};
  for (const [key, value] of new URLSearchParams(text)) {
    body[key] = ['blocks', 'metadata', 'view'].includes(key) ? JSON.parse(value) : value;
  }
  return body;
}

function json(response: ServerResponse, body: Record<string, unknown>): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
