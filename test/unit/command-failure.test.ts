/** What a command says of a failure: a sentence for what its user can mend, in text and as a document. */
import { expect, test } from 'vitest';
import { countBetween } from '../../cli/count-option.ts';
import { describeFailure, failureDocument } from '../../cli/output.ts';
import { AppError, TransientError } from '../../services/kernel/errors.ts';

test('a full disk is a sentence that says what to do, whether the system or PostgreSQL met it', () => {
  for (const code of ['ENOSPC', '53100']) {
    const error = Object.assign(new Error('could not write'), { code });
    expect(describeFailure(error)).toMatch(/^No room is left on a disk \(could not write\)\. Free some/);
  }
});

test('what passes by itself has a code of its own', () => {
  expect(failureDocument(new TransientError('it is busy.', 1))).toEqual({
    error: { code: 'transient', message: 'it is busy.' },
  });
});

test('what PostgreSQL gave up for another’s sake is run again', () => {
  const error = Object.assign(new Error('deadlock detected'), { code: '40P01' });
  expect(describeFailure(error)).toContain('Nothing of this was done: run it again.');
  expect(failureDocument(error)).toMatchObject({ error: { code: 'transient' } });
});

test('a fault that the message tells stands in no list below it; faults of files are told apart by their line', () => {
  const faults = [
    { column: 'baseline', reason: 'it has no baseline', fix: 'Say it.' },
    { column: 'evidence', reason: 'it has none' },
  ];
  const missing = new AppError('conflict', 'Not yet: it has no baseline. Say it. There is 1 more fault.', { faults });
  expect(describeFailure(missing)).toBe(`${missing.message}\n  evidence: it has none.`);
  const lines = [2, 3].map((line) => ({ file: 'a.csv', line, column: 'title', reason: 'it is empty' }));
  const sheet = new AppError('invalid_outcomes', 'Outcomes: a.csv line 2, column title: it is empty.', {
    faults: lines,
  });
  expect(describeFailure(sheet)).toBe(`${sheet.message}\n  a.csv line 3, column title: it is empty.`);
});

test('a number that is none is refused with what is right', () => {
  const parse = countBetween(1, 1000);
  expect(parse('1000')).toBe(1000);
  for (const text of ['abc', '0', '1001', '-1', '1.5', '']) {
    expect(() => parse(text), text).toThrow('It is a whole number from 1 to 1000.');
  }
});
