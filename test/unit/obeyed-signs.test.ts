/** What others wrote is shown as text: no terminal obeys it, and a statement with such signs is refused by name. */
import { expect, test } from 'vitest';
import { describeFailure } from '../../cli/output.ts';
import { textTable } from '../../cli/render/text-table.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { findObeyed, printable, printableLine } from '../../services/kernel/obeyed-signs.ts';
import { checkLines } from '../../services/outcomes/statement/check-lines.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { toRaw } from '../../services/outcomes/statement/raw-outcome.ts';

const CLEARS = '\u001b[2Jverified';
const TURNS = 'a\u202eb';

test('texts, cells and failures show a dot for each sign that a terminal would obey', () => {
  expect(printable(`one\n${CLEARS}\t${TURNS}`)).toBe('one\n·[2Jverified\ta·b');
  expect(printableLine('one\ntwo')).toBe('one·two');
  expect(textTable(['title'], [[`${CLEARS}\n${TURNS}`]])).toContain('·[2Jverified·a·b');
  expect(describeFailure(new AppError('conflict', `Outcome ${CLEARS}`))).toBe('Outcome ·[2Jverified');
  expect([findObeyed('Zoë, 30 % 👩‍💻'), findObeyed(CLEARS), findObeyed('a\nb'), findObeyed('a\nb', 'several')]).toEqual(
    [null, 'U+001B', 'U+000A', null],
  );
});

test('a statement that holds one is refused by field', () => {
  const found: string[] = [];
  const stated = {
    title: CLEARS,
    shares: [],
    baseline: { text: 'two\nlines', source: TURNS },
    references: [{ system: 'jira', key: 'PAY-\u0007' }],
    evidence: [{ url: 'https://a.example', title: 'x\r' }],
  } as unknown as OutcomeInput;
  checkLines(toRaw(stated), (field, reason) => found.push(`${field}: ${/U\+\w+/.exec(reason)?.[0]}`));
  expect(found).toEqual(['title: U+001B', 'baselineSource: U+202E', 'references: U+0007', 'evidence: U+000D']);
});
