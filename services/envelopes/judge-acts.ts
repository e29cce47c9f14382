/**
 * What people and the calendar do to an envelope that has spoken: acknowledge, snooze, release or dismiss what is held, and let time pass.
 * Part of the state machine (state-machine.ts).
 */
import { compare } from '../kernel/decimal.ts';
import { LIMIT, toldRung } from './rungs.ts';
import type { EnvelopeEffect, EnvelopeEvent, EnvelopeState, Move } from './state-machine.ts';

type EventOf<Kind extends EnvelopeEvent['kind']> = Extract<EnvelopeEvent, { kind: Kind }>;

/** Somebody has seen it. It stands for the rung that was spoken; a higher one asks anew. The first to say so is kept. */
export function acknowledge(state: EnvelopeState, { at, by }: EventOf<'acknowledged'>): Move {
  const { acknowledged } = state;
  const rung = toldRung(state);
  if (rung === null || state.isClosed) return unchanged(state);
  if (acknowledged !== null && compare(acknowledged.rung, rung) >= 0) return unchanged(state);
  return { state: { ...state, acknowledged: { rung, by, at } }, effects: [{ kind: 'update' }] };
}

/** The same rung is not told again before `until`; a limit that is reached cannot be snoozed. */
export function snooze(state: EnvelopeState, { at, by, until }: EventOf<'snoozed'>): Move {
  const rung = toldRung(state);
  if (rung === null || compare(rung, LIMIT) >= 0 || until <= at || !canSnooze(state)) return unchanged(state);
  return { state: { ...state, snooze: { rung, by, until } }, effects: [{ kind: 'update' }] };
}

/** Finance decides over a crossing that rules alone caused. */
export function settleHeld(state: EnvelopeState, { kind, at }: EventOf<'released' | 'dismissed'>): Move {
  if (state.held === null) return unchanged(state);
  return kind === 'released' ? release(state, at) : drop(state);
}

export function passTime(state: EnvelopeState, { at, overDueAt, heldDueAt }: EventOf<'time passed'>): Move {
  if (state.isClosed) return unchanged(state);
  const { held, snooze: snoozed } = state;
  if (held?.reason === 'snoozed' && (snoozed === null || at >= snoozed.until)) return release(state, at);
  const effects: EnvelopeEffect[] = [];
  let next = state;
  if (isDue(heldDueAt, at) && held?.reason === 'rules' && !held.hasEscalated && compare(held.rung, LIMIT) >= 0) {
    next = { ...next, held: { ...held, hasEscalated: true } };
    effects.push({ kind: 'escalate-held', episode: state.episode, rung: held.rung });
  }
  const told = toldRung(state);
  if (isDue(overDueAt, at) && awaitsAcknowledgement(state) && told !== null) {
    next = { ...next, hasEscalated: true };
    effects.push({ kind: 'escalate', episode: state.episode, rung: told });
  }
  return { state: next, effects };
}

/** Whether somebody of the scope still has to say that they have seen that the limit is reached. */
export function awaitsAcknowledgement(state: EnvelopeState): boolean {
  const { overSince, acknowledged } = state;
  const rung = toldRung(state);
  if (rung === null || overSince === null || state.hasEscalated || state.isClosed) return false;
  return compare(rung, LIMIT) >= 0 && (acknowledged === null || compare(acknowledged.rung, rung) < 0);
}

/** What waits for the end of a snooze goes by that one. */
function canSnooze(state: EnvelopeState): boolean {
  return !state.isClosed && state.held?.reason !== 'snoozed';
}

function release(state: EnvelopeState, at: Date): Move {
  if (state.held === null) return unchanged(state);
  const { rung } = state.held;
  return {
    state: { ...state, held: null, overSince: compare(rung, LIMIT) >= 0 ? at : state.overSince },
    effects: [{ kind: 'release', episode: state.episode, rung }],
  };
}

function drop(state: EnvelopeState): Move {
  if (state.held === null) return unchanged(state);
  const { rung } = state.held;
  return { state: { ...state, held: null }, effects: [{ kind: 'dismiss', episode: state.episode, rung }] };
}

function unchanged(state: EnvelopeState): Move {
  return { state, effects: [] };
}

function isDue(dueAt: Date | null, at: Date): boolean {
  return dueAt !== null && at >= dueAt;
}
