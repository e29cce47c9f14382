/**
 * Posts alerts to Slack and finds them again by their metadata. Each way a call can end becomes a value of the chat port: what
 * surely was not accepted, what may have been, and what will be refused until somebody changes something.
 */
import {
  type Block,
  type KnownBlock,
  type WebClient,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';
import type {
  ChannelAbilities,
  ChatEdit,
  ChatMessage,
  ChatMetadata,
  ChatPort,
  EditOutcome,
  FindOutcome,
  PostOutcome,
} from '../../services/kernel/chat-port.ts';
import { networkFailure } from '../network-failure.ts';
import { openSlackClient, type SlackSettings } from './slack-client.ts';

const SECOND_MS = 1_000;
/** Clocks differ; the history is read from a little before. */
const SKEW_MS = 5 * 60 * SECOND_MS;
const HISTORY_PAGE = 200;
const HISTORY_PAGES_MAX = 20;
const LOOKUP_RETRY_MS = 60 * SECOND_MS;

/** Slack's errors that leave open whether the message was posted. */
const AMBIGUOUS_ERRORS = new Set(['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable']);
const RATE_LIMIT_ERRORS = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded']);
/** What an operator can put right: what stands in the channel is rewritten once that is done. */
const MENDABLE_ERRORS = new Set([
  'invalid_auth',
  'not_authed',
  'token_revoked',
  'token_expired',
  'account_inactive',
  'missing_scope',
  'not_in_channel',
  'channel_not_found',
]);
const HISTORY_REFUSALS = new Set([
  'missing_scope',
  'not_in_channel',
  'channel_not_found',
  'not_allowed_token_type',
  'no_permission',
  'access_denied',
]);

const SLACK_ABILITIES: ChannelAbilities = {
  revision: 'rewrites',
  threads: true,
  settling: 'reads back',
  isInteractive: true,
  server: 'slack',
};

/** The sender for these settings; null without a token. */
export function slackSender(settings: SlackSettings): ChatPort | null {
  if (settings.botToken === undefined) return null;
  const client = openSlackClient(settings.botToken, settings);
  return {
    can: () => SLACK_ABILITIES,
    post: (message) => postMessage(client, message),
    edit: (message) => editMessage(client, message),
    findPosted: (query) => findPosted(client, query),
  };
}

async function postMessage(client: WebClient, message: ChatMessage): Promise<PostOutcome> {
  try {
    const answer = await client.chat.postMessage({
      channel: message.channel,
      text: message.text,
      blocks: [...message.blocks] as (KnownBlock | Block)[],
      metadata: { event_type: message.metadata.eventType, event_payload: { alert_id: message.metadata.alertId } },
      unfurl_links: false,
      unfurl_media: false,
      ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    });
    return answer.ts === undefined
      ? { kind: 'ambiguous', error: 'Slack answered without a ts' }
      : { kind: 'sent', ts: answer.ts };
  } catch (error) {
    return classifyPostError(error);
  }
}

function classifyPostError(error: unknown): Exclude<PostOutcome, { kind: 'sent' }> {
  if (error instanceof WebAPIRateLimitedError)
    return { kind: 'rate-limited', retryAfterMs: error.retryAfter * SECOND_MS };
  if (error instanceof WebAPIPlatformError) {
    const code = error.data.error;
    if (RATE_LIMIT_ERRORS.has(code)) return { kind: 'rate-limited', retryAfterMs: 30 * SECOND_MS };
    // An answer that is not Slack's (a proxy's page) arrives as a "code" of its whole text.
    if (AMBIGUOUS_ERRORS.has(code) || !/^[a-z_]{1,80}$/.test(code))
      return { kind: 'ambiguous', error: code.slice(0, 200) };
    return { kind: 'refused', error: code };
  }
  if (error instanceof WebAPIHTTPError) {
    const text = `HTTP ${error.statusCode}`;
    // Slack itself says no with a 200 and a reason: a 4xx is a proxy's, or another address's, and nothing was posted.
    const isBeforeSlack = error.statusCode >= 400 && error.statusCode < 500;
    return { kind: isBeforeSlack ? 'unreachable' : 'ambiguous', error: text };
  }
  if (error instanceof WebAPIRequestError) {
    const { isUnsent, text } = networkFailure(error.original);
    return { kind: isUnsent ? 'unreachable' : 'ambiguous', error: text };
  }
  return { kind: 'ambiguous', error: error instanceof Error ? error.message : String(error) };
}

/** Rewriting is idempotent: whatever is not refused for good is tried again. */
async function editMessage(client: WebClient, message: ChatEdit): Promise<EditOutcome> {
  try {
    await client.chat.update({
      channel: message.channel,
      ts: message.ts,
      text: message.text,
      blocks: [...message.blocks] as (KnownBlock | Block)[],
      metadata: { event_type: message.metadata.eventType, event_payload: { alert_id: message.metadata.alertId } },
    });
    return { kind: 'edited' };
  } catch (error) {
    const outcome = classifyPostError(error);
    switch (outcome.kind) {
      case 'refused':
        return MENDABLE_ERRORS.has(outcome.error) ? { kind: 'unreachable', error: outcome.error } : outcome;
      case 'rate-limited':
        return outcome;
      case 'unreachable':
      case 'ambiguous':
        return { kind: 'unreachable', error: outcome.error };
    }
  }
}

async function findPosted(client: WebClient, query: Parameters<ChatPort['findPosted']>[0]): Promise<FindOutcome> {
  const { channel, threadTs: ts } = query;
  const oldest = ((query.since.getTime() - SKEW_MS) / SECOND_MS).toFixed(6);
  let cursor = '';
  try {
    for (let page = 0; page < HISTORY_PAGES_MAX; page += 1) {
      const asked = {
        channel,
        oldest,
        inclusive: true,
        include_all_metadata: true,
        limit: HISTORY_PAGE,
        ...(cursor === '' ? {} : { cursor }),
      };
      // The history of a channel leaves out what stands in its threads.
      const answer = await (ts === undefined
        ? client.conversations.history(asked)
        : client.conversations.replies({ ...asked, ts }));
      const found = answer.messages?.find((message) => isOurs(metadataOf(message), query.metadata))?.ts;
      if (found !== undefined) return { kind: 'found', ts: found };
      cursor = answer.response_metadata?.next_cursor ?? '';
      if (cursor === '') return { kind: 'absent' };
    }
  } catch (error) {
    return classifyLookupError(error);
  }
  return { kind: 'not-permitted', error: `more than ${HISTORY_PAGES_MAX * HISTORY_PAGE} messages since` };
}

/** The SDK's type of a reply has no metadata; Slack sends it where it is asked for. */
function metadataOf(message: object): { event_type?: string | undefined; event_payload?: unknown } | undefined {
  return 'metadata' in message ? (message.metadata as { event_type?: string; event_payload?: unknown }) : undefined;
}

function isOurs(
  metadata: { event_type?: string | undefined; event_payload?: unknown } | undefined,
  wanted: ChatMetadata,
): boolean {
  const payload: unknown = metadata?.event_payload;
  if (metadata?.event_type !== wanted.eventType || typeof payload !== 'object' || payload === null) return false;
  return 'alert_id' in payload && payload.alert_id === wanted.alertId;
}

function classifyLookupError(error: unknown): FindOutcome {
  if (error instanceof WebAPIRateLimitedError) {
    return { kind: 'unavailable', error: 'rate limited', retryAfterMs: error.retryAfter * SECOND_MS };
  }
  if (error instanceof WebAPIPlatformError && HISTORY_REFUSALS.has(error.data.error)) {
    return { kind: 'not-permitted', error: error.data.error };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { kind: 'unavailable', error: text, retryAfterMs: LOOKUP_RETRY_MS };
}
