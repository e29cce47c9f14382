/** What a terminal and the doctor say of a source: all that is known, however narrow, and a fix only where something is to be mended. */
import { describe, expect, test } from 'vitest';
import { findingsOf } from '../../cli/doctor-checks.ts';
import { renderSources } from '../../cli/render/sources.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import type { RunView } from '../../services/sources/list-runs.ts';
import type { SourceStatus } from '../../services/sources/list-sources.ts';

const RUN: RunView = {
  runId: '1',
  reason: 'schedule',
  range: null,
  startedAt: '2026-09-15T10:00:00.000Z',
  finishedAt: '2026-09-15T10:00:01.000Z',
  outcome: 'changed',
  filesFetched: 1,
  bytesFetched: '100',
  waiting: [],
  error: null,
};
const WELL: SourceStatus = {
  sourceId: 'aws',
  kind: 'aws-data-export',
  state: 'waiting',
  lastRun: RUN,
  latest: {
    billingPeriod: '2026-09',
    deliveredAt: '2026-09-15T04:10:00.000Z',
    dataAsOf: '2026-09-14T00:00:00.000Z',
    finality: 'estimated',
    rows: '21',
    totals: [{ billingCurrency: 'USD', billedCost: decimal('26.25') }],
  },
  refused: null,
  spentToday: { requests: '8', bytesBilled: '0', amount: decimal('0.08') },
  failures: 0,
  nextRunAt: '2026-09-15T11:04:53.000Z',
  summary: '2026-09 estimated.',
};
const FACTS = [
  '2026-09',
  'estimated',
  '2026-09-15 04:10Z',
  '2026-09-14 00:00Z',
  '21',
  '26.25 USD',
  '8, 0.08 USD',
  '2026-09-15 11:04Z',
];

function failed(code: string): SourceStatus {
  const error = { code, message: 'it said no', faults: [] };
  return { ...WELL, state: 'retrying', lastRun: { ...RUN, outcome: 'failed', error }, summary: 'the last look failed' };
}

describe('on a terminal', () => {
  test('delivery, data, finality, lines, money, calls and next look stand in one row, or in a list where it is narrow', () => {
    const wide = renderSources([WELL], 200);
    const narrow = renderSources([WELL, { ...WELL, sourceId: 'gcp' }], 80);
    for (const fact of FACTS) expect(wide.split('\n')[1]).toContain(fact);
    for (const fact of FACTS) expect(narrow).toContain(fact);
    expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('a delivery that is not complete is named, though nothing failed', () => {
    const waiting = { ...WELL, lastRun: { ...RUN, waiting: ['2026-09 lacks a file'] }, summary: 'Not complete yet.' };
    expect(renderSources([waiting])).toContain('aws: Not complete yet.');
  });

  test('a source that is new is looked at at once', () => {
    const fresh = { ...WELL, lastRun: null, latest: null, nextRunAt: null };
    expect(renderSources([fresh])).toMatch(/waiting .* at once$/m);
  });
});

describe('the doctor', () => {
  const wrong = { subject: 's3:ListBucket', state: 'wrong', message: 'it said no' } as const;
  const note = { subject: 'expiration', state: 'note', message: 'partitions are deleted' } as const;

  test('says once what a check and the last look both say', () => {
    expect(findingsOf(failed('source_refused'), [wrong])).toEqual([{ ...wrong, subject: 'source aws, s3:ListBucket' }]);
  });

  test('says what a check notes', () => {
    expect(findingsOf(WELL, [note]).map(({ state }) => state)).toEqual(['note', 'ok']);
  });

  test('asks for no fix where it is tried again by itself', () => {
    expect(findingsOf(failed('transient'), [])).toMatchObject([{ state: 'note' }]);
    expect(findingsOf(failed('source_budget'), [])).toMatchObject([{ state: 'note' }]);
    expect(findingsOf(failed('invalid_bill'), [])).toMatchObject([{ state: 'wrong' }]);
    expect(findingsOf({ ...failed('transient'), state: 'paused' }, [])).toMatchObject([{ state: 'wrong' }]);
  });
});
