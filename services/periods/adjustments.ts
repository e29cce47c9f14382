/**
 * The prior-period adjustments of a period, line by line: what each corrects, where it is booked, and why. Closed months have booked theirs;
 * those that no statement has booked yet stand in the first open month and will be booked when it closes.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { type ReportPeriod, type ReportRequest, readReportFrame, reportPeriod } from '../reports/report-frame.ts';
import { type AdjustmentTotals, adjustmentTotals } from './adjustment-totals.ts';
import { type AdjustmentCauses, readBookedCauses, readCauses } from './adjustment-causes.ts';
import { findAdjustingMonth, isStanding } from './closed-months.ts';
import { ADJUSTMENT_COLUMNS } from './drift.ts';
import { openAdjustments } from './pod-adjustments.ts';

interface AdjustedMoney {
  readonly currency: string;
  readonly billedCost: Decimal;
  readonly effectiveCost: Decimal;
  readonly listCost: Decimal;
  readonly contractedCost: Decimal;
  /** Of recognised value. */
  readonly amount: Decimal;
}

export interface AdjustmentLine extends AdjustedMoney {
  /** The month it is shown and booked in. */
  readonly bookedIn: string;
  /** The statement that booked it; null while that month is open. */
  readonly statementId: string | null;
  /** The closed month it corrects, and that month's statement. */
  readonly adjusts: string;
  readonly adjustedStatementId: string;
  /** Null: unattributed. */
  readonly podId: string | null;
  readonly kind: 'direct' | 'shared' | 'value-verified' | 'value-claimed';
  readonly outcomeId: string | null;
  /** The basis of value that never enters the return. */
  readonly beside: string | null;
  /** The same in the reporting currency; a rate that moved shows only here. */
  readonly reported: AdjustedMoney;
}

export interface AdjustedMonth {
  readonly bookedIn: string;
  readonly adjusts: string;
  readonly adjustedStatementId: string;
  readonly causes: AdjustmentCauses;
}

export interface Adjustments {
  readonly period: ReportPeriod;
  /** The first open month: where corrections are shown now and will be booked; null while nothing is closed. */
  readonly adjustingMonth: string | null;
  readonly lines: readonly AdjustmentLine[];
  /** Of the lines, in their reporting currencies. */
  readonly totals: readonly AdjustmentTotals[];
  readonly months: readonly AdjustedMonth[];
}

const NO_CAUSES: AdjustmentCauses = { loads: [], rulebook: null, outcomes: [], rates: [] };
const MONEY = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost', 'amount'] as const;
const NAMES = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost', 'amount'] as const;

/**
 * The adjustments booked by closed months that lie in the period, and the open ones where the period contains the month they stand in.
 * @throws AppError invalid_period, missing_exchange_rate.
 */
export async function adjustments(db: Kysely<DB>, request: ReportRequest): Promise<Adjustments> {
  const frame = await readReportFrame(db, request);
  const { start, end } = frame.period;
  const booked = sql`
    select booking.period_id as booked_in, adjustment.*
    from (select statement_id, ${ADJUSTMENT_COLUMNS} from statement_adjustment) as adjustment
    join statement as booking on booking.id = adjustment.statement_id
    where booking.kind = 'month' and booking.period_start >= ${start}::date and booking.period_end <= ${end}::date
      and ${isStanding('booking')}`;
  const adjusting = await findAdjustingMonth(db);
  const isOpenShown = adjusting !== null && adjusting.start >= start && adjusting.end <= end;
  const open = isOpenShown ? await openAdjustments(db) : null;
  const all =
    open === null
      ? booked
      : sql`${booked} union all
    select ${adjusting?.periodId ?? ''}::text, null::integer, ${ADJUSTMENT_COLUMNS} from (${open}) as open`;
  const lines = await listAdjustmentLines(db, all);
  const openCauses = open === null ? new Map<number, AdjustmentCauses>() : await readCauses(db, open);
  const bookedCauses = await readBookedCauses(db);
  const months = new Map(lines.map((line) => [`${line.bookedIn} ${line.adjustedStatementId}`, line]));
  return {
    period: reportPeriod(frame),
    adjustingMonth: adjusting?.periodId ?? null,
    lines,
    totals: adjustmentTotals(lines),
    months: [...months.values()].map(({ bookedIn, statementId, adjusts, adjustedStatementId }) => ({
      bookedIn,
      adjusts,
      adjustedStatementId,
      causes:
        (statementId === null
          ? openCauses.get(Number(adjustedStatementId))
          : bookedCauses.get(`${statementId} ${adjustedStatementId}`)) ?? NO_CAUSES,
    })),
  };
}

/** Adds rows (booked_in, statement_id, ADJUSTMENT_COLUMNS) up over their days; lines that come to nothing are left out. */
export async function listAdjustmentLines(db: Kysely<DB>, rows: RawBuilder<unknown>): Promise<AdjustmentLine[]> {
  const sums = MONEY.map((column, index) => sql`${sumOf(column)} as ${sql.ref(NAMES[index] ?? '')}`);
  const reported = MONEY.map((column, index) => sql`${sql.lit(NAMES[index])}, ${sumOf(`reported_${column}`)}::text`);
  const moved = [...MONEY, ...MONEY.map((name) => `reported_${name}`)].map((name) => sql`sum(${sql.ref(name)}) <> 0`);
  const { rows: lines } = await sql<AdjustmentLine>`
    select booked_in as "bookedIn", statement_id::text as "statementId", adjusted.period_id as adjusts,
      adjusted.id::text as "adjustedStatementId", pod_id as "podId", line.kind, outcome_id::text as "outcomeId", beside,
      line.currency, ${sql.join(sums)}, json_build_object('currency', adjusted.currency, ${sql.join(reported)}) as reported
    from (${rows}) as line join statement as adjusted on adjusted.id = line.adjusted_statement_id
    group by booked_in, statement_id, adjusted.period_id, adjusted.id, pod_id, line.kind, outcome_id, beside, line.currency, adjusted.currency
    having ${sql.join(moved, sql` or `)}
    order by booked_in, adjusted.period_id, adjusted.id, pod_id collate "C" nulls last, line.kind, outcome_id, beside, line.currency collate "C"
  `.execute(db);
  return lines;
}

function sumOf(column: string): RawBuilder<unknown> {
  return sql`trim_scale(sum(${sql.ref(column)}))`;
}
