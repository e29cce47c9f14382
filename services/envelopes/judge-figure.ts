/**
 * What a figure means for an envelope: a crossing upward, a fall towards clearing or cleared, the end of its period. Part of the
 * state machine (state-machine.ts).
 */
import { compare, type Decimal } from '../kernel/decimal.ts';
import { higher, isAbove, isAtShare, LIMIT, reachedRung, standingRung, toldRung } from './rungs.ts';
import type { AlertReason, EnvelopeFacts, EnvelopeState, Held, Move, Transition } from './state-machine.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Two clean evaluations closer together than this may both look at one passing gap in the data. */
const CLEAN_APART_MS = 20 * HOUR_MS;
/** After this, what a provider still corrects is history to a pod. */
const ACCEPTS_AFTER_END_MS = 10 * DAY_MS;

/** One evaluation. */
export function judgeFigure(state: EnvelopeState, facts: EnvelopeFacts): Transition {
  const accepts = acceptsCrossings(state, facts);
  const reached = reachedRung(facts);
  const moved =
    reached !== null && isAbove(reached, state.spokenRung) ? speak(state, facts, reached, accepts) : fall(state, facts);
  const closing = !state.isClosed && isOver(facts);
  const ended = closing ? dropHeld(moved) : moved;
  return {
    state: { ...ended.state, version: facts.version, actual: facts.actual, isClosed: state.isClosed || closing },
    effects: [
      ...ended.effects,
      ...(closing ? [{ kind: 'close' } as const] : []),
      ...(isToldAnew(state, facts, ended) || (closing && isOpen(state)) ? [{ kind: 'update' } as const] : []),
    ],
    shownRung: accepts ? moved.state.spokenRung : reached,
  };
}

/** Posts say how it is: rewritten when the figure or the version moved, unless a fall is seen in data older than they speak about. */
function isToldAnew(state: EnvelopeState, facts: EnvelopeFacts, moved: Move): boolean {
  if (!isOpen(state) || state.actual === null) return false;
  if (state.version !== facts.version || moved.effects.some(({ kind }) => kind === 'clear')) return true;
  const isStale =
    facts.watermark === null || (state.spokenWatermark !== null && facts.watermark < state.spokenWatermark);
  const direction = compare(facts.actual, state.actual);
  return direction > 0 || (direction < 0 && !isStale);
}

function isOpen(state: EnvelopeState): boolean {
  return state.spokenRung !== null && !state.isClosed;
}

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
function speak(before: EnvelopeState, facts: EnvelopeFacts, rung: Decimal, accepts: boolean): Move {
  const { delivery, reason, held = null } = accepts ? judgeCrossing(before, facts, rung) : PAST;
  // The scope hears of the higher rung only.
  const { state, effects } = dropHeld({ state: before, effects: [] });
  const isOver = delivery === 'pending' && compare(rung, LIMIT) >= 0;
  return {
    state: {
      ...state,
      spokenRung: rung,
      spokenWatermark: facts.watermark,
      clean: null,
      held: held === null ? null : { rung, reason: held, told: toldRung(before), since: facts.at, hasEscalated: false },
      overSince: isOver ? facts.at : state.overSince,
    },
    effects: [...effects, { kind: 'speak', episode: state.episode, rung, delivery, reason }],
  };
}

/** A held message that nobody needs any more. */
function dropHeld({ state, effects }: Move): Move {
  if (state.held === null) return { state, effects };
  const dismiss = { kind: 'dismiss', episode: state.episode, rung: state.held.rung } as const;
  return { state: { ...state, held: null }, effects: [dismiss, ...effects] };
}

const PAST: Judgement = { delivery: 'suppressed', reason: 'past period' };

interface Judgement {
  readonly delivery: 'pending' | 'held' | 'suppressed';
  readonly reason: AlertReason;
  readonly held?: 'rules' | 'snoozed';
}

/**
 * Rules alone caused a crossing where the figure before them was below this rung under this very limit. Such a crossing is
 * finance's to judge: the pod did not spend more.
 */
function judgeCrossing(state: EnvelopeState, facts: EnvelopeFacts, rung: Decimal): Judgement {
  const isByRules = facts.cause === 'rulebook' && state.actual !== null && !isAtShare(state.actual, facts.limit, rung);
  if (isByRules) return { delivery: 'held', reason: 'rules', held: 'rules' };
  const isNewVersion = state.version !== null && state.version !== facts.version;
  const reason = isNewVersion ? 'limit lowered' : 'spend';
  return isSnoozed(state, facts.at, rung)
    ? { delivery: 'held', reason, held: 'snoozed' }
    : { delivery: 'pending', reason };
}

/** A snooze hides the rung it was said about, and what is below it, until it ends; never the limit itself. */
function isSnoozed({ snooze }: EnvelopeState, at: Date, rung: Decimal): boolean {
  return snooze !== null && at < snooze.until && compare(rung, snooze.rung) <= 0 && compare(rung, LIMIT) < 0;
}

/** Stays, or falls: towards clearing, or cleared. */
function fall(state: EnvelopeState, facts: EnvelopeFacts): Move {
  if (state.spokenRung === null || state.isClosed) return { state, effects: [] };
  const floor = standingRung(state.spokenRung, facts);
  if (floor === state.spokenRung) return { state: { ...state, clean: null }, effects: [] };
  if (state.held !== null) return fallHeld(state, state.held, facts);
  // A new limit needs no second look.
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

/**
 * What is held and left needs no second look, since its scope has not heard of it. A rung below it that the scope has not heard of either is
 * held in its place, or a limit would stay reached without a word; one that it has heard of stands, and is left like any other.
 */
function fallHeld(before: EnvelopeState, held: Held, facts: EnvelopeFacts): Move {
  const { state, effects } = dropHeld({ state: before, effects: [] });
  const told = clear({ ...state, spokenRung: held.told }, held.told, null);
  const rung = reachedRung(facts);
  if (rung === null || !isAbove(rung, held.told)) {
    const fallen = fall(told.state, facts);
    return { state: fallen.state, effects: [...effects, ...told.effects, ...fallen.effects] };
  }
  const { episode } = told.state;
  const reason = held.reason === 'rules' ? 'rules' : 'spend';
  return {
    state: {
      ...told.state,
      spokenRung: rung,
      spokenWatermark: facts.watermark,
      held: { ...held, rung, hasEscalated: false },
    },
    effects: [...effects, { kind: 'clear', above: rung }, { kind: 'speak', episode, rung, delivery: 'held', reason }],
  };
}

function clear(state: EnvelopeState, floor: Decimal | null, clean: EnvelopeState['clean']): Move {
  const staysOver = floor !== null && compare(floor, LIMIT) >= 0;
  return {
    state: {
      ...state,
      episode: state.episode + 1,
      spokenRung: floor,
      spokenWatermark: floor === null ? null : state.spokenWatermark,
      clean,
      overSince: staysOver ? state.overSince : null,
      hasEscalated: staysOver && state.hasEscalated,
      acknowledged: floor === null ? null : state.acknowledged,
    },
    effects: [{ kind: 'clear', above: floor }],
  };
}

/** A fall counts only in complete data that is no older than what was spoken about. */
function canCount(state: EnvelopeState, facts: EnvelopeFacts): boolean {
  if (facts.isLate || facts.watermark === null) return false;
  return state.spokenWatermark === null || facts.watermark >= state.spokenWatermark;
}
