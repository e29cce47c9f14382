/**
 * When an envelope speaks. One pure function from (state, event) to (state, effects); everything else about alerts is writing
 * down what it says. It judges crossings, never levels: within an episode the spoken rung only rises, so no rung can speak
 * twice; a rung that was clearly left is cleared, which begins the next episode and arms it again.
 */
import type { Decimal } from '../kernel/decimal.ts';
import { acknowledge, passTime, settleHeld, snooze } from './judge-acts.ts';
import { judgeFigure } from './judge-figure.ts';

/** A message that waits. */
export interface Held {
  readonly rung: Decimal;
  readonly reason: 'rules' | 'snoozed';
  /** The rung that had spoken before it: what the scope has heard of. */
  readonly told: Decimal | null;
  readonly since: Date;
  readonly hasEscalated: boolean;
}

/** Where an envelope stands between two events. */
export interface EnvelopeState {
  /** The version last evaluated; null before the first evaluation. */
  readonly version: number | null;
  readonly episode: number;
  /** The highest rung that has spoken (or was held or suppressed) and was not cleared since. */
  readonly spokenRung: Decimal | null;
  /** The latest data at that moment: a fall seen in older data is ignored. */
  readonly spokenWatermark: Date | null;
  /** The first of the two evaluations that clear: its instant, its data, and the rung still standing then. */
  readonly clean: { readonly since: Date; readonly watermark: Date; readonly floor: Decimal | null } | null;
  /** The spoken rung, where its message waits: for finance (rules alone caused it), or for the end of a snooze. */
  readonly held: Held | null;
  /** Since when the scope has been told that its limit is reached. */
  readonly overSince: Date | null;
  /** Whether owner and finance partner were told in this episode that nobody acknowledged it. */
  readonly hasEscalated: boolean;
  readonly acknowledged: { readonly rung: Decimal; readonly by: string; readonly at: Date } | null;
  readonly snooze: { readonly rung: Decimal; readonly by: string; readonly until: Date } | null;
  readonly isClosed: boolean;
  readonly actual: Decimal | null;
}

export const NEW_STATE: EnvelopeState = {
  version: null,
  episode: 1,
  spokenRung: null,
  spokenWatermark: null,
  clean: null,
  held: null,
  overSince: null,
  hasEscalated: false,
  acknowledged: null,
  snooze: null,
  isClosed: false,
  actual: null,
};

/** An evaluation: after a publication, an applied rulebook or a new envelope version. */
export interface EnvelopeFacts {
  readonly at: Date;
  readonly cause: 'load' | 'rulebook' | 'envelope';
  readonly version: number;
  readonly limit: Decimal;
  /** Ascending. */
  readonly rungs: readonly Decimal[];
  readonly actual: Decimal;
  /** The first instant after the period. */
  readonly periodEnd: Date;
  /** The latest data of any source; null without any. */
  readonly watermark: Date | null;
  /** A source that is expected has not delivered: nothing clears meanwhile. */
  readonly isLate: boolean;
  /** Every expected source has delivered the period's last day. */
  readonly isLastDayComplete: boolean;
  /** Loads before this one had already delivered the last day and data beyond it. */
  readonly hadEnded: boolean;
}

export type EnvelopeEvent =
  | ({ readonly kind: 'evaluated' } & EnvelopeFacts)
  | { readonly kind: 'acknowledged'; readonly at: Date; readonly by: string }
  | { readonly kind: 'snoozed'; readonly at: Date; readonly by: string; readonly until: Date }
  /** Finance sends a held crossing to the scope, or keeps it from it. */
  | { readonly kind: 'released' | 'dismissed'; readonly at: Date }
  /** When an unacknowledged "over" and a held one are due to be told of again: business days are the caller's calendar. */
  | {
      readonly kind: 'time passed';
      readonly at: Date;
      readonly overDueAt: Date | null;
      readonly heldDueAt: Date | null;
    };

export type AlertReason = 'spend' | 'limit lowered' | 'rules' | 'past period';

export type EnvelopeEffect =
  | {
      readonly kind: 'speak';
      readonly episode: number;
      readonly rung: Decimal;
      /** held: waits; suppressed: history, told to nobody. */
      readonly delivery: 'pending' | 'held' | 'suppressed';
      readonly reason: AlertReason;
    }
  /** The held message of this rung goes out now, or never will. */
  | { readonly kind: 'release' | 'dismiss'; readonly episode: number; readonly rung: Decimal }
  /** Open alerts above this rung (all, where null) are cleared. */
  | { readonly kind: 'clear'; readonly above: Decimal | null }
  | { readonly kind: 'close' }
  /** What stands in the channel no longer says how it is: posts of this envelope's alerts are rewritten in place. */
  | { readonly kind: 'update' }
  /** Owner and finance partner are told, once an episode, that nobody has acknowledged it. */
  | { readonly kind: 'escalate'; readonly episode: number; readonly rung: Decimal }
  /** Finance is told that a crossing over the limit waits for it. */
  | { readonly kind: 'escalate-held'; readonly episode: number; readonly rung: Decimal };

export interface Move {
  readonly state: EnvelopeState;
  readonly effects: readonly EnvelopeEffect[];
}

export interface Transition extends Move {
  /** The rung to show: what was spoken, or what is reached where nothing is said any more. */
  readonly shownRung: Decimal | null;
}

/** One event. */
export function transition(state: EnvelopeState, event: EnvelopeEvent): Transition {
  switch (event.kind) {
    case 'evaluated':
      return judgeFigure(state, event);
    case 'acknowledged':
      return shown(acknowledge(state, event));
    case 'snoozed':
      return shown(snooze(state, event));
    case 'released':
    case 'dismissed':
      return shown(settleHeld(state, event));
    case 'time passed':
      return shown(passTime(state, event));
  }
}

function shown(move: Move): Transition {
  return { ...move, shownRung: move.state.spokenRung };
}
