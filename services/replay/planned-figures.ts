/**
 * What a planned file moves, pod by pod and month by month: the figures of today beside those under it, converted at the rates of today and
 * at the planned ones. What cannot be converted on either side stays in its billing currency. Costs of closed months move too, as
 * adjustments that an open month will book; their statements never do.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { METRIC_COLUMN } from '../attribution/check-conservation.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { listClosedMonths } from '../periods/closed-months.ts';

/** A figure now and as it would be. */
export interface Moved {
  readonly currency: string;
  readonly from: Decimal;
  readonly to: Decimal;
  /** to − from. */
  readonly difference: Decimal;
}

export interface PodMonthMoved extends Moved {
  /** Null: the unattributed cost. */
  readonly podId: string | null;
  /** `2026-09`. */
  readonly month: string;
  /** The statement that closed the month: it stays as it is, and the difference becomes an adjustment in the open month. */
  readonly statementId: number | null;
}

/** Prior-period adjustments that closing the next month would book for a pod, by the closed month. */
export interface PlannedAdjustment {
  readonly podId: string | null;
  readonly month: string;
  readonly statementId: number;
  readonly currency: string;
  readonly amount: Decimal;
}

export interface PlannedFigures {
  /** Those that differ, by month and pod; the biggest ones where there are too many. */
  readonly pods: readonly PodMonthMoved[];
  /** What the pods of the list leave to the totals: smaller differences, and what stays. */
  readonly others: readonly (Moved & { readonly rows: number; readonly changed: number })[];
  /** Everything, by currency: a change of rules alone moves cost between pods and never a total. */
  readonly totals: readonly Moved[];
  readonly adjustments: readonly PlannedAdjustment[];
}

const ROWS_MAX = 200;

/** Compares former_day with pod_day, or, where no attribution changed, with itself at other rates; planned_rate is there. */
export async function comparePodMonths(
  trx: Transaction<DB>,
  shown: { currency: string; costMetric: CostMetric; daysMoved: boolean },
): Promise<PlannedFigures> {
  const closed = await listClosedMonths(trx);
  await fillCells(trx, shown);
  const { rows } = await sql<PodMonthMoved>`
    select pod_id as "podId", cell.month, closed.statement_id as "statementId", ${moved(sql`cell`)}
    from planned_cell as cell
    left join unnest(${closed.map((month) => month.periodId)}::text[], ${closed.map((month) => month.statementId)}::integer[])
      as closed (month, statement_id) on closed.month = cell.month
    where from_cost <> to_cost
    order by abs(to_cost - from_cost) desc, cell.month, pod_id, currency limit ${ROWS_MAX}
  `.execute(trx);
  const listed = rows.toSorted(byMonthAndPod);
  return {
    pods: listed,
    others: await readOthers(trx, listed),
    totals: await readTotals(trx),
    adjustments: listed.flatMap(({ podId, month, statementId, currency, difference }) =>
      statementId === null ? [] : [{ podId, month, statementId, currency, amount: difference }],
    ),
  };
}

async function fillCells(
  trx: Transaction<DB>,
  { currency, costMetric, daysMoved }: { currency: string; costMetric: CostMetric; daysMoved: boolean },
): Promise<void> {
  const cost = sql.ref(`day.${METRIC_COLUMN[costMetric]}`);
  const converted = (rate: 'former' | 'planned') => sql`${cost} * coalesce(rate.${sql.ref(rate)}, 1)`;
  const side = (table: string, from: RawBuilder<unknown>, to: RawBuilder<unknown>) => sql`
    select day.pod_id, to_char(day.charge_date, 'YYYY-MM') as month,
      case when rate.on_date is null then day.billing_currency else ${currency} end as currency, ${from} as from_cost, ${to} as to_cost
    from ${sql.table(table)} as day
    left join planned_rate as rate on rate.billing_currency = day.billing_currency and rate.on_date = day.charge_date
    where day.kind <> 'owned'`;
  await sql`
    create temporary table planned_cell (pod_id text, month text, currency text, from_cost numeric, to_cost numeric) on commit drop
  `.execute(trx);
  await sql`
    insert into planned_cell
    select pod_id, month, currency, sum(from_cost), sum(to_cost) from (
      ${side('former_day', converted('former'), sql`0`)}
      union all
      ${side(daysMoved ? 'pod_day' : 'former_day', sql`0`, converted('planned'))}
    ) as both_sides group by pod_id, month, currency
  `.execute(trx);
}

function moved(cell: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${cell}.currency, trim_scale(${cell}.from_cost) as "from", trim_scale(${cell}.to_cost) as "to",
    trim_scale(${cell}.to_cost - ${cell}.from_cost) as difference`;
}

async function readTotals(db: Kysely<DB>): Promise<Moved[]> {
  const { rows } = await sql<Moved>`
    select ${moved(sql`total`)} from (
      select currency, sum(from_cost) as from_cost, sum(to_cost) as to_cost from planned_cell group by currency
    ) as total order by currency collate "C"
  `.execute(db);
  return rows;
}

async function readOthers(db: Kysely<DB>, listed: readonly PodMonthMoved[]): Promise<PlannedFigures['others']> {
  const keys = listed.map(({ podId, month, currency }) => ({ pod_id: podId, month, currency }));
  const { rows } = await sql<PlannedFigures['others'][number]>`
    select ${moved(sql`other`)}, other.rows, other.changed from (
      select currency, sum(from_cost) as from_cost, sum(to_cost) as to_cost, count(*)::int as rows,
        (count(*) filter (where from_cost <> to_cost))::int as changed
      from planned_cell as cell
      where not exists (
        select from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as listed (pod_id text, month text, currency text)
        where listed.month = cell.month and listed.currency = cell.currency and listed.pod_id is not distinct from cell.pod_id)
      group by currency
    ) as other order by currency collate "C"
  `.execute(db);
  return rows;
}

function byMonthAndPod(one: PodMonthMoved, other: PodMonthMoved): number {
  const key = ({ month, podId, currency }: PodMonthMoved) => `${month} ${podId ?? '\uffff'} ${currency}`;
  return key(one) < key(other) ? -1 : 1;
}
