/**
 * One POST of JSON, as Teams and webhooks are told: no redirect is followed, the answer's text is not read, and what became of it is a
 * value. A proxy that the environment names is gone through.
 */
import { fetch } from 'undici';
import { networkFailure } from './network-failure.ts';
import { proxyAgent } from './web-proxy.ts';

const TIMEOUT_MS = 15_000;
const SECOND_MS = 1_000;
/** Where a server asks to be left alone and does not say for how long. */
const PAUSE_MS = 30 * SECOND_MS;
/** A server that asks for longer is asked again anyway. */
const PAUSE_MS_MAX = 6 * 60 * 60 * SECOND_MS;

export type PostResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number; readonly runId: string | null }
  /** It never left, or never arrived. */
  | { readonly kind: 'unsent'; readonly error: string }
  /** It left, and there is no answer. */
  | { readonly kind: 'unanswered'; readonly error: string };

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** 15 s by default. */
  readonly timeoutMs?: number;
}

/** Sends these very bytes. */
export async function postJson(url: string, body: string, options: PostOptions = {}): Promise<PostResult> {
  const dispatcher = proxyAgent();
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'outturn', ...options.headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
      ...(dispatcher === null ? {} : { dispatcher }),
    });
    await answer.body?.cancel();
    return {
      kind: 'answered',
      status: answer.status,
      retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), answer.headers.get('date')),
      runId: answer.headers.get('x-ms-workflow-run-id'),
    };
  } catch (error) {
    const { isUnsent, text } = networkFailure(error);
    return { kind: isUnsent ? 'unsent' : 'unanswered', error: text };
  }
}

/** Seconds, or a date, which counts from the server's own. */
function retryAfterMs(header: string | null, date: string | null): number {
  if (header === null) return PAUSE_MS;
  const wanted = /^\d{1,9}$/.test(header.trim())
    ? Number(header) * SECOND_MS
    : Date.parse(header) - Date.parse(date ?? '');
  return Number.isNaN(wanted) ? PAUSE_MS : Math.min(Math.max(wanted, SECOND_MS), PAUSE_MS_MAX);
}
