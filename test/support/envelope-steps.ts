/**
 * Steps of an envelope's state machine, for tests that read like its table: an envelope of 100 is evaluated step by step, a step says what
 * was spent and when, or what somebody did, and the run answers in sentences.
 */
import {
  type EnvelopeEffect,
  type EnvelopeEvent,
  type EnvelopeFacts,
  NEW_STATE,
  transition,
} from '../../services/envelopes/state-machine.ts';
import { decimal } from '../../services/kernel/decimal.ts';

const START = Date.parse('2026-09-01T06:00:00Z');
const DAY_MS = 86_400_000;

/** Day `n` of the period at six in the morning; its data reaches to the hour before midnight. */
export function factsOf(day: number, actual: string, overrides: Partial<EnvelopeFacts> = {}): EnvelopeFacts {
  const at = new Date(START + day * DAY_MS);
  return {
    at,
    cause: 'load',
    version: 1,
    limit: decimal('100'),
    rungs: ['0.8', '1', '1.5', '2'].map(decimal),
    actual: decimal(actual),
    periodEnd: new Date('2026-10-01T00:00:00Z'),
    watermark: new Date(at.getTime() - 7 * 3_600_000),
    isLate: false,
    isLastDayComplete: false,
    hadEnded: false,
    ...overrides,
  };
}

/** One thing that happens to the envelope. */
export type Step = EnvelopeFacts | Exclude<EnvelopeEvent, { kind: 'evaluated' }>;

/** What the steps say, which rung each shows, and after how many of them posts were rewritten in place. */
export function run(steps: readonly Step[]) {
  let state = NEW_STATE;
  const said: string[] = [];
  const shown: (string | null)[] = [];
  const rewritten: number[] = [];
  for (const [index, step] of steps.entries()) {
    const next = transition(state, 'kind' in step ? step : { kind: 'evaluated', ...step });
    state = next.state;
    shown.push(next.shownRung);
    said.push(...next.effects.flatMap((effect) => (effect.kind === 'update' ? [] : [describeEffect(effect)])));
    if (next.effects.some(({ kind }) => kind === 'update')) rewritten.push(index + 1);
  }
  return { state, said, shown, rewritten };
}

function describeEffect(effect: Exclude<EnvelopeEffect, { kind: 'update' }>): string {
  switch (effect.kind) {
    case 'speak':
      return `${effect.delivery} ${effect.rung} in ${effect.episode}: ${effect.reason}`;
    case 'clear':
      return `clear above ${effect.above ?? 'nothing'}`;
    case 'close':
      return 'close';
    default:
      return `${effect.kind} ${effect.rung} in ${effect.episode}`;
  }
}

const onDay = (day: number) => new Date(START + day * DAY_MS);
export const acknowledged = (day: number, by = 'ada@example.com'): Step => ({
  kind: 'acknowledged',
  at: onDay(day),
  by,
});
export const snoozed = (day: number, until: number): Step => ({
  kind: 'snoozed',
  at: onDay(day),
  by: 'ada@example.com',
  until: onDay(until),
});
export const settled = (kind: 'released' | 'dismissed', day: number): Step => ({ kind, at: onDay(day) });
/** Both are due two days after the given ones. */
export const timePassed = (day: number, since: { over?: number; held?: number } = {}): Step => ({
  kind: 'time passed',
  at: onDay(day),
  overDueAt: since.over === undefined ? null : onDay(since.over + 2),
  heldDueAt: since.held === undefined ? null : onDay(since.held + 2),
});
export const byRules = { cause: 'rulebook' } as const;
