/**
 * When an envelope speaks. One pure function from (state, facts) to (state, effects); everything else about alerts is writing
 * down what it says. It judges crossings, never levels: within an episode the spoken rung only rises, so no rung can speak
 * twice; a rung that was clearly left is cleared, which begins the next episode and arms it again.
 */
import { compare, type Decimal, decimal, multiply, subtract } from '../kernel/decimal.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A rung is left for good below itself minus this: 79 % and 81 % by turns are one crossing. */
const CLEAR_MARGIN = decimal('0.05');
/** Two clean evaluations closer together than this may both look at one passing gap in the data. */
const CLEAN_APART_MS = 20 * HOUR_MS;
/** After this, what a provider still corrects is history to a pod. */
const ACCEPTS_AFTER_END_MS = 10 * DAY_MS;

/** Where an envelope stands between two evaluations. */
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
  readonly isClosed: boolean;
  readonly actual: Decimal | null;
}

export const NEW_STATE: EnvelopeState = {
  version: null,
  episode: 1,
  spokenRung: null,
  spokenWatermark: null,
  clean: null,
  isClosed: false,
  actual: null,
};

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

export type AlertReason = 'spend' | 'limit lowered' | 'rules' | 'past period';

export type EnvelopeEffect =
  | {
      readonly kind: 'speak';
      readonly episode: number;
      readonly rung: Decimal;
      /** held: waits for finance; suppressed: history, told to nobody. */
      readonly delivery: 'pending' | 'held' | 'suppressed';
      readonly reason: AlertReason;
    }
  /** Open alerts above this rung (all, where null) are cleared. */
  | { readonly kind: 'clear'; readonly above: Decimal | null }
  | { readonly kind: 'close' };

export interface Transition {
  readonly state: EnvelopeState;
  readonly effects: readonly EnvelopeEffect[];
  /** The rung to show: what was spoken, or what is reached where nothing is said any more. */
  readonly shownRung: Decimal | null;
}

/** One evaluation. */
export function transition(state: EnvelopeState, facts: EnvelopeFacts): Transition {
  const accepts = acceptsCrossings(state, facts);
  const reached = highestReached(facts.rungs, facts, decimal('0'));
  const moved =
    reached !== null && isAbove(reached, state.spokenRung) ? speak(state, facts, reached, accepts) : fall(state, facts);
  const closing = !state.isClosed && isOver(facts);
  return {
    state: { ...moved.state, version: facts.version, actual: facts.actual, isClosed: state.isClosed || closing },
    effects: closing ? [...moved.effects, { kind: 'close' }] : moved.effects,
    shownRung: accepts ? moved.state.spokenRung : reached,
  };
}

type Move = Pick<Transition, 'state' | 'effects'>;

function acceptsCrossings(state: EnvelopeState, facts: EnvelopeFacts): boolean {
  const isRecent = facts.at.getTime() < facts.periodEnd.getTime() + ACCEPTS_AFTER_END_MS;
  return !state.isClosed && !facts.hadEnded && isRecent;
}

/** The last day is complete and the load that shows it has spoken too, or nothing of it is accepted any more. */
function isOver(facts: EnvelopeFacts): boolean {
  const hasDataBeyond = facts.watermark !== null && facts.watermark >= facts.periodEnd;
  const isLongPast = facts.at.getTime() >= facts.periodEnd.getTime() + ACCEPTS_AFTER_END_MS;
  return (facts.isLastDayComplete && hasDataBeyond) || isLongPast;
}

/** A crossing upward, over however many rungs: the highest speaks. */
function speak(state: EnvelopeState, facts: EnvelopeFacts, rung: Decimal, accepts: boolean): Move {
  const { delivery, reason } = accepts ? judgeCrossing(state, facts, rung) : PAST;
  return {
    state: { ...state, spokenRung: rung, spokenWatermark: facts.watermark, clean: null },
    effects: [{ kind: 'speak', episode: state.episode, rung, delivery, reason }],
  };
}

const PAST = { delivery: 'suppressed', reason: 'past period' } as const;

/**
 * Rules alone caused a crossing where the figure before them was below this rung under this very limit. Such a crossing is
 * finance's to judge: the pod did not spend more.
 */
function judgeCrossing(
  state: EnvelopeState,
  facts: EnvelopeFacts,
  rung: Decimal,
): { delivery: 'pending' | 'held'; reason: AlertReason } {
  const isByRules = facts.cause === 'rulebook' && state.actual !== null && !isAtLeast(state.actual, facts.limit, rung);
  if (isByRules) return { delivery: 'held', reason: 'rules' };
  const isNewVersion = state.version !== null && state.version !== facts.version;
  return { delivery: 'pending', reason: isNewVersion ? 'limit lowered' : 'spend' };
}

/** Stays, or falls: towards clearing, or cleared. */
function fall(state: EnvelopeState, facts: EnvelopeFacts): Move {
  if (state.spokenRung === null || state.isClosed) return { state, effects: [] };
  const floor = standingRung(state.spokenRung, facts);
  if (floor === state.spokenRung) return { state: { ...state, clean: null }, effects: [] };
  if (state.version !== facts.version) return clear(state, floor, null);
  if (!canCount(state, facts)) return { state, effects: [] };
  const watermark = facts.watermark ?? facts.at;
  const seen = { since: facts.at, watermark, floor };
  if (state.clean === null) return { state: { ...state, clean: seen }, effects: [] };
  const standing = higher(floor, state.clean.floor);
  const isApart = facts.at.getTime() - state.clean.since.getTime() >= CLEAN_APART_MS;
  if (!isApart || watermark <= state.clean.watermark) {
    return { state: { ...state, clean: { ...state.clean, floor: standing } }, effects: [] };
  }
  return clear(state, standing, standing === floor ? null : seen);
}

function clear(state: EnvelopeState, floor: Decimal | null, clean: EnvelopeState['clean']): Move {
  return {
    state: {
      ...state,
      episode: state.episode + 1,
      spokenRung: floor,
      spokenWatermark: floor === null ? null : state.spokenWatermark,
      clean,
    },
    effects: [{ kind: 'clear', above: floor }],
  };
}

/** A fall counts only in complete data that is no older than what was spoken about. */
function canCount(state: EnvelopeState, facts: EnvelopeFacts): boolean {
  if (facts.isLate || facts.watermark === null) return false;
  return state.spokenWatermark === null || facts.watermark >= state.spokenWatermark;
}

/** The highest rung up to the spoken one that is not below its clear line. */
function standingRung(spoken: Decimal, facts: EnvelopeFacts): Decimal | null {
  const candidates = [...facts.rungs.filter((rung) => compare(rung, spoken) < 0), spoken];
  return highestReached(candidates, facts, CLEAR_MARGIN);
}

function highestReached(
  rungs: readonly Decimal[],
  figures: { actual: Decimal; limit: Decimal },
  margin: Decimal,
): Decimal | null {
  return rungs.findLast((rung) => isAtLeast(figures.actual, figures.limit, subtract(rung, margin))) ?? null;
}

function isAtLeast(actual: Decimal, limit: Decimal, share: Decimal): boolean {
  return compare(actual, multiply(limit, share)) >= 0;
}

function isAbove(rung: Decimal, other: Decimal | null): boolean {
  return other === null || compare(rung, other) > 0;
}

function higher(left: Decimal | null, right: Decimal | null): Decimal | null {
  if (left === null) return right;
  return isAbove(left, right) ? left : right;
}
