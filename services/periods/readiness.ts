/**
 * Whether a month may be closed: every source has delivered it, to its last day, and has had its last word on it. What stands in the way
 * is said source by source; finance may close over it with a reason, which the statement keeps. Of days before its first delivered
 * billing period nothing is expected of a source, so that a quarter in which the bills begin can be closed month by month.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { isFinalSql } from '../billing/load-finality.ts';
import { addDays, billingPeriodName, type IsoDate } from '../kernel/period.ts';
import type { DateRange } from './closed-months.ts';

/** A month is final this long after its end, where its source does not say otherwise. */
const SETTLE_AFTER_DEFAULT = 'P5D';

export interface SourceReadiness {
  readonly sourceId: string;
  /**
   * `notBegun`: the month lies before its first delivery. `missing`: no load covers it whole. `late`: usage does not reach its end.
   * `unsettled`: it may still move.
   */
  readonly state: 'ready' | 'notBegun' | 'missing' | 'late' | 'unsettled';
  /** The first billing period it delivered, such as 2026-08; null before any delivery. */
  readonly begins: string | null;
  /** A sentence with the fix; null where it is ready. */
  readonly obstacle: string | null;
}

interface SourceRow {
  readonly source_id: string;
  readonly begins_on: IsoDate | null;
  readonly begins_until: IsoDate | null;
  /** Days of the month from its beginning on. */
  readonly days: number;
  readonly covered: number;
  readonly usage_until: Date | null;
  readonly is_declared: boolean;
  readonly settled_at: Date;
  readonly is_settled: boolean;
}

/**
 * Every source of the month in the order of ids: the declared ones, and any other with a load of it. While none is declared, those that
 * have ever delivered count as declared, and before any delivery the source `files`.
 */
export async function readReadiness(db: Kysely<DB>, month: DateRange, at: Date): Promise<SourceReadiness[]> {
  const touching = sql`load.source_id = source.id and load.state = 'published'
    and load.billing_period_start < ${month.end}::date and load.billing_period_end > ${month.start}::date`;
  const { rows } = await sql<SourceRow>`
    select source.id as source_id, begins_on, begins_until,
      ${month.end}::date - greatest(${month.start}::date, begins_on) as days,
      (select count(*)::int from generate_series(greatest(${month.start}::date, begins_on), ${month.end}::date - 1, interval '1 day') as day
       where exists (select from load where ${touching} and billing_period_start <= day::date and billing_period_end > day::date)) as covered,
      (select max(usage_until) from load where load.source_id = source.id and load.state = 'published') as usage_until,
      ${isDeclared('source')} as is_declared, settled_at, settled_at <= ${at.toISOString()}::timestamptz
        or not exists (select from load where ${touching} and not ${isFinalSql('load')}) as is_settled
    from source
    left join lateral (
      select billing_period_start as begins_on, billing_period_end as begins_until from load
      where load.source_id = source.id and load.state in ('published', 'superseded')
      order by billing_period_start, billing_period_end limit 1) as first_load on true
    cross join lateral (select (${month.end}::date + coalesce(source.settle_after, ${SETTLE_AFTER_DEFAULT})::interval) at time zone 'UTC'
      as settled_at) as settling
    where exists (select from load where ${touching}) or ${isDeclared('source')}
      or (not exists (select from source as other where ${isDeclared('other')}) and (begins_on is not null
        or (source.id = 'files' and not exists (select from load where state in ('published', 'superseded')))))
    order by source.id collate "C"
  `.execute(db);
  return rows.map((row) => toReadiness(row, month));
}

function isDeclared(alias: string): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${alias}.${name}`);
  return sql<boolean>`(${column('removed_at')} is null and (${column('id')} <> 'files' or ${column('settings')} <> '{}'))`;
}

function toReadiness(row: SourceRow, month: DateRange): SourceReadiness {
  const { source_id: sourceId, begins_on: start, begins_until: end } = row;
  const begins = start === null || end === null ? null : billingPeriodName(start, end);
  const of = (state: SourceReadiness['state'], obstacle: string | null) => ({ sourceId, state, begins, obstacle });
  if (start !== null && start >= month.end) return of('notBegun', null);
  const name = `Source "${sourceId}"`;
  if (row.covered < row.days) {
    const missing =
      row.covered === 0 ? 'has no published load of it' : `has loads of ${row.covered} of its ${row.days} days only`;
    const otherwise = row.is_declared
      ? 'take the source out of the organisation file'
      : 'name the sources that do deliver in the organisation file';
    return of('missing', `${name} ${missing}. Ingest it, or ${otherwise}.`);
  }
  const lastDay = addDays(month.end, -1);
  if (row.usage_until === null || row.usage_until.toISOString().slice(0, 10) < month.end) {
    const reached: IsoDate | null = row.usage_until?.toISOString() ?? null;
    return of(
      'late',
      `${name} has usage up to ${reached ?? 'no day'} only, not to the end of ${lastDay}. Ingest its next delivery.`,
    );
  }
  if (!row.is_settled) {
    const settled = row.settled_at.toISOString();
    return of(
      'unsettled',
      `${name} may restate it until ${settled} (settleAfter), and its invoice is not issued. Close it then.`,
    );
  }
  return of('ready', null);
}
