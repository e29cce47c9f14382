/**
 * Cost and verified value of each pod since its start, month by month: benefit lags cost, so that a return of one window says little of a pod that
 * began in it. Successors carry what the pods they succeeded had. Closed months are as their statements froze them.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, compare, type Decimal, ratio, ZERO } from '../kernel/decimal.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { type DateRange, isStanding, listClosedMonths, openRanges } from '../periods/closed-months.ts';
import { spansOfOutcomes } from './month-values.ts';
import { type MonthAmount, podCostsByMonth } from './pod-costs.ts';
import type { PodScope } from './pod-scope.ts';
import { valueParts } from './pod-values.ts';
import type { ReportFrame } from './report-frame.ts';

export interface CumulativeValue {
  /** The first month with cost or verified value, `2026-09`. */
  readonly since: string;
  readonly cost: Decimal;
  readonly verified: Decimal;
  /** verified ÷ cost; null without either. */
  readonly return: string | null;
}

export interface ValueSinceStart {
  readonly cumulative: CumulativeValue;
  /** The first month after which what was verified is at least what was spent; null: not yet. */
  readonly paybackMonth: string | null;
}

/** The first day of the first month with cost or value, or that is closed: it keeps what it stated; null where there is none before that day. */
export async function firstMonth(db: Kysely<DB>, before: IsoDate): Promise<IsoDate | null> {
  const { rows } = await sql<{ first: IsoDate | null }>`
    select date_trunc('month', least((select min(charge_date) from pod_day), (select min(counted_from) from counted_schedule),
      (select min(charge_date) from statement_pod_day),
      (select min(period_start) from statement where ${isStanding('statement')}))::timestamp)::date as first`.execute(
    db,
  );
  const first = rows[0]?.first ?? null;
  return first === null || first >= before ? null : first;
}

/** By pod, up to the window's end. A pod for which some exchange rate is missing is missing too. */
export async function readValueSinceStart(
  db: Kysely<DB>,
  frame: ReportFrame,
  scope: PodScope,
): Promise<ReadonlyMap<string, ValueSinceStart>> {
  const start = await firstMonth(db, frame.windowEnd);
  if (start === null) return new Map();
  const window = { start, end: frame.windowEnd };
  const closed = await listClosedMonths(db, window);
  const whole: ReportFrame = { ...frame, period: { ...frame.period, ...window }, closed, statement: null };
  const costs = await podCostsByMonth(db, whole, scope);
  const verified = await readVerified(db, whole, scope);
  const missing = new Set([...costs, ...verified].filter((row) => row.is_missing).map((row) => row.pod_id));
  const costsOf = Map.groupBy(costs, (row) => row.pod_id);
  const verifiedOf = Map.groupBy(verified, (row) => row.pod_id);
  const ids = [...new Set([...costsOf.keys(), ...verifiedOf.keys()])].filter((podId) => !missing.has(podId));
  return new Map(ids.map((podId) => [podId, cumulate(costsOf.get(podId) ?? [], verifiedOf.get(podId) ?? [])]));
}

async function readVerified(db: Kysely<DB>, whole: ReportFrame, scope: PodScope): Promise<MonthAmount[]> {
  const months = openRanges(whole.period, whole.closed).flatMap(cutByMonth);
  const { tables, parts, isWanted } = valueParts(whole, { scope, spans: spansOfOutcomes(months), hasDays: true });
  const { rows } = await sql<MonthAmount>`
    with ${tables}
    select part.pod_id, date_trunc('month', part.on_date::timestamp)::date as month, trim_scale(coalesce(sum(part.amount), 0)) as amount,
      bool_or(part.is_missing) as is_missing
    from ${parts} as part where ${isWanted} and part.pod_id is not null and part.state = 'verified' and part.beside is null
    group by 1, 2 having sum(part.amount) <> 0 or bool_or(part.is_missing)`.execute(db);
  return rows;
}

function cutByMonth({ start, end }: DateRange): DateRange[] {
  const parts: DateRange[] = [];
  for (let from = start; from < end; from = monthOf(from).end) {
    parts.push({ start: from, end: monthOf(from).end < end ? monthOf(from).end : end });
  }
  return parts;
}

function cumulate(costs: readonly MonthAmount[], values: readonly MonthAmount[]): ValueSinceStart {
  const [costIn, verifiedIn] = [costs, values].map((rows) => new Map(rows.map((row) => [row.month, row.amount])));
  const months = [...new Set([...costs, ...values].map((row) => row.month))].sort();
  let [cost, verified] = [ZERO, ZERO];
  let paybackMonth: string | null = null;
  for (const month of months) {
    cost = add(cost, costIn?.get(month) ?? ZERO);
    verified = add(verified, verifiedIn?.get(month) ?? ZERO);
    if (compare(verified, ZERO) > 0 && compare(verified, cost) >= 0) paybackMonth ??= month.slice(0, 7);
  }
  const hasReturn = compare(cost, ZERO) > 0 && compare(verified, ZERO) !== 0;
  const since = months[0]?.slice(0, 7) ?? '';
  return { cumulative: { since, cost, verified, return: hasReturn ? ratio(verified, cost) : null }, paybackMonth };
}
