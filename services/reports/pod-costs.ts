/**
 * Cost per pod of a window of charge dates, from pod_day and, for closed days, from their statements, in one currency: direct, its share of split cost, and how much of both
 * lies in months that are not final. The row without a pod is the unattributed cost. Every sum is exact.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { podDayRows, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { handedOn, isInPortfolio, type PodScope } from './pod-scope.ts';
import { METRIC_COLUMNS, openDays, type ReportFrame } from './report-frame.ts';

export interface PodCost {
  readonly podId: string | null;
  readonly direct: Decimal;
  readonly shared: Decimal;
  readonly total: Decimal;
  readonly estimated: Decimal;
}

interface PodCostRow {
  readonly pod_id: string | null;
  readonly direct: Decimal;
  readonly shared: Decimal;
  readonly total: Decimal;
  readonly estimated: Decimal;
  readonly missing: number;
}

/**
 * Reads pod_day by its key, which begins with the charge date (10 pods, a quarter, 3 currencies: about 5,000 rows).
 * @throws AppError missing_exchange_rate naming the first date and pair.
 */
export async function readPodCosts(
  db: Kysely<DB>,
  frame: ReportFrame,
  openMonths: readonly IsoDate[],
  scope: PodScope = {},
): Promise<PodCost[]> {
  const metric = sql.ref(`day.${METRIC_COLUMNS[frame.costMetric]}`);
  const hasStatement = frame.closed.length > 0;
  const rate = rateOf(hasStatement);
  const days = podDayRows({ open: openDays(frame), closed: frame.closed });
  const joins = rateJoins(
    { alias: 'day', currency: 'billing_currency', date: 'charge_date', hasStatement },
    frame.currency,
  );
  const statement = hasStatement ? sql`day.statement_id` : sql`null::integer`;
  const window = sql`day.charge_date >= ${frame.period.start} and day.charge_date < ${frame.windowEnd} and day.kind <> 'owned'
    and ${isInPortfolio(scope, { podId: 'day.pod_id', date: 'day.charge_date', statement })}`;
  const summed = handedOn(scope, { from: 'summed', columns: ['kind', 'is_open', 'missing'], amount: 'converted' });
  // Each figure is added up once, by pod, kind and finality; the few sums are then arranged: half the time of four filtered sums.
  const { rows } = await sql<PodCostRow>`
    with summed as (
      select day.pod_id, day.kind, ${isOpenSql(openMonths)} as is_open,
        sum(case when day.billing_currency = ${frame.currency} then ${metric} else ${metric} * ${rate} end) as converted,
        (count(*) filter (where day.billing_currency <> ${frame.currency} and ${rate} is null))::int as missing
      from ${days} as day ${joins}
        and conversion.on_date >= ${frame.period.start} and conversion.on_date < ${frame.windowEnd}
      where ${window}
      group by day.pod_id, day.kind, is_open
    )
    select pod_id,
      trim_scale(coalesce(sum(converted) filter (where kind = 'direct'), 0)) as direct,
      trim_scale(coalesce(sum(converted) filter (where kind = 'shared'), 0)) as shared,
      trim_scale(coalesce(sum(converted), 0)) as total,
      trim_scale(coalesce(sum(converted) filter (where is_open), 0)) as estimated,
      sum(missing)::int as missing
    from ${summed} as summed group by pod_id
  `.execute(db);
  if (rows.some((row) => row.missing > 0)) {
    const need = sql`select day.billing_currency as from_currency, day.charge_date as on_date from ${days} as day ${joins}
      where ${window} and ${rate} is null`;
    await requireConversionRates(db, { need, to: frame.currency });
  }
  return rows.map(({ pod_id, direct, shared, total, estimated }) => ({
    podId: pod_id,
    direct,
    shared,
    total,
    estimated,
  }));
}

/** Whether the charge date lies in one of the months; neighbouring months are one range, so there is hardly ever more than one. */
function isOpenSql(openMonths: readonly IsoDate[]): RawBuilder<unknown> {
  const ranges: { start: IsoDate; end: IsoDate }[] = [];
  for (const month of openMonths) {
    const { end } = monthOf(month);
    const last = ranges.at(-1);
    if (last?.end === month) last.end = end;
    else ranges.push({ start: month, end });
  }
  if (ranges.length === 0) return sql`false`;
  const tests = ranges.map(({ start, end }) => sql`(day.charge_date >= ${start} and day.charge_date < ${end})`);
  return sql`(${sql.join(tests, sql` or `)})`;
}
