/**
 * Whatever figures, people and the calendar do, in whatever order: a rung of an episode speaks once, a crossing follows only a rise, replaying an
 * evaluation never says anything new, nobody is left in the dark over the limit, and the order of what happened does not change where it ends.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type EnvelopeEffect,
  type EnvelopeEvent,
  type EnvelopeFacts,
  type EnvelopeState,
  NEW_STATE,
  transition,
} from '../../services/envelopes/state-machine.ts';
import { compare, type Decimal, decimal, multiply } from '../../services/kernel/decimal.ts';

const RUNS = 1_000;
const START = Date.parse('2026-09-01T06:00:00Z');
const HOUR_MS = 3_600_000;

const step = fc.record({
  hours: fc.integer({ min: 0, max: 60 }),
  actual: fc.integer({ min: -50, max: 260 }),
  limit: fc.constantFrom('100', '100', '100', '60', '200'),
  cause: fc.constantFrom('load', 'load', 'rulebook', 'envelope'),
  isLate: fc.boolean(),
  isStale: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function toFacts(steps: readonly Step[]): EnvelopeFacts[] {
  let hours = 0;
  let version = 1;
  let former = steps[0]?.limit;
  return steps.map((each) => {
    hours += each.hours;
    if (each.limit !== former) version += 1;
    former = each.limit;
    const at = new Date(START + hours * HOUR_MS);
    const periodEnd = new Date('2026-10-01T00:00:00Z');
    const watermark = new Date(at.getTime() - (each.isStale ? 50 : 7) * HOUR_MS);
    return {
      at,
      cause: each.cause,
      version,
      limit: decimal(each.limit),
      rungs: ['0.8', '1', '1.5', '2'].map(decimal),
      actual: decimal(String(each.actual)),
      periodEnd,
      watermark,
      isLate: each.isLate,
      isLastDayComplete: watermark >= periodEnd,
      hadEnded: false,
    };
  });
}

test('evaluating the same facts again changes nothing that anybody sees', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      let state = NEW_STATE;
      for (const facts of toFacts(steps)) {
        const once = transition(state, { kind: 'evaluated', ...facts });
        const again = transition(once.state, { kind: 'evaluated', ...facts });
        expect(again.effects).toEqual([]);
        expect(again.shownRung).toBe(transition(again.state, { kind: 'evaluated', ...facts }).shownRung);
        state = once.state;
      }
    }),
    { numRuns: RUNS },
  );
});

test('within one episode the spoken rung only rises', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let state = NEW_STATE;
      for (const facts of toFacts(steps)) {
        const next = transition(state, { kind: 'evaluated', ...facts }).state;
        const isSameEpisode = next.episode === state.episode && state.spokenRung !== null;
        const rose = compare(next.spokenRung ?? decimal('0'), state.spokenRung ?? decimal('0'));
        expect(isSameEpisode ? rose : 0).toBeGreaterThanOrEqual(0);
        state = next;
      }
    }),
    { numRuns: RUNS },
  );
});

/** Figures, and what people and the calendar do in between. */
const happening = fc.oneof(
  { weight: 3, arbitrary: step.map((each) => ({ kind: 'evaluated' as const, ...each })) },
  fc.record({
    kind: fc.constantFrom('acknowledged', 'released', 'dismissed', 'time passed'),
    hours: fc.integer({ min: 0, max: 60 }),
  }),
  fc.record({
    kind: fc.constant('snoozed' as const),
    hours: fc.integer({ min: 0, max: 60 }),
    forHours: fc.integer({ min: -5, max: 200 }),
  }),
);
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never;

const DUE_MS = 48 * HOUR_MS;

/** What happens next as an event: business days are plain ones here. */
function eventOf(
  each: Happening,
  state: EnvelopeState,
  given: { at: Date; version: number; periodEnd: Date | undefined },
): EnvelopeEvent {
  const { at, version, periodEnd } = given;
  const dueAfter = (since: Date | null | undefined) => (since == null ? null : new Date(since.getTime() + DUE_MS));
  switch (each.kind) {
    case 'evaluated': {
      const [facts] = toFacts([{ ...each, hours: (at.getTime() - START) / HOUR_MS }]);
      if (facts === undefined) throw new Error('one step is one evaluation');
      const isOver = periodEnd === undefined ? {} : { periodEnd, isLastDayComplete: false };
      return { kind: 'evaluated', ...facts, version, ...isOver };
    }
    case 'snoozed':
      return { kind: 'snoozed', at, by: 'ada@example.com', until: new Date(at.getTime() + each.forHours * HOUR_MS) };
    case 'acknowledged':
      return { kind: 'acknowledged', at, by: 'ada@example.com' };
    case 'time passed':
      return { kind: 'time passed', at, overDueAt: dueAfter(state.overSince), heldDueAt: dueAfter(state.held?.since) };
    default:
      return { kind: each.kind, at };
  }
}

interface Lived {
  readonly event: EnvelopeEvent;
  readonly state: EnvelopeState;
  readonly effects: readonly EnvelopeEffect[];
  readonly shownRung: Decimal | null;
}

function live(happenings: readonly Happening[], periodEnd?: Date): Lived[] {
  let state = NEW_STATE;
  let hours = 0;
  let version = 1;
  let limit: string | undefined;
  return happenings.map((each) => {
    hours += each.hours;
    if (each.kind === 'evaluated') {
      if (limit !== undefined && each.limit !== limit) version += 1;
      limit = each.limit;
    }
    const event = eventOf(each, state, { at: new Date(START + hours * HOUR_MS), version, periodEnd });
    const next = transition(state, event);
    ({ state } = next);
    return { event, ...next };
  });
}

const LIMIT = decimal('1');

test('a rung of an episode is told once, and speaks only where the figure has reached it', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 1, maxLength: 60 }), (happenings) => {
      const spoken: string[] = [];
      const told: string[] = [];
      const tooEarly: string[] = [];
      for (const { event, effects } of live(happenings)) {
        const aloud = effects.flatMap((effect) =>
          effect.kind === 'speak' || effect.kind === 'release' ? [effect] : [],
        );
        expect(aloud.length).toBeLessThanOrEqual(1);
        for (const effect of aloud) {
          const key = `${effect.episode}/${effect.rung}`;
          if (effect.kind !== 'speak' || effect.delivery === 'pending') told.push(key);
          if (effect.kind !== 'speak' || event.kind !== 'evaluated') continue;
          spoken.push(key);
          if (compare(event.actual, multiply(event.limit, effect.rung)) < 0) tooEarly.push(key);
        }
      }
      expect({ spoken, told, tooEarly }).toEqual({
        spoken: [...new Set(spoken)],
        told: [...new Set(told)],
        tooEarly: [],
      });
    }),
    { numRuns: RUNS },
  );
});

test('over the limit nobody is silent: the scope was told, or rules alone caused it and finance decides or has been told', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 1, maxLength: 40 }), (happenings) => {
      expect(live(happenings).reduce(hear, { who: 'nobody', faults: [] }).faults).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});

interface Heard {
  /** Who knows that the limit is reached. */
  readonly who: 'nobody' | 'scope' | 'finance, who keeps it';
  readonly faults: readonly string[];
}

function hear(before: Heard, { event, state, effects }: Lived): Heard {
  const who = effects.reduce((known, effect) => hearOf(known, effect, event), before.who);
  const isOver = state.spokenRung !== null && compare(state.spokenRung, LIMIT) >= 0;
  const isReached = event.kind === 'evaluated' && !state.isClosed && compare(event.actual, event.limit) >= 0;
  const isSilent = isOver && !state.isClosed && who === 'nobody';
  const isDue = state.held !== null && event.at.getTime() >= state.held.since.getTime() + DUE_MS;
  const faults = [
    ...(isReached && !isOver ? ['reached without a word'] : []),
    ...(isSilent && state.held?.reason !== 'rules' ? ['silent, and not held for finance'] : []),
    ...(isSilent && event.kind === 'time passed' && isDue && state.held?.hasEscalated !== true
      ? ['finance is not told of what is held']
      : []),
  ];
  return { who, faults: [...before.faults, ...faults] };
}

function hearOf(who: Heard['who'], effect: EnvelopeEffect, event: EnvelopeEvent): Heard['who'] {
  if (effect.kind === 'clear') return effect.above === null || compare(effect.above, LIMIT) < 0 ? 'nobody' : who;
  if (effect.kind === 'dismiss') return event.kind === 'dismissed' && who === 'nobody' ? 'finance, who keeps it' : who;
  const isTold = effect.kind === 'release' || (effect.kind === 'speak' && effect.delivery !== 'held');
  return isTold && compare(effect.rung, LIMIT) >= 0 ? 'scope' : who;
}

const NEXT_YEAR = new Date('2027-10-01T00:00:00Z');

test('the order of what happened does not change where it ends', () => {
  const lastDays = [60, 60, 60, 60].map((hours) => ({
    hours,
    cause: 'load' as const,
    isLate: false,
    isStale: false,
  }));
  fc.assert(
    fc.property(
      fc
        .array(happening, { minLength: 1, maxLength: 12 })
        .chain((happened) =>
          fc.tuple(fc.constant(happened), fc.shuffledSubarray(happened, { minLength: happened.length })),
        ),
      // Away from the five points in which a rung stands or not by where the figure came from.
      fc.constantFrom(10, 74, 80, 94, 100, 144, 150, 194, 230),
      (orders, actual) => {
        const ends = orders.map((happened) => {
          const settled = lastDays.map((day) => ({
            ...day,
            kind: 'evaluated' as const,
            actual,
            limit: '100' as const,
          }));
          const { state, shownRung } = live([...happened, ...settled], NEXT_YEAR).at(-1) ?? {
            state: NEW_STATE,
            shownRung: null,
          };
          return { shownRung, spoken: state.spokenRung, actual: state.actual, isClosed: state.isClosed };
        });
        expect(ends[1]).toEqual(ends[0]);
      },
    ),
    { numRuns: RUNS },
  );
});
