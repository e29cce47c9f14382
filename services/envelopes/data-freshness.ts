/**
 * How far the data reaches: per source from its published loads, and from that, for a period, what is late, complete or over.
 * Only a source with `expectEvery` can be late: nobody promised when the others deliver.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { addDays, type IsoDate, utcDate } from '../kernel/period.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** One source: how far its published loads reach, and how far those before the load at hand reached. */
export interface SourceReach {
  readonly sourceId: string;
  readonly expectEveryMs: number | null;
  /** The latest ChargePeriodStart of a usage line, and the latest ChargePeriodEnd. */
  readonly dataAsOf: Date | null;
  readonly usageUntil: Date | null;
  readonly earlierDataAsOf: Date | null;
  readonly earlierUsageUntil: Date | null;
}

export interface LateSource {
  readonly sourceId: string;
  /** Whole days behind; null where it has delivered nothing yet. */
  readonly daysBehind: number | null;
}

export interface Freshness {
  /** The latest data of any source. */
  readonly watermark: Date | null;
  /** The last charge date that the furthest source has delivered whole, within the period. */
  readonly through: IsoDate | null;
  readonly late: readonly LateSource[];
  readonly isLastDayComplete: boolean;
  /** Whether the loads before the one at hand had delivered the period's last day and data beyond it. */
  readonly hadEnded: boolean;
}

/** Every source that is in use or has delivered. `loadId` is the load whose publication is being evaluated, if one is. */
export async function readSourceReach(db: Kysely<DB>, loadId?: string): Promise<SourceReach[]> {
  const { rows } = await sql<{
    source_id: string;
    expect_every_seconds: number | null;
    data_as_of: Date | null;
    usage_until: Date | null;
    earlier_data_as_of: Date | null;
    earlier_usage_until: Date | null;
  }>`
    select source.id as source_id,
      extract(epoch from source.expect_every::interval)::double precision as expect_every_seconds,
      max(load.data_as_of) filter (where load.state = 'published') as data_as_of,
      max(load.usage_until) filter (where load.state = 'published') as usage_until,
      max(load.data_as_of) filter (where load.id is distinct from ${loadId ?? null}::bigint) as earlier_data_as_of,
      max(load.usage_until) filter (where load.id is distinct from ${loadId ?? null}::bigint) as earlier_usage_until
    from source
    left join load on load.source_id = source.id and load.published_at is not null
    where source.removed_at is null
    group by source.id
    order by source.id
  `.execute(db);
  return rows.map((row) => ({
    sourceId: row.source_id,
    expectEveryMs: row.expect_every_seconds === null ? null : row.expect_every_seconds * SECOND_MS,
    dataAsOf: row.data_as_of,
    usageUntil: row.usage_until,
    earlierDataAsOf: row.earlier_data_as_of,
    earlierUsageUntil: row.earlier_usage_until,
  }));
}

/** What the sources' reach means for one period at one instant. */
export function freshnessOf(
  sources: readonly SourceReach[],
  period: { readonly start: IsoDate; readonly end: IsoDate },
  at: Date,
): Freshness {
  const end = instantOf(period.end);
  const usageUntil = latest(sources.map((source) => source.usageUntil));
  const hasEnded = (until: (source: SourceReach) => Date | null) =>
    sources.some((source) => isAtLeast(until(source), end)) &&
    sources.every((source) => source.expectEveryMs === null || isAtLeast(until(source), end));
  return {
    watermark: latest(sources.map((source) => source.dataAsOf)),
    through: usageUntil === null ? null : lastWholeDay(usageUntil, period),
    late: sources.flatMap((source) => lateness(source, period, at, usageUntil)),
    isLastDayComplete: hasEnded((source) => source.usageUntil),
    hadEnded:
      hasEnded((source) => source.earlierUsageUntil) &&
      sources.some((source) => isAtLeast(source.earlierDataAsOf, end)),
  };
}

function lateness(
  source: SourceReach,
  period: { readonly start: IsoDate; readonly end: IsoDate },
  at: Date,
  furthest: Date | null,
): LateSource[] {
  if (source.expectEveryMs === null) return [];
  const expectedUntil = Math.min(at.getTime(), instantOf(period.end).getTime());
  const dueUntil = expectedUntil - source.expectEveryMs;
  if (source.usageUntil === null) {
    return dueUntil > instantOf(period.start).getTime() ? [{ sourceId: source.sourceId, daysBehind: null }] : [];
  }
  if (source.usageUntil.getTime() >= dueUntil) return [];
  const ahead =
    furthest === null || furthest <= source.usageUntil ? expectedUntil : Math.min(furthest.getTime(), expectedUntil);
  const daysBehind = Math.max(1, Math.floor((ahead - source.usageUntil.getTime()) / DAY_MS));
  return [{ sourceId: source.sourceId, daysBehind }];
}

/** Usage up to noon leaves that day unfinished; null where not one day of the period is whole. */
function lastWholeDay(usageUntil: Date, period: { readonly start: IsoDate; readonly end: IsoDate }): IsoDate | null {
  const day = addDays(utcDate(usageUntil), -1);
  if (day < period.start) return null;
  return day < period.end ? day : addDays(period.end, -1);
}

function latest(instants: readonly (Date | null)[]): Date | null {
  return instants.reduce((left, right) => (left === null || (right !== null && right > left) ? right : left), null);
}

function isAtLeast(instant: Date | null, other: Date): boolean {
  return instant !== null && instant >= other;
}

function instantOf(date: IsoDate): Date {
  return new Date(`${date}T00:00:00Z`);
}
