/**
 * One POST of JSON, as Teams and webhooks are told: no redirect is followed, the answer's text is not read, and what became of it is a
 * value. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are followed.
 */
import { env } from 'node:process';
import { EnvHttpProxyAgent, fetch } from 'undici';

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

/** Errors of a request that never left or never arrived. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Sends these very bytes. */
export async function postJson(url: string, body: string, options: PostOptions = {}): Promise<PostResult> {
  const agent = hasProxy() ? new EnvHttpProxyAgent() : null;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'outturn', ...options.headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
      ...(agent === null ? {} : { dispatcher: agent }),
    });
    await answer.body?.cancel();
    return {
      kind: 'answered',
      status: answer.status,
      retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), answer.headers.get('date')),
      runId: answer.headers.get('x-ms-workflow-run-id'),
    };
  } catch (error) {
    const codes = causeCodes(error);
    const text = [error instanceof Error ? error.message : String(error), ...codes].join(' ').slice(0, 200);
    return { kind: codes.some((code) => UNSENT.has(code)) ? 'unsent' : 'unanswered', error: text };
  } finally {
    await agent?.close();
  }
}

function hasProxy(): boolean {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((name) => (env[name] ?? '') !== '');
}

/** Seconds, or a date, which counts from the server's own. */
function retryAfterMs(header: string | null, date: string | null): number {
  if (header === null) return PAUSE_MS;
  const wanted = /^\d{1,9}$/.test(header.trim())
    ? Number(header) * SECOND_MS
    : Date.parse(header) - Date.parse(date ?? '');
  return Number.isNaN(wanted) ? PAUSE_MS : Math.min(Math.max(wanted, SECOND_MS), PAUSE_MS_MAX);
}

/** fetch wraps what went wrong in `cause`, sometimes several deep. */
function causeCodes(error: unknown): string[] {
  const codes: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    if ('code' in current && typeof current.code === 'string') codes.push(current.code);
    current = 'cause' in current ? current.cause : undefined;
  }
  return codes;
}
