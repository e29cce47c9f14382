/**
 * What GitHub could not deliver. It does not try again by itself, lists a hook's deliveries for some days, and sends one again when it is
 * asked within three. Asked with somebody's token, or as an App, whose own hook has other addresses.
 */
import { env } from 'node:process';
import { Octokit } from '@octokit/core';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { cleanText, GITHUB_APP_HOOK, idOf, listOf, partOf, readInstant } from '../../services/kernel/inbound-event.ts';
import { networkReason, retryAfterMs, unreached } from '../http-answer.ts';
import { appToken, type GithubApp, installationToken } from './app-token.ts';

/** Past it GitHub does not send a delivery again. */
export const REDELIVERY_MS_MAX = 3 * 86_400_000;
const TIMEOUT_MS = 15_000;
const PER_PAGE = 100;
const PAGES_MAX = 200;
const PAUSE_MS = 60_000;

export interface HookDelivery {
  /** The same over its attempts: X-GitHub-Delivery. */
  readonly guid: string;
  /** Of this attempt. */
  readonly attemptId: string;
  readonly event: string;
  readonly deliveredAt: Date;
  /** Whether it was answered with 2xx. */
  readonly isDelivered: boolean;
}

export interface GithubHook {
  /** Attempts since then, newest first. @throws TransientError, AppError source_refused */
  listDeliveries(since: Date): Promise<HookDelivery[]>;
  /** Asks for an attempt's delivery again. @throws TransientError, AppError source_refused */
  redeliver(attemptId: string): Promise<void>;
}

export interface GithubAccess {
  /** A token, or the App that asks for one. */
  readonly as: string | GithubApp;
  readonly apiUrl: string;
  readonly now: Date;
}

type Call = (
  method: 'GET' | 'POST',
  path: string,
  query?: Readonly<Record<string, string | number>>,
) => Promise<{ data: unknown; headers: { link?: string } }>;

/**
 * The hook of an organisation, of a repository, or of the App itself (`@app`), that calls `address`.
 * @throws AppError source_refused where there is none or we may not see it; TransientError.
 */
export async function openHook(place: string, address: string, access: GithubAccess): Promise<GithubHook> {
  const { call, hook } =
    place === GITHUB_APP_HOOK ? await openAppHook(address, access) : await openOwned(place, address, access);
  return {
    listDeliveries: async (since) => {
      const found: HookDelivery[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < PAGES_MAX; page += 1) {
        const { data, headers } = await call('GET', `${hook}/deliveries`, {
          per_page: PER_PAGE,
          ...(cursor === null ? {} : { cursor }),
        });
        const deliveries = listOf(data).flatMap(deliveryOf);
        found.push(...deliveries.filter(({ deliveredAt }) => deliveredAt >= since));
        cursor = nextCursor(headers.link);
        if (cursor === null || deliveries.some(({ deliveredAt }) => deliveredAt < since)) return found;
      }
      const reason = `${place} has had more than ${PAGES_MAX * PER_PAGE} deliveries since ${since.toISOString()}`;
      throw new AppError(
        'source_refused',
        `${reason}. Ask its hook for fewer events: docs/intake.md lists those that are read.`,
      );
    },
    redeliver: async (attemptId) => {
      await call('POST', `${hook}/deliveries/${encodeURIComponent(attemptId)}/attempts`);
    },
  };
}

interface OpenedHook {
  readonly call: Call;
  /** Its path. */
  readonly hook: string;
}

async function openAppHook(address: string, access: GithubAccess): Promise<OpenedHook> {
  if (typeof access.as === 'string') {
    const fix = 'Set OUTTURN_GITHUB_APP_ID and OUTTURN_GITHUB_APP_KEY.';
    throw new AppError('source_refused', `The hook of a GitHub App is shown to the App alone. ${fix}`);
  }
  const call = callerWith(appToken(access.as, access.now), GITHUB_APP_HOOK, access);
  const { data } = await call('GET', '/app/hook/config');
  if (partOf(data)['url'] === address) return { call, hook: '/app/hook' };
  throw new AppError(
    'source_refused',
    `The hook of the GitHub App does not call ${address}. Correct its webhook URL, or PUBLIC_URL.`,
  );
}

async function openOwned(place: string, address: string, access: GithubAccess): Promise<OpenedHook> {
  const home = place.includes('/') ? `/repos/${place}` : `/orgs/${place}`;
  const token =
    typeof access.as === 'string'
      ? access.as
      : await installationToken(home, callerWith(appToken(access.as, access.now), place, access));
  if (token === null)
    throw new AppError('source_refused', `GitHub names no installation of the App at ${place}. Install it there.`);
  const call = callerWith(token, place, access);
  const id = await findHook(place, address, (page) => call('GET', `${home}/hooks`, { per_page: PER_PAGE, page }));
  return { call, hook: `${home}/hooks/${id}` };
}

function callerWith(token: string, place: string, { as, apiUrl, now }: GithubAccess): Call {
  const client = new Octokit({
    auth: token,
    baseUrl: apiUrl,
    userAgent: 'outturn',
    request: { fetch: openFetch() },
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  return async (method, path, query = {}) => {
    try {
      const answer: { data: unknown; headers: { link?: string } } = await client.request(`${method} ${path}`, query);
      return answer;
    } catch (error) {
      throw describeFailure(error, { place, isApp: typeof as !== 'string', now });
    }
  };
}

async function findHook(
  place: string,
  address: string,
  readPage: (page: number) => Promise<{ data: unknown }>,
): Promise<string> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const { data } = await readPage(page);
    const hooks = listOf(data).map(partOf);
    const id = idOf(hooks.find((hook) => partOf(hook['config'])['url'] === address)?.['id']);
    if (id !== null) return id;
    if (hooks.length < PER_PAGE) break;
  }
  throw new AppError(
    'source_refused',
    `${place} has no webhook that calls ${address}. Add it there, or correct PUBLIC_URL.`,
  );
}

function deliveryOf(value: unknown): HookDelivery[] {
  const delivery = partOf(value);
  const guid = cleanText(delivery['guid']);
  // Ids are larger than a number holds; the client reads such as bigint.
  const id = delivery['id'];
  const attemptId = typeof id === 'bigint' ? id.toString() : idOf(id);
  const deliveredAt = readInstant(delivery['delivered_at']);
  const status = Number(delivery['status_code']);
  if (guid === '' || attemptId === null || deliveredAt === null) return [];
  const isDelivered = status >= 200 && status < 300;
  return [{ guid, attemptId, event: cleanText(delivery['event']), deliveredAt, isDelivered }];
}

/** Only the cursor is taken from the link: the token is sent to no other address. */
function nextCursor(link: string | undefined): string | null {
  const next = /<([^<>]+)>; *rel="next"/.exec(link ?? '')?.[1];
  return next === undefined || !URL.canParse(next) ? null : new URL(next).searchParams.get('cursor');
}

function describeFailure(error: unknown, { place, isApp, now }: { place: string; isApp: boolean; now: Date }): Error {
  const { status, response } = error as { status?: number; response?: { headers: Record<string, string | undefined> } };
  if (response === undefined || status === undefined) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    return new TransientError(unreached('GitHub', networkReason(cause)), PAUSE_MS, error);
  }
  const { headers } = response;
  const pause = retryAfterMs(headers['retry-after'], now);
  const isLimited = status === 429 || headers['x-ratelimit-remaining'] === '0' || pause !== null;
  if (isLimited) {
    const resetMs = Number(headers['x-ratelimit-reset'] ?? 0) * 1_000 - now.getTime();
    return new TransientError(`GitHub's rate limit is used up`, pause ?? Math.max(PAUSE_MS, resetMs), error);
  }
  if (status >= 500) return new TransientError(`GitHub answered ${status}`, PAUSE_MS, error);
  if (status === 401) {
    const message = isApp
      ? 'GitHub does not take OUTTURN_GITHUB_APP_ID with OUTTURN_GITHUB_APP_KEY (401). Check both, and the clock.'
      : 'GitHub does not take OUTTURN_GITHUB_TOKEN (401). Make a new one.';
    return new AppError('source_refused', message, { cause: error });
  }
  const [owner, classic] = place.includes('/') ? ['repository', 'repo'] : ['organisation', 'org'];
  const needs = `"Webhooks: read and write" of the ${owner}`;
  const who = isApp
    ? `The App must be installed there, with ${needs}.`
    : `OUTTURN_GITHUB_TOKEN needs ${needs} (classic: admin:${classic}_hook).`;
  return new AppError('source_refused', `GitHub shows no webhooks of ${place} (${status}). ${who}`, { cause: error });
}

/** Follows the proxies that the environment names, and no redirect: a token goes where it was meant for. */
function openFetch(): typeof fetch {
  const hasProxy = Object.keys(env).some((name) => /^https?_proxy$/i.test(name) && env[name] !== '');
  const dispatcher = hasProxy ? { dispatcher: new EnvHttpProxyAgent() } : {};
  return (url, options) =>
    fetch(url, { ...options, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS), ...dispatcher });
}

function ignore(): void {
  // What matters is thrown; the client would write to the console.
}
