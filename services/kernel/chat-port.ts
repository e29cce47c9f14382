/**
 * What delivery asks of a channel: post a message, change it, and find one again by the id in its metadata. Every way a call can end
 * is a value, because each decides differently over whether a second try could be seen twice; and so is what a kind of channel can do
 * at all. Implemented in connectors: slack, email, teams, webhook.
 */
import type { Decimal } from './decimal.ts';

/** What delivery goes by, instead of asking which kind of channel it is. */
export interface ChannelAbilities {
  /**
   * What becomes of a message that says something else now: rewritten where it stands (to a webhook: told as a further event); left as it
   * is, and answered once when its episode ends; left as it is for good.
   */
  readonly revision: 'rewrites' | 'answers the end' | 'stays';
  /** Whether a message may stand in the thread of another. */
  readonly threads: boolean;
  /**
   * What settles a send of which nobody knows whether it arrived: the channel is read back; the receiver knows a second try by its id, so
   * that it is simply made; nothing.
   */
  readonly settling: 'reads back' | 'repeats' | 'cannot';
  /** Whether people can press buttons there. */
  readonly isInteractive: boolean;
  /** Channels of one server fail together: where one finds it down, the others wait as well. */
  readonly server: string;
}

/** A message of a channel that has its own form for it: nothing in it is escaped for Slack. */
export interface PlainMessage {
  /** The same for everything said about one alert, so that mail readers keep it together. */
  readonly subject: string;
  /** The whole text, one thought each, the headline first. */
  readonly paragraphs: readonly string[];
  /** What its reader may do about it where there are no buttons; absent where there is nothing. */
  readonly byHand?: string;
}

/** One crossing that a message tells of, as figures. */
export interface MessageAlert {
  readonly alertId: string;
  readonly envelopeId: string;
  readonly scope: { readonly kind: string; readonly id: string | null };
  readonly period: string;
  readonly rung: Decimal;
  readonly episode: number;
  readonly episodeState: string;
  readonly reason: string;
  readonly actual: Decimal;
  readonly limit: Decimal;
  readonly currency: string;
}

/** What a program is told beside the text. */
export interface MessageFigures {
  /** The message's own id, the same over every try. */
  readonly id: string;
  readonly kind: string;
  readonly revision: number;
  readonly happenedAt: Date;
  /** Null where it could not be told whom it answers. */
  readonly answersId: string | null;
  readonly alerts: readonly MessageAlert[];
}

export interface ChatMessage {
  /** A destination (see destination.ts). */
  readonly channel: string;
  /** Complete by itself: notifications and screen readers have nothing else. */
  readonly text: string;
  /** Block Kit blocks, as stored. */
  readonly blocks: readonly unknown[];
  /** Readable by the whole workspace: opaque ids, no figures. */
  readonly metadata: ChatMetadata;
  readonly plain: PlainMessage;
  readonly figures: MessageFigures;
  /** The post whose thread it belongs to. */
  readonly threadTs?: string;
}

/** What stands in a channel, to be rewritten in place. */
export interface ChatEdit extends Omit<ChatMessage, 'threadTs'> {
  readonly ts: string;
}

export interface ChatMetadata {
  readonly eventType: string;
  readonly alertId: string;
}

export type PostOutcome =
  | { readonly kind: 'sent'; readonly ts: string }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number }
  /** It never reached the service: another try cannot be a second message. `isServerDown`: no other would reach it either. */
  | { readonly kind: 'unreachable'; readonly error: string; readonly isServerDown?: boolean }
  /** The service said no, and will say no again until somebody changes something. */
  | { readonly kind: 'refused'; readonly error: string }
  /** A time-out, a broken connection or a server error: the message may stand in the channel. */
  | { readonly kind: 'ambiguous'; readonly error: string };

/** Rewriting twice is rewriting once, so only what will never work is told apart from what may. */
export type EditOutcome =
  | { readonly kind: 'edited' }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number }
  | { readonly kind: 'unreachable'; readonly error: string }
  | { readonly kind: 'refused'; readonly error: string };

export type FindOutcome =
  | { readonly kind: 'found'; readonly ts: string }
  | { readonly kind: 'absent' }
  /** The channel's history may not be read. */
  | { readonly kind: 'not-permitted'; readonly error: string }
  | { readonly kind: 'unavailable'; readonly error: string; readonly retryAfterMs: number };

export interface ChatPort {
  /** What can be done there; a reason in words where it is not set up, so that what goes there waits. */
  can(channel: string): ChannelAbilities | { readonly missing: string };
  post(message: ChatMessage): Promise<PostOutcome>;
  edit(message: ChatEdit): Promise<EditOutcome>;
  /** Looks for a message of ours with this metadata, posted at `since` or later. Asked only of channels that can be read back. */
  findPosted(query: {
    readonly channel: string;
    readonly metadata: ChatMetadata;
    readonly since: Date;
    /** Absent: it stands in the channel itself. */
    readonly threadTs?: string;
  }): Promise<FindOutcome>;
}
