/**
 * A program that is posted to: a Teams workflow, or a receiver of Standard Webhooks that checks signatures by the standard's own algorithm and
 * knows a second try by its id.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TOLERANCE_S = 5 * 60;

export interface ReceivedPost {
  readonly at: Date;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the next posts meet, one each. `accept-…`: it was taken, and the sender cannot know. */
export type ReceiverFault =
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'reset' }
  | { readonly kind: 'accept-then-reset' }
  | { readonly kind: 'accept-then-hang' };

export interface PostReceiver {
  readonly url: string;
  /** What was taken, tries included. */
  readonly taken: readonly ReceivedPost[];
  /** Every request, taken or not. */
  requests(): number;
  readonly faults: ReceiverFault[];
  stop(): Promise<void>;
}

/** Starts it on a random port; it answers `status` (202 unless given) and looks at this clock. The caller stops it. */
export async function startPostReceiver(options: { status?: number; now?: () => Date } = {}): Promise<PostReceiver> {
  const { status = 202, now = () => new Date() } = options;
  const taken: ReceivedPost[] = [];
  const faults: ReceiverFault[] = [];
  let requests = 0;
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    taken,
    requests: () => requests,
    faults,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = faults.shift();
    if (fault?.kind === 'reset') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'answer') return void response.writeHead(fault.status, fault.headers).end('no');
    taken.push({
      at: now(),
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    });
    if (fault?.kind === 'accept-then-reset') return void request.socket.resetAndDestroy();
    if (fault?.kind !== 'accept-then-hang') response.writeHead(status).end();
  }
}

/** The events of distinct ids, in order. Throws where a signature, a time or an id does not hold. */
export function verifiedEvents(
  posts: readonly ReceivedPost[],
  secret: string,
): { id: string; event: Record<string, unknown> }[] {
  const events = new Map<string, Record<string, unknown>>();
  for (const post of posts) {
    const id = String(post.headers['webhook-id']);
    const timestamp = String(post.headers['webhook-timestamp']);
    if (Math.abs(post.at.getTime() / 1_000 - Number(timestamp)) > TOLERANCE_S)
      throw new Error('the timestamp is too old');
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${post.body}`).digest();
    const isSigned = String(post.headers['webhook-signature'])
      .split(' ')
      .some((signature) => {
        const [version, value = ''] = signature.split(',');
        const given = Buffer.from(value, 'base64');
        return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
      });
    if (!isSigned) throw new Error('no signature is right');
    if (!events.has(id)) events.set(id, JSON.parse(post.body) as Record<string, unknown>);
  }
  return [...events].map(([id, event]) => ({ id, event }));
}
