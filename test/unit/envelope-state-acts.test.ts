/**
 * Rows of the state machine's table as facts: a crossing that only rules caused is held; people acknowledge, snooze, release and dismiss;
 * what nobody looks at is escalated.
 */
import { describe, expect, test } from 'vitest';
import { decimal } from '../../services/kernel/decimal.ts';
import {
  acknowledged,
  byRules,
  factsOf,
  run,
  type Step,
  settled,
  snoozed,
  timePassed,
} from '../support/envelope-steps.ts';

const ROWS: readonly { fact: string; steps: readonly Step[]; said: readonly string[] }[] = [
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
];

describe('the state machine', () => {
  test.each(ROWS)('$fact', ({ steps, said }) => {
    expect(run(steps).said).toEqual(said);
  });
});
