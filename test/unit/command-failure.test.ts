/** What a command says of a failure: a sentence for what its user can mend, in text and as a document. */
import { expect, test } from 'vitest';
import { describeFailure, failureDocument } from '../../cli/output.ts';
import { TransientError } from '../../services/kernel/errors.ts';

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
