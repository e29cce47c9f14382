/** The last day that is complete for drift: delivered whole by the furthest source, and by every source that is expected. */
import type { SourceReach } from '../envelopes/data-freshness.ts';
import { addDays, type IsoDate, utcDate } from '../kernel/period.ts';

/** Null before any day is. A source that has delivered nothing yet has no cost in any day, so that nothing waits for it. */
export function lastCompleteDay(sources: readonly SourceReach[]): IsoDate | null {
  const reaches = sources.flatMap(({ usageUntil, expectEveryMs }) =>
    usageUntil === null ? [] : [{ day: addDays(utcDate(usageUntil), -1), isExpected: expectEveryMs !== null }],
  );
  const furthest = reaches
    .map(({ day }) => day)
    .sort()
    .at(-1);
  if (furthest === undefined) return null;
  return [furthest, ...reaches.filter(({ isExpected }) => isExpected).map(({ day }) => day)].sort()[0] ?? null;
}
