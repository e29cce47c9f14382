/**
 * Why an outcome counts as it does: what was stated and verified by whom, what each month recognises of its schedule and at which
 * rates, whose it is by basis points, and whether it enters the return or stands beside, all as now known; and beside it what closed months
 * say of it, with the corrections between the two.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate, Period } from '../kernel/period.ts';
import { COUNTED_STATES, isClaim } from '../outcomes/outcome.ts';
import { listOutcomes, type OutcomeView } from '../outcomes/list-outcomes.ts';
import { listClosedMonths } from '../periods/closed-months.ts';
import { besideSql } from '../reports/value-basis.ts';
import {
  type OutcomeCorrection,
  readCorrections,
  readStatedDays,
  readStatedValue,
  type StatedValue,
} from './explain-closed-outcome.ts';
import { type ExplainedRate, readRates } from './explain-sources.ts';
import { daysOf, uncountedDaysOf } from './outcome-days.ts';

export interface ExplainedMonth {
  /** `2026-09`. */
  readonly month: string;
  /** The first and the last recognised day. */
  readonly from: IsoDate;
  readonly through: IsoDate;
  readonly days: number;
  /** In the outcome's currency, exact. */
  readonly amount: string;
  /** In the reporting currency, each day at its own rate; null where a rate is missing. */
  readonly converted: string | null;
}

/**
 * What became of one row of the schedule; a row whose review comes due in the middle counts in two. What is rejected of a row counts nowhere, and
 * nothing of an outcome that is out of what counts does.
 */
export interface ExplainedRow {
  readonly ordinal: number;
  readonly state: 'verified' | 'claimed' | 'rejected' | 'not_counted';
  readonly from: IsoDate;
  readonly through: IsoDate;
  readonly amount: string;
  readonly converted: string | null;
}

export interface ExplainedPart {
  /** Null: shared out to nobody. */
  readonly podId: string | null;
  readonly basisPoints: number;
  readonly amount: string | null;
  readonly converted: string | null;
}

export interface OutcomeExplanation {
  readonly subject: 'outcome';
  readonly outcome: OutcomeView;
  /** Every version, the first first. */
  readonly versions: readonly {
    version: number;
    state: string;
    act: string;
    reason: string | null;
    at: string;
    principal: string;
  }[];
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate } | null;
  readonly reportingCurrency: string;
  /** in_return: verified and of a basis that enters it. claimed: would enter it once verified. beside: of another basis. */
  readonly standing: 'in_return' | 'claimed' | 'beside' | 'not_counted';
  /** The name under which reports show it beside the return; null for what enters it. */
  readonly beside: string | null;
  readonly months: readonly ExplainedMonth[];
  readonly rows: readonly ExplainedRow[];
  readonly amount: string | null;
  readonly converted: string | null;
  readonly parts: readonly ExplainedPart[];
  /** Of the recognised days, where the outcome is in another currency; the first 400. */
  readonly rates: readonly ExplainedRate[];
  readonly closed: readonly { readonly periodId: string; readonly statementId: number }[];
  /** As those statements have it. */
  readonly stated: readonly StatedValue[];
  /** Of the closed months. */
  readonly corrections: readonly OutcomeCorrection[];
}

interface Standing {
  readonly reportingCurrency: string;
  readonly beside: string | null;
}

const RATES_MAX = 400;
const OUTCOME_ID = /^\d{1,18}$/;

/**
 * Explains an outcome, in a period or over its whole schedule.
 * @throws AppError not_found.
 */
export async function explainOutcome(
  db: Kysely<DB>,
  outcomeId: string,
  period: Period | null,
): Promise<OutcomeExplanation> {
  const outcome = OUTCOME_ID.test(outcomeId)
    ? (await listOutcomes(db, { outcomeId, limit: 1 })).outcomes[0]
    : undefined;
  if (outcome === undefined) {
    throw new AppError(
      'not_found',
      `There is no outcome ${outcomeId}. GET /api/v1/outcomes lists them with their ids.`,
    );
  }
  const { reportingCurrency, beside } = await readStanding(db, outcomeId);
  const { rows: months } = await sql<ExplainedMonth>`
    select to_char(on_date, 'YYYY-MM') as month, min(on_date) as "from", max(on_date) as through, count(distinct on_date)::int as days,
      trim_scale(sum(amount))::text as amount,
      case when bool_or(rate is null) then null else trim_scale(sum(amount * rate))::text end as converted
    from ${daysOf(outcomeId, period, reportingCurrency)} as day group by 1 order by 1`.execute(db);
  const { rows } = await sql<ExplainedRow>`
    select ordinal, state, min(on_date) as "from", max(on_date) as through, trim_scale(sum(amount))::text as amount,
      case when bool_or(rate is null) then null else trim_scale(sum(amount * rate))::text end as converted
    from (
      select ordinal, state, on_date, amount, rate from ${daysOf(outcomeId, period, reportingCurrency)} as counted
      union all select * from ${uncountedDaysOf(outcomeId, period, reportingCurrency)} as uncounted
    ) as day group by ordinal, state order by ordinal, "from", state desc`.execute(db);
  const { rows: days } = await sql<{ date: IsoDate; currency: string }>`
    select distinct on_date as date, currency from ${daysOf(outcomeId, period, reportingCurrency)} as day
    order by 1 limit ${RATES_MAX}`.execute(db);
  const { rows: parts } = await sql<ExplainedPart>`
    with recognised as (
      select sum(amount) as amount, case when bool_or(rate is null) then null else sum(amount * rate) end as converted
      from ${daysOf(outcomeId, period, reportingCurrency)} as day
    ), share as (
      select pod_id, basis_points from outcome_share where outcome_id = ${outcomeId}::bigint
      union all select null, unattributed_basis_points from outcome where id = ${outcomeId}::bigint and unattributed_basis_points > 0
    )
    select pod_id as "podId", basis_points as "basisPoints", trim_scale(amount * basis_points * 0.0001)::text as amount,
      trim_scale(converted * basis_points * 0.0001)::text as converted
    from share cross join recognised order by pod_id nulls last`.execute(db);
  const { rows: versions } = await sql<OutcomeExplanation['versions'][number]>`
    select version, state, act, reason, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, principal
    from outcome_version where outcome_id = ${outcomeId}::bigint order by version`.execute(db);
  const { rows: totals } = await sql<{ amount: string | null; converted: string | null }>`
    select trim_scale(sum(amount))::text as amount,
      case when bool_or(rate is null) then null else trim_scale(sum(amount * rate))::text end as converted
    from ${daysOf(outcomeId, period, reportingCurrency)} as day`.execute(db);
  const closed = await listClosedMonths(db, period ?? undefined);
  const stated = await readStatedValue(db, { outcomeId, closed, reportingCurrency });
  const keeping = new Set(stated.map(({ statementId }) => statementId));
  const first = months[0]?.month;
  const last = months.at(-1)?.month;
  const isTouched = (id: string) => first !== undefined && last !== undefined && id >= first && id <= last;
  const touched = closed.filter(({ periodId, statementId }) => isTouched(periodId) || keeping.has(statementId));
  const statedDays = await readStatedDays(db, { outcomeId, closed }, RATES_MAX);
  const isStated = new Set(statedDays.map(({ date, currency }) => `${date} ${currency}`));
  const openDays = days.filter(({ date, currency }) => !isStated.has(`${date} ${currency}`));
  const whole = new Set(touched.map(({ statementId }) => statementId));
  const wholeMonths = (await listClosedMonths(db)).filter(({ statementId }) => whole.has(statementId));
  return {
    subject: 'outcome',
    outcome,
    versions,
    period: period === null ? null : { id: period.id, start: period.start, end: period.end },
    reportingCurrency,
    standing: standingOf(outcome.state, beside),
    beside,
    months,
    rows,
    amount: totals[0]?.amount ?? null,
    converted: totals[0]?.converted ?? null,
    parts,
    rates: (await readRates(db, [...statedDays, ...openDays])).slice(0, RATES_MAX),
    closed: touched.map(({ periodId, statementId }) => ({ periodId, statementId })),
    stated,
    corrections: await readCorrections(db, { outcomeId, months: wholeMonths }),
  };
}

async function readStanding(db: Kysely<DB>, outcomeId: string): Promise<Standing> {
  const { rows } = await sql<Standing>`
    select organisation.reporting_currency as "reportingCurrency",
      case organisation.revenue_basis when 'gross' then ${besideSql('gross')} else ${besideSql('margin')} end as beside
    from outcome cross join organisation where outcome.id = ${outcomeId}::bigint`.execute(db);
  const [standing] = rows;
  if (standing === undefined) throw new Error('the organisation row is missing; the migrations insert it');
  return standing;
}

function standingOf(state: string, beside: string | null): OutcomeExplanation['standing'] {
  if (!COUNTED_STATES.includes(state)) return 'not_counted';
  if (beside !== null) return 'beside';
  return isClaim(state) ? 'claimed' : 'in_return';
}
