/**
 * Platform pods have no return of their own: they make others possible. What is known of that in a period stands here by pod: whom they served,
 * by outcomes that name them and by shared cost that others carry of them. What nobody measured is "not assessed", never nothing. Of a closed
 * period it is what its statement's document has kept, where that has kept any.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type IsoDate, monthOf, monthsTouched, parsePeriod } from '../kernel/period.ts';
import { type DateRange, standingRows } from '../periods/closed-months.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';

/** A figure that needs data which nobody delivers yet. */
export interface NotAssessed {
  readonly value: null;
  readonly note: 'not assessed: no delivery data';
}

export interface ServedPod {
  readonly podId: string;
  /** Of its outcomes that count in the period, those that name the platform pod. */
  readonly outcomes: number;
  /** Whether it carries a share of cost that the platform pod answers for. */
  readonly carriesShare: boolean;
}

export interface EnablingPod {
  readonly podId: string;
  readonly name: string;
  readonly portfolio: string | null;
  readonly return: null;
  readonly returnNote: 'enabling';
  /** Outcomes that name it, each once however many pods share it. */
  readonly outcomes: number;
  readonly served: readonly ServedPod[];
  readonly timeToProductive: NotAssessed;
  readonly waitingRemoved: NotAssessed;
}

export interface EnablingReport {
  /** Of the statement that kept it; null: as now known. */
  readonly statementId: string | null;
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  readonly pods: readonly EnablingPod[];
}

const NOT_ASSESSED: NotAssessed = { value: null, note: 'not assessed: no delivery data' };

interface EnablingRow {
  readonly pod_id: string;
  readonly name: string;
  readonly portfolio: string | null;
  readonly outcomes: number;
  /** Names and counts, no money. */
  readonly served: readonly ServedPod[];
}

/** Every platform pod that was active in the period: as its statement kept it, else as now known. @throws AppError invalid_period */
export async function enablingReport(db: Kysely<DB>, request: { period: string }): Promise<EnablingReport> {
  const { id, start, end } = parsePeriod(request.period, await readFiscalCalendar(db));
  const period = { id, start, end };
  const { rows } = await sql<{ statementId: string; pods: readonly EnablingPod[] | null }>`
    select statement.id::text as "statementId", document::json -> 'enabling' as pods
    from (${standingRows()}) as standing join statement on statement.id = standing."statementId"
    where standing.start = ${start}::date and standing.end = ${end}::date
  `.execute(db);
  const kept = rows[0]?.pods ?? null;
  if (kept !== null) return { statementId: rows[0]?.statementId ?? null, period, pods: kept };
  return { statementId: null, period, pods: await readEnabling(db, period) };
}

/** The same as now known, whatever is kept. */
export async function readEnabling(db: Kysely<DB>, { start, end }: DateRange): Promise<EnablingPod[]> {
  const { rows } = await sql<EnablingRow>`
    with platform as (
      select id, name, portfolio_id from pod
      where kind = 'platform' and coalesce(active_from, '-infinity') < ${end}::date and coalesce(active_until, 'infinity') > ${start}::date
        and (removed_at is null or removed_at >= ${start}::date)
    )
    , named as (
      select distinct enabler.pod_id as platform_id, enabler.outcome_id
      from outcome_enabler as enabler join counted_schedule as counted using (outcome_id)
      where enabler.pod_id in (select id from platform) and counted.counted_from < ${end}::date and counted.counted_until > ${start}::date
    )
    , by_outcome as (
      select platform_id, share.pod_id, count(*)::int as outcomes
      from named join outcome_share as share using (outcome_id) group by platform_id, share.pod_id
    )
    , by_share as (
      select distinct owner_pod_id as platform_id, pod_id from (${carriedShares(start, end)}) as carried
      where pod_id is not null and owner_pod_id in (select id from platform)
    )
    , served as (
      select platform_id, pod_id, coalesce(outcomes, 0) as outcomes, by_share.pod_id is not null as carries_share
      from by_outcome full join by_share using (platform_id, pod_id) where pod_id <> platform_id
    )
    select platform.id as pod_id, platform.name, platform.portfolio_id as portfolio,
      (select count(*)::int from named where platform_id = platform.id) as outcomes,
      coalesce((select jsonb_agg(jsonb_build_object('podId', pod_id, 'outcomes', outcomes, 'carriesShare', carries_share) order by pod_id)
        from served where platform_id = platform.id), '[]') as served
    from platform order by platform.id
  `.execute(db);
  return rows.map(
    ({ pod_id: podId, name, portfolio, outcomes, served }): EnablingPod => ({
      podId,
      name,
      portfolio,
      return: null,
      returnNote: 'enabling',
      outcomes,
      served,
      timeToProductive: NOT_ASSESSED,
      waitingRemoved: NOT_ASSESSED,
    }),
  );
}

/** Who carries what of whom: whole months from their sums, a month in part from its days. Each rule has one owner in a month. */
function carriedShares(start: IsoDate, end: IsoDate) {
  const months = monthsTouched(start, end);
  const whole = months.filter((month) => month >= start && monthOf(month).end <= end);
  const days = months
    .filter((month) => !whole.includes(month))
    .map((month) => ({
      from: month < start ? start : month,
      until: monthOf(month).end > end ? end : monthOf(month).end,
    }));
  const none = { from: start, until: start };
  const [head, tail] = [days[0] ?? none, days[1] ?? none];
  return sql`
    select owner_pod_id, pod_id
    from (select distinct charge_month, rule_id, pod_id from shared_month where charge_month = any(${whole}::date[])) as carried
    join (
      select charge_month, rule_id, (select owner_pod_id from shared_cost
        where charge_date >= charge_month and charge_date < charge_month + interval '1 month' and shared_cost.rule_id = rule.rule_id limit 1) as owner_pod_id
      from (select distinct charge_month, rule_id from shared_month where charge_month = any(${whole}::date[])) as rule
    ) as owner using (charge_month, rule_id)
    union
    select owner_pod_id, pod_id from shared_cost
    where (charge_date >= ${head.from}::date and charge_date < ${head.until}::date)
      or (charge_date >= ${tail.from}::date and charge_date < ${tail.until}::date)`;
}
