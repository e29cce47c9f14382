/**
 * Microsoft Teams as a channel, through the webhook of a workflow ("When a Teams webhook request is received"). It says 202 when the workflow
 * has begun; the post cannot be read back, changed or answered, so it is made once and left as it is.
 */
import type { ChannelAbilities, ChatMessage, PostOutcome } from '../../services/kernel/chat-port.ts';
import { postJson } from '../post-json.ts';
import { teamsPayload } from './adaptive-card.ts';

export function teamsAbilities(name: string): ChannelAbilities {
  return { revision: 'stays', threads: false, settling: 'cannot', isInteractive: false, server: `teams:${name}` };
}

export async function postToTeams(
  message: ChatMessage,
  options: { readonly url: string; readonly timeoutMs?: number },
): Promise<PostOutcome> {
  const { url, timeoutMs } = options;
  const result = await postJson(
    url,
    JSON.stringify(teamsPayload(message)),
    timeoutMs === undefined ? {} : { timeoutMs },
  );
  if (result.kind === 'unsent') return { kind: 'unreachable', error: result.error };
  if (result.kind === 'unanswered') return { kind: 'ambiguous', error: result.error };
  const { status, retryAfterMs, runId } = result;
  if (status >= 200 && status < 300) return { kind: 'sent', ts: runId ?? message.figures.id };
  if (status === 429) return { kind: 'rate-limited', retryAfterMs };
  // A gateway's 5xx may come after the workflow began.
  if (status >= 500) return { kind: 'ambiguous', error: `HTTP ${status}` };
  return { kind: 'refused', error: status < 400 ? `HTTP ${status}: it redirects` : `HTTP ${status}` };
}
