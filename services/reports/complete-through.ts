/**
 * Up to which charge date a period's figures are complete, and which of its months are final. An open period is cut where the
 * slowest source ends, so that its cost and its value cover the same days and its return is honest.
 */
import { addDays, type IsoDate, monthOf, type Period, utcDate } from '../kernel/period.ts';
import type { ReportFacts } from './report-facts.ts';

export interface Completeness {
  /** The last charge date complete in every source with a load in the period; null where not even the first day is. */
  readonly through: IsoDate | null;
  /** The earliest, over these sources, of the instant their data reaches; null without a load. RFC 3339. */
  readonly dataAsOf: string | null;
  /**
   * The months of the period (`YYYY-MM-01`) whose cost is still an estimate: a source with data in them has a load that is not final by
   * its invoice ids, and its time to settle is not over.
   */
  readonly openMonths: readonly IsoDate[];
}

/**
 * A day is complete in a source where its usage reaches the next midnight UTC. A period that is over is complete to its last day;
 * in an open one no day is complete before it has ended.
 */
export function completenessOf(
  { deliveries, estimates }: Pick<ReportFacts, 'deliveries' | 'estimates'>,
  period: Period,
  at: Date,
): Completeness {
  const reaches: IsoDate[] = [];
  const instants: string[] = [];
  for (const loads of Map.groupBy(deliveries, (load) => load.sourceId).values()) {
    const inPeriod = loads.filter(({ start, end }) => start < period.end && end > period.start);
    if (inPeriod.length === 0) continue;
    const through = loads
      .flatMap(({ completeThrough }) => completeThrough ?? [])
      .sort()
      .at(-1);
    if (through !== undefined) reaches.push(through);
    const dataAsOf = inPeriod
      .flatMap((load) => load.dataAsOf ?? [])
      .sort()
      .at(-1);
    if (dataAsOf !== undefined) instants.push(dataAsOf);
  }
  const now = at.toISOString();
  const openMonths = estimates
    .filter(({ month, settlesAt }) => settlesAt > now && month < period.end && monthOf(month).end > period.start)
    .map(({ month }) => month);
  const rest = { dataAsOf: instants.sort()[0] ?? null, openMonths };
  const lastDay = addDays(period.end, -1);
  const today = utcDate(at);
  if (period.end <= today) return { through: lastDay, ...rest };
  const through = [lastDay, addDays(today, -1), ...reaches].sort()[0] ?? lastDay;
  return { through: through < period.start ? null : through, ...rest };
}
