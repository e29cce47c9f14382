/**
 * What people and the calendar do to an envelope that has spoken: acknowledge, snooze, release or dismiss what is held, and let time pass.
 * Part of the state machine (state-machine.ts).
 */
import { compare, decimal } from '../kernel/decimal.ts';
import type { EnvelopeEffect, EnvelopeEvent, EnvelopeState, Move } from './state-machine.ts';

type EventOf<Kind extends EnvelopeEvent['kind']> = Extract<EnvelopeEvent, { kind: Kind }>;

const LIMIT = decimal('1');

/** Somebody has seen it. It stands for the rung that was spoken; a higher one asks anew. The first to say so is kept. */
export function acknowledge(state: EnvelopeState, { at, by }: EventOf<'acknowledged'>): Move {
  const { spokenRung: rung, acknowledged } = state;
  if (!isTold(state) || rung === null) return unchanged(state);
  if (acknowledged !== null && compare(acknowledged.rung, rung) >= 0) return unchanged(state);
  return { state: { ...state, acknowledged: { rung, by, at } }, effects: [{ kind: 'update' }] };
}

/** The same rung is not told again before `until`; a limit that is reached cannot be snoozed. */
export function snooze(state: EnvelopeState, { at, by, until }: EventOf<'snoozed'>): Move {
  const { spokenRung: rung } = state;
  if (!isTold(state) || rung === null || compare(rung, LIMIT) >= 0 || until <= at) return unchanged(state);
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
  if (isDue(overDueAt, at) && awaitsAcknowledgement(state) && state.spokenRung !== null) {
    next = { ...next, hasEscalated: true };
    effects.push({ kind: 'escalate', episode: state.episode, rung: state.spokenRung });
  }
  return { state: next, effects };
}

/** Whether somebody of the scope still has to say that they have seen that the limit is reached. */
export function awaitsAcknowledgement(state: EnvelopeState): boolean {
  const { spokenRung: rung, overSince, acknowledged } = state;
  if (rung === null || overSince === null || state.hasEscalated || state.isClosed) return false;
  return compare(rung, LIMIT) >= 0 && (acknowledged === null || compare(acknowledged.rung, rung) < 0);
}

/** Something of this episode stands in the channel. */
function isTold(state: EnvelopeState): boolean {
  return state.spokenRung !== null && state.held === null && !state.isClosed;
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
