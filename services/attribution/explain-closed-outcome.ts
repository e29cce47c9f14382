/**
 * What closed months say of an outcome, whatever became of it since: the figures that their statements froze, at the rates they froze, and the
 * corrections that lead from there to what is known now, booked or not yet.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { listAdjustmentLines } from '../periods/adjustments.ts';
import { type ClosedMonth, findAdjustingMonth, isStanding, liesIn } from '../periods/closed-months.ts';
import { isFrozenBy, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { ADJUSTMENT_COLUMNS, driftRows, readRevenueBasis } from '../periods/drift.ts';

/** Of one party in one closed month. */
export interface StatedValue {
  readonly periodId: string;
  readonly statementId: number;
  /** The outcome's version that was closed. */
  readonly version: number;
  /** Null: nobody's part. */
  readonly podId: string | null;
  readonly state: 'verified' | 'claimed';
  /** The name under which reports show it beside the return; null for what enters it. */
  readonly beside: string | null;
  /** In the outcome's currency of then; null without money. */
  readonly amount: string | null;
  readonly currency: string | null;
  /** In the reporting currency; null without money, and where a rate is missing. */
  readonly converted: string | null;
}

/** What a closed month's figure of the outcome was corrected by. */
export interface OutcomeCorrection {
  /** The month it is booked in, or will be. */
  readonly bookedIn: string;
  /** The statement that booked it; null while that month is open. */
  readonly statementId: string | null;
  /** The closed month it corrects. */
  readonly adjusts: string;
  readonly podId: string | null;
  readonly state: 'verified' | 'claimed';
  readonly beside: string | null;
  readonly amount: string;
  readonly currency: string;
  /** In the currency of the corrected statement, rates that moved included; null where a rate is missing. */
  readonly reported: { readonly currency: string; readonly amount: string | null };
}

interface Asked {
  readonly outcomeId: string;
  /** Cut to the days that are explained. */
  readonly closed: readonly ClosedMonth[];
}

/** By month and party, in their order. */
export async function readStatedValue(
  db: Kysely<DB>,
  asked: Asked & { readonly reportingCurrency: string },
): Promise<StatedValue[]> {
  const { outcomeId, closed, reportingCurrency } = asked;
  if (closed.length === 0) return [];
  const row = { alias: 'value', currency: 'currency', date: 'recognised_on', hasStatement: true };
  const rate = sql`case when value.currency = ${reportingCurrency} then 1 else ${rateOf(true)} end`;
  const { rows } = await sql<StatedValue>`
    select statement.period_id as "periodId", statement.id as "statementId", value.outcome_version as version, value.pod_id as "podId",
      value.state, value.beside, trim_scale(sum(value.amount))::text as amount, value.currency,
      case when bool_or(${rate} is null) then null else trim_scale(sum(value.amount * ${rate}))::text end as converted
    from (
      select * from statement_value where outcome_id = ${outcomeId}::bigint and ${isFrozenBy(closed, 'recognised_on')}
    ) as value join statement on statement.id = value.statement_id ${rateJoins(row, reportingCurrency)}
    group by statement.id, value.outcome_version, value.pod_id, value.state, value.beside, value.currency
    order by statement.period_start, value.pod_id collate "C" nulls last, value.state, value.beside
  `.execute(db);
  return rows;
}

/** The days on which statements recognise it, for their rates; the first `limit`. */
export async function readStatedDays(
  db: Kysely<DB>,
  { outcomeId, closed }: Asked,
  limit: number,
): Promise<{ date: IsoDate; currency: string; statementId: number }[]> {
  if (closed.length === 0) return [];
  const { rows } = await sql<{ date: IsoDate; currency: string; statementId: number }>`
    select distinct recognised_on as date, currency, statement_id as "statementId" from statement_value
    where outcome_id = ${outcomeId}::bigint and currency is not null and ${isFrozenBy(closed, 'recognised_on')}
    order by 1 limit ${limit}
  `.execute(db);
  return rows;
}

/** Of whole months, also as they were closed before a reissue: what standing statements booked, and what nothing has booked yet. */
export async function readCorrections(
  db: Kysely<DB>,
  { outcomeId, months }: { readonly outcomeId: string; readonly months: readonly ClosedMonth[] },
): Promise<OutcomeCorrection[]> {
  const adjusting = await findAdjustingMonth(db);
  if (months.length === 0 || adjusting === null) return [];
  const open = driftRows({ closed: months, of: [outcomeId] }, await readRevenueBasis(db));
  const lines = await listAdjustmentLines(
    db,
    sql`
      select booking.period_id as booked_in, booked.*
      from (
        select statement_id, ${ADJUSTMENT_COLUMNS} from statement_adjustment
        where outcome_id = ${outcomeId}::bigint and ${liesIn('adjusted_on', months)}
      ) as booked join statement as booking on booking.id = booked.statement_id
      where ${isStanding('booking')}
      union all
      select ${adjusting.periodId}::text, null::integer, ${ADJUSTMENT_COLUMNS} from (${open}) as open`,
  );
  return lines.map(({ kind, podId, beside, amount, currency, reported, ...booked }) => ({
    bookedIn: booked.bookedIn,
    statementId: booked.statementId,
    adjusts: booked.adjusts,
    podId,
    state: kind === 'value-verified' ? 'verified' : 'claimed',
    beside,
    amount,
    currency,
    reported: { currency: reported.currency, amount: reported.amount },
  }));
}
