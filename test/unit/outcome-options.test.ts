/** What the options of a claim say, and what they refuse with which fix. */
import { expect, test } from 'vitest';
import { claimOf, inOptions } from '../../cli/outcome-options.ts';
import { describeFailure } from '../../cli/output.ts';
import { refuseStatement } from '../../services/kernel/errors.ts';

test('options give their fields and no others', () => {
  expect(claimOf({})).toEqual({});
  expect(
    claimOf({
      pod: ['checkout=6000', 'search=3000'],
      gross: true,
      notOwnBill: true,
      evidence: ['https://a.example.com'],
      confidence: 'B=one week = short',
      reference: ['jira=PAY-7'],
    }),
  ).toEqual({
    shares: [
      { pod: 'checkout', basisPoints: 6000 },
      { pod: 'search', basisPoints: 3000 },
    ],
    grossOrMargin: 'gross',
    baseline: { isOwnBill: false },
    evidence: [{ url: 'https://a.example.com' }],
    confidence: { grade: 'B', reason: 'one week = short' },
    references: [{ system: 'jira', key: 'PAY-7' }],
  });
  expect(claimOf({ pod: ['checkout'] })).toEqual({ shares: [{ pod: 'checkout', basisPoints: 10_000 }] });
});

test.for([
  [{ pod: ['checkout', 'search'] }, 'write --pod checkout=6000'],
  [{ confidence: 'E=no' }, 'a grade from A to D'],
  [{ reference: ['PAY-7'] }, 'as jira=PAY-7'],
  [{ ownBill: true, notOwnBill: true }, 'one of the two'],
] as const)('%j is refused with what to write', ([options, fix]) => {
  expect(() => claimOf(options)).toThrow(fix);
});

test('what a claim lacks is told by its options, each fault once', async () => {
  const faults = [
    { column: 'grossOrMargin', reason: 'revenue does not say which', fix: 'Say it.' },
    { column: 'shares[1].basisPoints', reason: 'too much', fix: 'Lower it.' },
    { column: 'baselineValue', reason: 'it is missing' },
  ];
  const failing = inOptions(Promise.reject(refuseStatement('invalid_outcomes', 'x', faults)));
  expect(describeFailure(await failing.catch((error: unknown) => error))).toBe(
    `The outcome was not taken.
  --margin or --gross: revenue does not say which. Say it.
  --pod: too much. Lower it.
  baselineValue: it is missing.`,
  );
  const one = refuseStatement('invalid_outcomes', 'The outcome was not taken', faults.slice(0, 1));
  expect(describeFailure(one)).toBe('The outcome was not taken: grossOrMargin: revenue does not say which. Say it.');
});
