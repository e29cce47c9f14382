/**
 * Rows of the state machine's table as facts: what spend, limits and the end of the period post, clear and rewrite. What people and rules
 * do to an alert is in envelope-state-acts.
 */
import { describe, expect, test } from 'vitest';
import { decimal } from '../../services/kernel/decimal.ts';
import { acknowledged, factsOf, run, type Step, snoozed } from '../support/envelope-steps.ts';

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
