/**
 * Each row of the state machine's table as a fact. An envelope of 100 is evaluated step by step; a step says what was spent and
 * when, and the test says what was posted, cleared and shown.
 */
import { describe, expect, test } from 'vitest';
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
function factsOf(day: number, actual: string, overrides: Partial<EnvelopeFacts> = {}): EnvelopeFacts {
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

type Step = EnvelopeFacts | Exclude<EnvelopeEvent, { kind: 'evaluated' }>;

/** `rewritten`: after how many steps posts were rewritten in place. */
function run(steps: readonly Step[]) {
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
const acknowledged = (day: number, by = 'ada@example.com'): Step => ({ kind: 'acknowledged', at: onDay(day), by });
const snoozed = (day: number, until: number): Step => ({
  kind: 'snoozed',
  at: onDay(day),
  by: 'ada@example.com',
  until: onDay(until),
});
const settled = (kind: 'released' | 'dismissed', day: number): Step => ({ kind, at: onDay(day) });
/** Both are due two days after the given ones. */
const timePassed = (day: number, since: { over?: number; held?: number } = {}): Step => ({
  kind: 'time passed',
  at: onDay(day),
  overDueAt: since.over === undefined ? null : onDay(since.over + 2),
  heldDueAt: since.held === undefined ? null : onDay(since.held + 2),
});
const byRules = { cause: 'rulebook' } as const;

const ROWS: readonly { fact: string; steps: readonly Step[]; said: readonly string[] }[] = [
  { fact: 'below the first rung nothing is said', steps: [factsOf(1, '79.99')], said: [] },
  { fact: 'exactly the rung is a crossing', steps: [factsOf(1, '80')], said: ['pending 0.8 in 1: spend'] },
  {
    fact: 'a jump over several rungs says the highest only',
    steps: [factsOf(1, '10'), factsOf(2, '130')],
    said: ['pending 1 in 1: spend'],
  },
  {
    fact: 'near, then over, then each further rung speaks once',
    steps: [
      factsOf(1, '81'),
      factsOf(2, '90'),
      factsOf(3, '101'),
      factsOf(4, '149'),
      factsOf(5, '150'),
      factsOf(6, '400'),
    ],
    said: ['pending 0.8 in 1: spend', 'pending 1 in 1: spend', 'pending 1.5 in 1: spend', 'pending 2 in 1: spend'],
  },
  {
    fact: 'staying above says nothing more',
    steps: [factsOf(1, '81'), factsOf(2, '82'), factsOf(30, '99')],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'oscillating between 79 % and 81 % is one crossing',
    steps: Array.from({ length: 20 }, (_, day) => factsOf(day + 1, day % 2 === 0 ? '81' : '79')),
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'two clean evaluations a day apart clear, and the next crossing is a new episode',
    steps: [factsOf(1, '81'), factsOf(2, '74'), factsOf(3, '74'), factsOf(4, '85')],
    said: ['pending 0.8 in 1: spend', 'clear above nothing', 'pending 0.8 in 2: spend'],
  },
  {
    fact: 'one clean evaluation clears nothing',
    steps: [factsOf(1, '81'), factsOf(2, '74'), factsOf(3, '81'), factsOf(4, '74'), factsOf(5, '81')],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'two clean evaluations within 20 hours clear nothing',
    steps: [factsOf(1, '81'), factsOf(2, '74'), factsOf(2.8, '74'), factsOf(2.81, '85')],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'two clean evaluations of the same data clear nothing',
    steps: [
      factsOf(1, '81'),
      factsOf(2, '74', { watermark: new Date('2026-09-03T00:00:00Z') }),
      factsOf(4, '74', { watermark: new Date('2026-09-03T00:00:00Z') }),
      factsOf(5, '85'),
    ],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'a restatement with older data than was spoken about counts for nothing',
    steps: [
      factsOf(10, '81'),
      factsOf(11, '60', { watermark: new Date('2026-09-05T00:00:00Z') }),
      factsOf(12, '60', { watermark: new Date('2026-09-06T00:00:00Z') }),
      factsOf(13, '85'),
    ],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'while a source is late nothing clears, but a crossing speaks',
    steps: [
      factsOf(1, '81'),
      factsOf(2, '60', { isLate: true }),
      factsOf(4, '60', { isLate: true }),
      factsOf(5, '100', { isLate: true }),
    ],
    said: ['pending 0.8 in 1: spend', 'pending 1 in 1: spend'],
  },
  {
    fact: 'leaving the rung at 1 leaves the one at 0.8 standing',
    steps: [factsOf(1, '110'), factsOf(2, '90'), factsOf(3, '90'), factsOf(4, '92'), factsOf(5, '101')],
    said: ['pending 1 in 1: spend', 'clear above 0.8', 'pending 1 in 2: spend'],
  },
  {
    fact: 'a rung below is cleared only by two clean evaluations of its own',
    steps: [factsOf(1, '110'), factsOf(2, '90'), factsOf(3, '60'), factsOf(4, '60')],
    said: ['pending 1 in 1: spend', 'clear above 0.8', 'clear above nothing'],
  },
  {
    fact: 'a limit raised above the clear line resolves at once; crossing the new one speaks again',
    steps: [
      factsOf(1, '85'),
      factsOf(1.1, '85', { version: 2, limit: decimal('140'), cause: 'envelope' }),
      factsOf(2, '115', { version: 2, limit: decimal('140') }),
    ],
    said: ['pending 0.8 in 1: spend', 'clear above nothing', 'pending 0.8 in 2: spend'],
  },
  {
    fact: 'a limit raised a little stays without a word',
    steps: [factsOf(1, '85'), factsOf(1.1, '85', { version: 2, limit: decimal('110'), cause: 'envelope' })],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'a limit lowered below what was spent speaks once, with its reason',
    steps: [
      factsOf(1, '60'),
      factsOf(1.1, '60', { version: 2, limit: decimal('50'), cause: 'envelope' }),
      factsOf(2, '60', { version: 2, limit: decimal('50') }),
    ],
    said: ['pending 1 in 1: limit lowered'],
  },
  {
    fact: 'a crossing that only the rules caused is held',
    steps: [factsOf(1, '60'), factsOf(1.1, '95', { cause: 'rulebook' }), factsOf(2, '96')],
    said: ['held 0.8 in 1: rules'],
  },
  {
    fact: 'applying rules that move nothing holds nothing, and a lowered limit in the same apply speaks',
    steps: [factsOf(1, '60'), factsOf(1.1, '61', { cause: 'rulebook', version: 2, limit: decimal('70') })],
    said: ['pending 0.8 in 1: limit lowered'],
  },
  {
    fact: 'an envelope that is new when rules are applied speaks',
    steps: [factsOf(1, '95', { cause: 'rulebook' })],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'a backfill of a period long past is history',
    steps: [factsOf(60, '130', { isLastDayComplete: true, hadEnded: true })],
    said: ['suppressed 1 in 1: past period', 'close'],
  },
  {
    fact: 'the first load with data beyond the end may still speak, and closes',
    steps: [
      factsOf(29, '95'),
      factsOf(31, '101', { isLastDayComplete: true }),
      factsOf(32, '160', { isLastDayComplete: true, hadEnded: true }),
    ],
    said: ['pending 0.8 in 1: spend', 'pending 1 in 1: spend', 'close', 'suppressed 1.5 in 1: past period'],
  },
  {
    fact: 'ten days after the end nothing is accepted, even where a source never delivered',
    steps: [factsOf(20, '70'), factsOf(41, '130', { isLate: true })],
    said: ['suppressed 1 in 1: past period', 'close'],
  },
  {
    fact: 'a closed period that is restated down clears nothing and stays closed',
    steps: [
      factsOf(29, '95'),
      factsOf(31, '95', { isLastDayComplete: true }),
      factsOf(33, '50', { isLastDayComplete: true, hadEnded: true }),
      factsOf(35, '50', { isLastDayComplete: true, hadEnded: true }),
    ],
    said: ['pending 0.8 in 1: spend', 'close'],
  },
  {
    fact: 'an unacknowledged limit is escalated once, two business days after it was told',
    steps: [factsOf(1, '101'), timePassed(2, { over: 1 }), timePassed(3, { over: 1 }), timePassed(9, { over: 1 })],
    said: ['pending 1 in 1: spend', 'escalate 1 in 1'],
  },
  {
    fact: 'an acknowledged limit is not escalated, a higher rung that nobody acknowledged is',
    steps: [
      factsOf(1, '101'),
      acknowledged(2),
      timePassed(9, { over: 1 }),
      factsOf(10, '151'),
      timePassed(11, { over: 10 }),
      timePassed(12, { over: 10 }),
    ],
    said: ['pending 1 in 1: spend', 'pending 1.5 in 1: spend', 'escalate 1.5 in 1'],
  },
  {
    fact: 'a rung below the limit is never escalated',
    steps: [factsOf(1, '95'), timePassed(9, { over: 1 })],
    said: ['pending 0.8 in 1: spend'],
  },
  {
    fact: 'a limit that was cleared is not escalated, and the next episode is anew',
    steps: [
      factsOf(1, '101'),
      timePassed(3, { over: 1 }),
      factsOf(4, '50'),
      factsOf(5, '50'),
      timePassed(9, { over: 1 }),
      factsOf(10, '101'),
      timePassed(12, { over: 10 }),
    ],
    said: [
      'pending 1 in 1: spend',
      'escalate 1 in 1',
      'clear above nothing',
      'pending 1 in 2: spend',
      'escalate 1 in 2',
    ],
  },
  {
    fact: 'a snoozed rung that is crossed anew waits until the snooze ends',
    steps: [
      factsOf(1, '81'),
      snoozed(2, 8),
      factsOf(3, '70'),
      factsOf(4, '70'),
      factsOf(5, '82'),
      timePassed(7),
      timePassed(8),
    ],
    said: ['pending 0.8 in 1: spend', 'clear above nothing', 'held 0.8 in 2: spend', 'release 0.8 in 2'],
  },
  {
    fact: 'a snooze never hides the limit, and what it hid is not told besides',
    steps: [factsOf(1, '81'), snoozed(2, 20), factsOf(3, '70'), factsOf(4, '70'), factsOf(5, '82'), factsOf(6, '100')],
    said: [
      'pending 0.8 in 1: spend',
      'clear above nothing',
      'held 0.8 in 2: spend',
      'dismiss 0.8 in 2',
      'pending 1 in 2: spend',
    ],
  },
  {
    fact: 'a snoozed rung that fell again before the snooze ended was never told',
    steps: [
      factsOf(1, '81'),
      snoozed(2, 8),
      factsOf(3, '70'),
      factsOf(4, '70'),
      factsOf(5, '82'),
      factsOf(6, '70'),
      timePassed(8),
    ],
    said: [
      'pending 0.8 in 1: spend',
      'clear above nothing',
      'held 0.8 in 2: spend',
      'dismiss 0.8 in 2',
      'clear above nothing',
    ],
  },
  {
    fact: 'a limit that is reached cannot be snoozed',
    steps: [factsOf(1, '101'), snoozed(2, 9), factsOf(3, '50'), factsOf(4, '50'), factsOf(5, '82')],
    said: ['pending 1 in 1: spend', 'clear above nothing', 'pending 0.8 in 2: spend'],
  },
  {
    fact: 'a held crossing over the limit is brought to finance once, two days later; below the limit it only waits',
    steps: [
      factsOf(1, '60'),
      factsOf(2, '95', byRules),
      timePassed(9, { held: 2 }),
      factsOf(10, '120', byRules),
      timePassed(11, { held: 10 }),
      timePassed(12, { held: 10 }),
      timePassed(20, { held: 10 }),
    ],
    said: ['held 0.8 in 1: rules', 'dismiss 0.8 in 1', 'held 1 in 1: rules', 'escalate-held 1 in 1'],
  },
  {
    fact: 'a held crossing that finance releases is told, and escalated like any other',
    steps: [factsOf(1, '60'), factsOf(2, '120', byRules), settled('released', 3), timePassed(5, { over: 3 })],
    said: ['held 1 in 1: rules', 'release 1 in 1', 'escalate 1 in 1'],
  },
  {
    fact: 'a held crossing that finance dismisses stays untold; the next rung speaks',
    steps: [
      factsOf(1, '60'),
      factsOf(2, '120', byRules),
      settled('dismissed', 3),
      factsOf(4, '130'),
      factsOf(5, '150'),
    ],
    said: ['held 1 in 1: rules', 'dismiss 1 in 1', 'pending 1.5 in 1: spend'],
  },
  {
    fact: 'rules that are taken back take the held crossing along at once',
    steps: [factsOf(1, '60'), factsOf(2, '120', byRules), factsOf(2.1, '60', byRules), factsOf(3, '85')],
    said: ['held 1 in 1: rules', 'dismiss 1 in 1', 'clear above nothing', 'pending 0.8 in 2: spend'],
  },
  {
    fact: 'a held crossing that falls and is still over the limit is held there: nobody has heard of it',
    steps: [factsOf(1, '60'), factsOf(2, '160', byRules), factsOf(3, '110'), timePassed(5, { held: 2 })],
    said: ['held 1.5 in 1: rules', 'dismiss 1.5 in 1', 'clear above 1', 'held 1 in 2: rules', 'escalate-held 1 in 2'],
  },
  {
    fact: 'what was told below a held crossing stands when that one goes, and is left after two looks of its own',
    steps: [factsOf(1, '85'), factsOf(2, '120', byRules), factsOf(3, '60', byRules), factsOf(4, '60')],
    said: ['pending 0.8 in 1: spend', 'held 1 in 1: rules', 'dismiss 1 in 1', 'clear above 0.8', 'clear above nothing'],
  },
  {
    fact: 'what was told below a held crossing can be acknowledged, and only that is escalated',
    steps: [factsOf(1, '101'), factsOf(2, '160', byRules), acknowledged(3), timePassed(9, { over: 1 })],
    said: ['pending 1 in 1: spend', 'held 1.5 in 1: rules'],
  },
  {
    fact: 'spend that crosses the next rung speaks at once, and what was held below it is not told besides',
    steps: [factsOf(1, '60'), factsOf(2, '95', byRules), factsOf(3, '101')],
    said: ['held 0.8 in 1: rules', 'dismiss 0.8 in 1', 'pending 1 in 1: spend'],
  },
  {
    fact: 'the end of the period ends what is held and what is due',
    steps: [
      factsOf(20, '60'),
      factsOf(21, '120', byRules),
      factsOf(31, '120', { isLastDayComplete: true }),
      timePassed(40, { held: 21, over: 21 }),
      settled('released', 41),
    ],
    said: ['held 1 in 1: rules', 'dismiss 1 in 1', 'close'],
  },
  {
    fact: 'where nothing was said there is nothing to acknowledge, snooze, release or dismiss',
    steps: [factsOf(1, '50'), acknowledged(2), snoozed(2, 5), settled('released', 2), settled('dismissed', 2)],
    said: [],
  },
  { fact: 'credits below zero say nothing', steps: [factsOf(1, '-20'), factsOf(2, '0')], said: [] },
];

/** Which steps rewrite what stands in the channel. */
const REWRITES: readonly { fact: string; steps: readonly Step[]; rewritten: readonly number[] }[] = [
  {
    fact: 'below the first rung there is nothing to rewrite',
    steps: [factsOf(1, '10'), factsOf(2, '20')],
    rewritten: [],
  },
  { fact: 'a figure that moves on the same rung', steps: [factsOf(1, '81'), factsOf(2, '83')], rewritten: [2] },
  { fact: 'never a figure that stays', steps: [factsOf(1, '81'), factsOf(2, '81'), factsOf(3, '81')], rewritten: [] },
  {
    fact: 'the lower post when the next rung is crossed',
    steps: [factsOf(1, '81'), factsOf(2, '101')],
    rewritten: [2],
  },
  { fact: 'a restatement downward', steps: [factsOf(1, '85'), factsOf(2, '81')], rewritten: [2] },
  {
    fact: 'not a restatement with older data than was spoken about',
    steps: [factsOf(10, '85'), factsOf(11, '60', { watermark: new Date('2026-09-05T00:00:00Z') })],
    rewritten: [],
  },
  {
    fact: 'what is cleared, once, and nothing after it',
    steps: [factsOf(1, '85'), factsOf(2, '70'), factsOf(3, '70'), factsOf(4, '60')],
    rewritten: [2, 3],
  },
  {
    fact: 'a limit that is raised',
    steps: [factsOf(1, '85'), factsOf(2, '85', { version: 2, limit: decimal('101'), cause: 'envelope' })],
    rewritten: [2],
  },
  {
    fact: 'the end of the period, and nothing after it',
    steps: [
      factsOf(29, '95'),
      factsOf(31, '95', { isLastDayComplete: true }),
      factsOf(33, '97', { isLastDayComplete: true, hadEnded: true }),
    ],
    rewritten: [2],
  },
  {
    fact: 'the first acknowledgement, not a second one',
    steps: [factsOf(1, '101'), acknowledged(2), acknowledged(3, 'bo@example.com')],
    rewritten: [2],
  },
  { fact: 'a snooze', steps: [factsOf(1, '81'), snoozed(2, 5)], rewritten: [2] },
];

describe('what stands in the channel is rewritten by', () => {
  test.each(REWRITES)('$fact', ({ steps, rewritten }) => {
    expect(run(steps).rewritten).toEqual(rewritten);
  });
});

describe('the state machine', () => {
  test.each(ROWS)('$fact', ({ steps, said }) => {
    expect(run(steps).said).toEqual(said);
  });

  test('replaying one load a thousand times posts once', () => {
    expect(run(Array.from({ length: 1_000 }, () => factsOf(3, '81'))).said).toEqual(['pending 0.8 in 1: spend']);
  });

  test('an open episode shows its rung while the figure dips below it', () => {
    expect(run([factsOf(1, '81'), factsOf(2, '79')]).shown).toEqual(['0.8', '0.8']);
  });

  test('a period that is over shows the rung it reached, spoken or not', () => {
    const over = { isLastDayComplete: true, hadEnded: true };
    expect(run([factsOf(60, '130', over), factsOf(61, '70', over)]).shown).toEqual(['1', null]);
  });
});
