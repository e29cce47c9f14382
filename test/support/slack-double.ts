/**
 * A server on loopback that behaves like Slack where it matters to us: tokens, channels, block limits, one message per second and
 * channel, 429 with Retry-After, and every way of leaving the caller in doubt. It keeps what people in the channels would see.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';

const PACE_MS = 1_000;
const TEXT_LENGTH_MAX = 40_000;
const BLOCKS_MAX = 50;
const SECTION_LENGTH_MAX = 3_000;
const HEADER_LENGTH_MAX = 150;
const CONTEXT_ELEMENTS_MAX = 10;
const ACTIONS_MAX = 25;
const BUTTON_LENGTH_MAX = 75;
const HISTORY_PAGE_MAX = 200;

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
  stop(): Promise<void>;
}

interface Block {
  readonly type?: unknown;
  readonly text?: { readonly type?: unknown; readonly text?: unknown };
  readonly elements?: readonly { readonly type?: unknown; readonly text?: unknown }[];
}

/** Starts it on a random port. `now` is the time it paces by; the caller stops it. */
export async function startSlackDouble(options: { now?: () => Date } = {}): Promise<SlackDouble> {
  const now = options.now ?? (() => new Date());
  const messages: VisibleMessage[] = [];
  const calls: string[] = [];
  const lastPostAt = new Map<string, number>();
  let sequence = 0;
  const double = {
    url: '',
    token: `xoxb-${randomUUID()}`,
    messages,
    calls,
    channels: new Map<string, 'open' | 'archived' | 'not-joined'>(),
    faults: [] as PostFault[],
    editFaults: [] as PostFault[],
    canReadHistory: true,
    stop: async () => {},
  };

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  double.stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = (request.url ?? '').replace(/^\/api\//, '').split('?')[0] ?? '';
    calls.push(method);
    const body = await readBody(request);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? body['token'];
    if (token === undefined) return json(response, { ok: false, error: 'not_authed' });
    if (token !== double.token) return json(response, { ok: false, error: 'invalid_auth' });
    if (method === 'auth.test')
      return json(response, { ok: true, user: 'outturn', team: 'Acme', user_id: 'U1', team_id: 'T1' });
    if (method === 'chat.postMessage') return withFault(double.faults.shift(), () => accept(body), request, response);
    if (method === 'chat.update') return withFault(double.editFaults.shift(), () => rewrite(body), request, response);
    if (method === 'conversations.history') return json(response, history(body, null));
    if (method === 'conversations.replies') return json(response, history(body, String(body['ts'])));
    return json(response, { ok: false, error: 'unknown_method' });
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

function areValidBlocks(blocks: readonly Block[]): boolean {
  return Array.isArray(blocks) && blocks.length <= BLOCKS_MAX && blocks.every(isValidBlock);
}

function isValidBlock(block: Block): boolean {
  const text = block.text?.text;
  const length = typeof text === 'string' ? text.length : 0;
  switch (block.type) {
    case 'section':
      return length > 0 && length <= SECTION_LENGTH_MAX;
    case 'header':
      return length > 0 && length <= HEADER_LENGTH_MAX && block.text?.type === 'plain_text';
    case 'context':
      return (block.elements?.length ?? 0) > 0 && (block.elements?.length ?? 0) <= CONTEXT_ELEMENTS_MAX;
    case 'actions':
      return (block.elements?.length ?? 0) <= ACTIONS_MAX && (block.elements ?? []).every(hasShortText);
    case 'divider':
      return true;
    default:
      return false;
  }
}

function hasShortText(element: { readonly text?: unknown }): boolean {
  const text = (element.text as { text?: unknown } | undefined)?.text;
  return typeof text === 'string' && text.length <= BUTTON_LENGTH_MAX;
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
    body[key] = key === 'blocks' || key === 'metadata' ? JSON.parse(value) : value;
  }
  return body;
}

function json(response: ServerResponse, body: Record<string, unknown>): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
