/**
 * What delivery asks of a chat service: post a message, and find one again by the id in its metadata. Every way a call can end
 * is a value, because each decides differently over whether a second try could be seen twice. Implemented in connectors/slack.
 */

export interface ChatMessage {
  readonly channel: string;
  /** Complete by itself: notifications and screen readers have nothing else. */
  readonly text: string;
  /** Block Kit blocks, as stored. */
  readonly blocks: readonly unknown[];
  /** Readable by the whole workspace: opaque ids, no figures. */
  readonly metadata: ChatMetadata;
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
  /** It never reached the service: another try cannot be a second message. */
  | { readonly kind: 'unreachable'; readonly error: string }
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
  post(message: ChatMessage): Promise<PostOutcome>;
  edit(message: ChatEdit): Promise<EditOutcome>;
  /** Looks for a message of ours with this metadata, posted at `since` or later. */
  findPosted(query: {
    readonly channel: string;
    readonly metadata: ChatMetadata;
    readonly since: Date;
    /** Absent: it stands in the channel itself. */
    readonly threadTs?: string;
  }): Promise<FindOutcome>;
}
