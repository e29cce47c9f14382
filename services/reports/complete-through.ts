/**
 * Up to which charge date a period's figures are complete, and which of its months are final. An open period is cut where the
 * slowest source ends, so that its cost and its value cover the same days and its return is honest.
 */
import { type Kysely, sql } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { isFinalSql } from '../billing/load-finality.ts';
import { addDays, type IsoDate, monthOf, type Period, utcDate } from '../kernel/period.ts';

/** A month is final this long after its end, where its source does not say otherwise. */
const SETTLE_AFTER_DEFAULT = 'P5D';

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

interface DeliveredRow {
  readonly complete_through: IsoDate | null;
  readonly data_as_of: Date | null;
  readonly open_months: IsoDate[];
}

/**
 * A day is complete in a source where its usage reaches the next midnight UTC. A period that is over is complete to its last day;
 * in an open one no day is complete before it has ended.
 */
export async function readCompleteness(db: Kysely<DB>, period: Period, at: Date): Promise<Completeness> {
  const { rows } = await sql<DeliveredRow>`${PREPARED}
    select min((usage_until at time zone 'UTC')::date - 1) as complete_through, min(data_as_of) as data_as_of,
      array(
        select distinct month from unnest(${monthsOf(period)}::date[]) as month
        join load on load.state = 'published' and load.billing_period_start < month + interval '1 month' and load.billing_period_end > month
        join source on source.id = load.source_id
        where not ${isFinalSql('load')}
          and month + interval '1 month' + coalesce(source.settle_after, ${SETTLE_AFTER_DEFAULT})::interval
            > ${at.toISOString()}::timestamptz
        order by month
      ) as open_months
    from (
      select max(usage_until) as usage_until,
        max(data_as_of) filter (where billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date) as data_as_of
      from load where state = 'published' group by source_id
      having bool_or(billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date)
    ) as delivered
  `.execute(db);
  const [delivered] = rows;
  const dataAsOf = delivered?.data_as_of?.toISOString() ?? null;
  const openMonths = delivered?.open_months ?? [];
  const lastDay = addDays(period.end, -1);
  const today = utcDate(at);
  if (period.end <= today) return { through: lastDay, dataAsOf, openMonths };
  const through = [lastDay, addDays(today, -1), delivered?.complete_through ?? lastDay].sort()[0] ?? lastDay;
  return { through: through < period.start ? null : through, dataAsOf, openMonths };
}

/** The months that the period touches. */
function monthsOf({ start, end }: Period): IsoDate[] {
  const months: IsoDate[] = [];
  for (let month = monthOf(start); month.start < end; month = monthOf(month.end)) months.push(month.start);
  return months;
}
