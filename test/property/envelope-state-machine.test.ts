/**
 * Whatever the figures do, in whatever order: a rung of an episode speaks once, a crossing follows only a rise, and replaying an
 * evaluation never says anything new.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EnvelopeFacts, NEW_STATE, transition } from '../../services/envelopes/state-machine.ts';
import { compare, decimal, multiply } from '../../services/kernel/decimal.ts';

const RUNS = 2_000;
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

test('a rung of an episode never speaks twice, and only where the figure has reached it', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let state = NEW_STATE;
      const spoken = new Set<string>();
      for (const facts of toFacts(steps)) {
        const next = transition(state, { kind: 'evaluated', ...facts });
        for (const effect of next.effects.filter((each) => each.kind === 'speak')) {
          const key = `${effect.episode}/${effect.rung}`;
          expect(spoken).not.toContain(key);
          spoken.add(key);
          expect(compare(facts.actual, multiply(facts.limit, effect.rung))).toBeGreaterThanOrEqual(0);
        }
        expect(next.effects.filter((effect) => effect.kind === 'speak').length).toBeLessThanOrEqual(1);
        expect(next.state.episode).toBeGreaterThanOrEqual(state.episode);
        state = next.state;
      }
    }),
    { numRuns: RUNS },
  );
});

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
