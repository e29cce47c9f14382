/** When a source is looked at next: cron in its own time zone, a jitter of its own, back-off, and a circuit that opens. */
import { describe, expect, test } from 'vitest';
import {
  type Attempts,
  afterBudget,
  afterFailure,
  FAILURES_TO_OPEN,
  nextDue,
} from '../../services/sources/next-run.ts';
import { readSchedule } from '../../services/sources/source-settings.ts';

const DAILY = { cron: '0 6 * * *', timeZone: 'Europe/Berlin', jitterMs: 0 };
const at = (text: string) => new Date(text);
const MINUTE_MS = 60_000;

describe('by schedule', () => {
  test('a source is due at its hour in its time zone, also where the clocks change', () => {
    expect(nextDue('aws', DAILY, at('2026-10-24T05:00:00Z'))).toEqual(at('2026-10-25T05:00:00Z'));
    expect(nextDue('aws', DAILY, at('2026-10-23T05:00:00Z'))).toEqual(at('2026-10-24T04:00:00Z'));
  });

  test('the jitter is the same every time, within its bound, and not that of another source', () => {
    const shifted = { ...DAILY, timeZone: 'UTC', jitterMs: 10 * MINUTE_MS };
    const offsets = ['aws', 'gcp', 'azure'].map((id) => {
      const days = ['2026-09-01T12:00:00Z', '2026-09-02T12:00:00Z'].map(
        (day) => nextDue(id, shifted, at(day)).getTime() % 86_400_000,
      );
      expect(new Set(days).size).toBe(1);
      return (days[0] ?? 0) - 6 * 60 * MINUTE_MS;
    });
    expect(new Set(offsets).size).toBe(3);
    expect(offsets.every((offset) => offset >= 0 && offset < 10 * MINUTE_MS)).toBe(true);
  });

  test('a run that ends before its shifted instant is not due again in the same slot', () => {
    const shifted = { cron: '0 * * * *', timeZone: 'UTC', jitterMs: 10 * MINUTE_MS };
    const first = nextDue('aws', shifted, at('2026-09-01T12:30:00Z'));
    const second = nextDue('aws', shifted, first);
    expect(second.getTime() - first.getTime()).toBe(60 * MINUTE_MS);
  });
});

test('a jitter may be written in weeks, as any duration', () => {
  const { jitterMs } = readSchedule('focus-files', { schedule: { jitter: 'P1W' } }) ?? { jitterMs: 0 };
  expect(jitterMs).toBe(7 * 24 * 60 * MINUTE_MS);
});

test('a budget that is used up waits for the next UTC day and opens no circuit', () => {
  const before: Attempts = { failures: 2, openSince: null };
  const midnight = at('2026-09-16T00:00:00Z');
  expect(afterBudget(before, at('2026-09-15T00:00:00Z'))).toEqual({ ...before, nextRunAt: midnight });
  expect(afterBudget(before, at('2026-09-15T23:59:59.999Z'))).toEqual({ ...before, nextRunAt: midnight });
});

describe('after failures', () => {
  const start: Attempts = { failures: 0, openSince: null };
  const fail = (before: Attempts, minute: number, retryAfterMs: number | null = null) =>
    afterFailure(before, { at: new Date(minute * MINUTE_MS), retryAfterMs });
  const pauseOf = (next: ReturnType<typeof fail>, minute: number) => next.nextRunAt.getTime() / MINUTE_MS - minute;

  test('it is tried again after 1, 2, 4 and 8 minutes, then its circuit opens for six hours at a time', () => {
    const pauses: number[] = [];
    let attempts: Attempts = start;
    for (let minute = 0; minute < 6; minute += 1) {
      const next = fail(attempts, minute);
      pauses.push(pauseOf(next, minute));
      attempts = next;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 360, 360]);
    expect(attempts).toMatchObject({ failures: 6, openSince: new Date((FAILURES_TO_OPEN - 1) * MINUTE_MS) });
  });

  test('the provider’s own Retry-After is waited for where it is longer', () => {
    expect(pauseOf(fail(start, 0, 30 * MINUTE_MS), 0)).toBe(30);
    expect(pauseOf(fail(start, 0, 1_000), 0)).toBe(1);
  });
});
