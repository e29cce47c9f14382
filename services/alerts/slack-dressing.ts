/**
 * What Slack's messages have beyond what is stored: buttons, people named so that Slack calls them, and the conversation with one person
 * alone where a message is for a person. Made at the moment of sending, from how things stand then; a ChatPort around another.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { ChatMessage, ChatPort } from '../kernel/chat-port.ts';
import { AppError, TransientError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/ports.ts';
import type { WorkspacePort } from '../kernel/workspace-port.ts';
import { readPersonStanding } from '../people/person-standing.ts';
import { directChannelOf, slackUserOf } from '../people/slack-identity.ts';
import { buttonBlocks, COMMANDS_BLOCK, readButtonFacts } from './message-buttons.ts';
import { BLOCKS_MAX } from './slack-text.ts';

/** Messages that are for the people they name. Crossings name approvers too, who need not be called for that. */
const CALLING_KINDS: ReadonlySet<string> = new Set([
  'outturn_escalation',
  'outturn_held_notice',
  'outturn_raise_request',
  'outturn_raise_answer',
]);
/** Each may be a question to Slack while the message is claimed. */
const CALLED_MAX = 5;
const PERSON = 'user:';
const EMAIL = /[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g;

export interface SlackDressing {
  readonly sender: ChatPort;
  readonly workspace: WorkspacePort;
  readonly clock: Clock;
  /** False where Slack could not tell us what was pressed. */
  readonly hasButtons: boolean;
}

/** The sender with all of it. */
export function dressedSender(db: Kysely<DB>, dressing: SlackDressing): ChatPort {
  const { sender } = dressing;
  return {
    can: (channel) => sender.can(channel),
    post: async (message) => {
      const place = await placeOf(db, dressing, message.channel);
      return place.kind === 'refused' || place.kind === 'unreachable'
        ? place
        : sender.post({ ...(await dress(db, dressing, message)), channel: place.channel });
    },
    edit: async (message) => {
      const place = await placeOf(db, dressing, message.channel);
      return place.kind === 'refused' || place.kind === 'unreachable'
        ? place
        : sender.edit({ ...(await dress(db, dressing, message)), channel: place.channel });
    },
    findPosted: async (query) => {
      const place = await placeOf(db, dressing, query.channel);
      if (place.kind === 'unreachable')
        return { kind: 'unavailable', error: place.error, retryAfterMs: place.retryAfterMs };
      if (place.kind === 'refused') return { kind: 'not-permitted', error: place.error };
      return sender.findPosted({ ...query, channel: place.channel });
    },
  };
}

type Place =
  | { readonly kind: 'found'; readonly channel: string }
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'unreachable'; readonly error: string; readonly retryAfterMs: number };

/** `user:EMAIL` becomes the conversation with that person. */
async function placeOf(db: Kysely<DB>, { workspace, clock }: SlackDressing, channel: string): Promise<Place> {
  if (!channel.startsWith(PERSON)) return { kind: 'found', channel };
  try {
    const email = channel.slice(PERSON.length);
    const found = await directChannelOf(db, workspace, { email, at: clock.now() });
    return found === null ? { kind: 'refused', error: 'users_not_found' } : { kind: 'found', channel: found };
  } catch (error) {
    if (error instanceof TransientError)
      return { kind: 'unreachable', error: error.message, retryAfterMs: error.retryAfterMs };
    if (!(error instanceof AppError)) throw error;
    const { refusal } = error.details;
    return { kind: 'refused', error: typeof refusal === 'string' ? refusal : error.message };
  }
}

async function dress<Message extends Pick<ChatMessage, 'text' | 'blocks' | 'metadata'>>(
  db: Kysely<DB>,
  dressing: SlackDressing,
  message: Message,
): Promise<Message> {
  const { eventType, alertId } = message.metadata;
  const called = CALLING_KINDS.has(eventType) ? await callPeople(db, dressing, message) : message;
  if (!dressing.hasButtons || eventType === 'outturn_delivery_failure') return called;
  const facts = await readButtonFacts(db, eventType === 'outturn_alert' ? { alertId } : { messageId: alertId });
  const under = facts === null ? [] : buttonBlocks(facts);
  const { text, blocks } = under.length === 0 ? called : withoutCommands(called);
  return { ...called, text, blocks: [...blocks.slice(0, BLOCKS_MAX - under.length), ...under] };
}

/** What buttons do need not be said as commands, too. */
function withoutCommands({ text, blocks }: Pick<ChatMessage, 'text' | 'blocks'>): Pick<ChatMessage, 'text' | 'blocks'> {
  return {
    text: blocks
      .filter(isCommands)
      .reduce((rest, block) => rest.replace(block.text.text, ''), text)
      .trim(),
    blocks: blocks.filter((block) => !isCommands(block)),
  };
}

function isCommands(block: unknown): block is { readonly text: { readonly text: string } } {
  return typeof block === 'object' && block !== null && 'block_id' in block && block.block_id === COMMANDS_BLOCK;
}

/** Names of people of the organisation whom Slack knows; what somebody wrote into a reason calls nobody else. */
async function callPeople<Message extends Pick<ChatMessage, 'text' | 'blocks'>>(
  db: Kysely<DB>,
  { workspace, clock }: SlackDressing,
  message: Message,
): Promise<Message> {
  const at = clock.now();
  const written = `${message.text} ${JSON.stringify(message.blocks)}`.match(EMAIL) ?? [];
  const mentions = new Map<string, string>();
  for (const email of [...new Set(written)].slice(0, CALLED_MAX)) {
    if ((await readPersonStanding(db, { email, at })) === null) continue;
    try {
      const userId = await slackUserOf(db, workspace, { email, at });
      if (userId !== null) mentions.set(email, `<@${userId}>`);
    } catch (error) {
      // The address says who is meant, too: nobody waits for a name.
      if (!(error instanceof TransientError || error instanceof AppError)) throw error;
    }
  }
  const mention = (text: string) => text.replace(EMAIL, (email) => mentions.get(email) ?? email);
  return { ...message, text: mention(message.text), blocks: message.blocks.map((block) => mentionIn(block, mention)) };
}

/** In texts that Slack reads as markup only: elsewhere a mention would show as it is written. */
function mentionIn(value: unknown, mention: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => mentionIn(each, mention));
  if (typeof value !== 'object' || value === null) return value;
  if ('type' in value && value.type === 'mrkdwn' && 'text' in value && typeof value.text === 'string') {
    return { ...value, text: mention(value.text) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mentionIn(each, mention)]));
}
