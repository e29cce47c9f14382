/** The form of a job's payload: what was put in by this version or another is done only where it is what the handler expects. */
import { expect, test } from 'vitest';
import { JOBS, type JobName } from '../../jobs/catalog.ts';
import { fits } from '../../jobs/payload.ts';

const LOOK = { sourceId: 'aws', reason: 'request', mayDropAccounts: false };
const RANGE = { start: '2026-01-01', end: '2026-02-01' };

test.each<[JobName, unknown, boolean]>([
  ['reconcile', {}, true],
  ['reconcile', { loadId: '1' }, false],
  ['reconcile', null, false],
  ['reconcile', 'text', false],
  ['publish-load', { loadId: '12' }, true],
  ['publish-load', { loadId: 12 }, false],
  ['publish-load', { loadId: '1a' }, false],
  ['publish-load', {}, false],
  ['publish-load', { toString: 1, loadId: '12' }, false],
  ['stage-file', { loadId: '1', ordinal: 0 }, true],
  ['stage-file', { loadId: '1', ordinal: -1 }, false],
  ['stage-file', { loadId: '1', ordinal: 1.5 }, false],
  ['stage-file', { loadId: '1', ordinal: '0' }, false],
  ['sync-source', LOOK, true],
  ['sync-source', { ...LOOK, range: RANGE, requestId: 'asked' }, true],
  ['sync-source', { ...LOOK, range: { start: '2026-01-01' } }, false],
  ['sync-source', { ...LOOK, range: { ...RANGE, other: 1 } }, false],
  ['sync-source', { ...LOOK, range: null }, false],
  ['sync-source', { ...LOOK, reason: 'whim' }, false],
  ['sync-source', { ...LOOK, sourceId: '' }, false],
  ['sync-source', { ...LOOK, sourceId: 'x'.repeat(201) }, false],
  ['sync-source', { ...LOOK, mayDropAccounts: 'no' }, false],
])('%s with %j is taken: %s', (job, payload, isTaken) => {
  expect(fits(JOBS[job].payload, payload)).toBe(isTaken);
});
