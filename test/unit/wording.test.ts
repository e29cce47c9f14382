/** Sentences name what to do in the words of whoever asked; none that reaches a request names an option of the command line. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../services/kernel/errors.ts';
import { COMMANDS, option, worded } from '../../services/kernel/wording.ts';

describe('a worded sentence', () => {
  test('names options and commands at the command line, fields and routes over HTTP', () => {
    const refusal = new AppError(
      'conflict',
      worded`Close ${'2026-09'} with ${option('withPredecessors')}, ${2} times: ${COMMANDS.close('2026-09')}.`,
    );
    expect(refusal.message).toBe('Close 2026-09 with --with-predecessors, 2 times: "outturn close 2026-09".');
    expect(refusal.httpMessage).toBe(
      'Close 2026-09 with "withPredecessors", 2 times: POST /api/v1/statements with the period "2026-09".',
    );
  });

  test('that is a plain text is the same to both', () => {
    const refusal = new AppError('not_found', 'There is none.');
    expect([refusal.message, refusal.httpMessage]).toEqual(['There is none.', 'There is none.']);
  });
});

const ROOT = join(import.meta.dirname, '../..');
/** Whoever reads these is at the command line, or is sent there, because nothing else does it. */
const AT_THE_COMMAND_LINE = [
  'services/access/tokens.ts',
  'services/billing/register-delivery.ts',
  'services/billing/run-in-child.ts',
  // Messages that say where to look or to ask beside Slack's buttons.
  'services/alerts/envelope-view.ts',
  'services/alerts/plain-message.ts',
  // Commands as such, in a field of their own.
  'services/inbox/event-items.ts',
  'services/inbox/evidence-items.ts',
  'services/inbox/message-items.ts',
  'services/inbox/money-items.ts',
  'services/inbox/outcome-items.ts',
  'services/inbox/raise-items.ts',
  'services/inbox/set-command.ts',
  'services/organisation/read-organisation-file.ts',
];

test('no sentence of the services names an option without the field', () => {
  const found = globSync('services/**/*.ts', { cwd: ROOT })
    .filter((file) => !AT_THE_COMMAND_LINE.includes(file))
    .flatMap((file) =>
      readFileSync(join(ROOT, file), 'utf8')
        .split('\n')
        .filter((line) => /(^|[^-\w])--[a-z]/.test(line) && !/^\s*(\*|\/[/*])/.test(line))
        .filter((line) => !line.includes('commandLine:') && !line.includes('over HTTP'))
        .map((line) => `${file}: ${line.trim()}`),
    );
  expect(found).toEqual([]);
});
