/**
 * Recognised value per pod of a window of days, in one currency. Outcomes are recognised once, by day, each day at its own rate,
 * and then split by basis points: all parts and the unattributed rest add up to the whole exactly. What one pod may not see of
 * another's share (row-level security) is in no sum of its report.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import { add, type Decimal, ZERO } from '../kernel/decimal.ts';
import type { ReportFrame } from './report-frame.ts';

export interface RecognisedValue {
  /** Of the bases that enter the return. */
  readonly verified: Decimal;
  readonly claimed: Decimal;
  /** Outcomes of any basis recognised in the window; those without money count on the day of their delivery. */
  readonly verifiedOutcomes: number;
  readonly claimedOutcomes: number;
  /** Of the bases that never enter it, by basis, verified and claimed together; revenue of the other kind is `revenue_gross`. */
  readonly beside: Readonly<Record<string, Decimal>>;
  /** The verified part of `beside`. */
  readonly besideVerified: Readonly<Record<string, Decimal>>;
}

export interface RecognisedValues {
  readonly byPod: ReadonlyMap<string, RecognisedValue>;
  readonly unattributed: RecognisedValue;
  /** Each outcome once, not a sum of pods. */
  readonly total: RecognisedValue;
}

interface ValueRow {
  readonly party: 'pod' | 'unattributed' | 'total';
  readonly pod_id: string | null;
  readonly state: 'verified' | 'claimed';
  /** Null for bases that enter the return. */
  readonly beside: string | null;
  readonly amount: Decimal | null;
  readonly outcomes: number;
  readonly is_missing: boolean;
}

const NOTHING: RecognisedValue = {
  verified: ZERO,
  claimed: ZERO,
  verifiedOutcomes: 0,
  claimedOutcomes: 0,
  beside: {},
  besideVerified: {},
};

/**
 * Reads outcomes whose schedule or delivery touches the window (outcome_schedule_recognised_from_idx, outcome_delivered_on_idx).
 * @throws AppError missing_exchange_rate naming the first date and pair.
 */
export async function readRecognisedValues(db: Kysely<DB>, frame: ReportFrame): Promise<RecognisedValues> {
  const { rows } = await sql<ValueRow>`
    with recognised as materialized (
      select outcome_id, sum(amount) as amount, bool_or(is_missing) as is_missing from (
        select scheduled.outcome_id, ${recognisedBetween('scheduled', sql`span.first_day`, sql`span.end_day`)} as amount, false as is_missing
        from outcome join outcome_schedule as scheduled on scheduled.outcome_id = outcome.id cross join lateral (${spanOf(frame)}) as span
        where outcome.state in ('verified', 'claimed') and outcome.currency = ${frame.currency} and ${touches(frame)}
        union all
        select outcome_id, amount * rate, rate is null from (${recognisedDays(frame)}) as day
      ) as part group by outcome_id
      union all
      select id, null, false from outcome
      where state in ('verified', 'claimed') and amount is null
        and delivered_on >= ${frame.period.start} and delivered_on < ${frame.windowEnd}
    ), counted as (
      select recognised.outcome_id, outcome.state, recognised.amount, recognised.is_missing, outcome.unattributed_basis_points,
        case
          when outcome.basis = 'cost_reduction' then null
          when outcome.basis <> 'revenue' then outcome.basis
          when outcome.gross_or_margin = 'gross' and ${frame.revenueBasis} <> 'gross' then 'revenue_gross'
        end as beside
      from recognised join outcome on outcome.id = recognised.outcome_id
    ), part as (
      select 'pod' as party, share.pod_id, counted.*, share.basis_points
      from counted join outcome_share as share using (outcome_id)
      union all
      select 'unattributed', null, counted.*, unattributed_basis_points from counted where unattributed_basis_points > 0
    )
    select party, pod_id, state, beside, trim_scale(sum(amount * basis_points * 0.0001)) as amount, count(*)::int as outcomes,
      bool_or(is_missing) as is_missing
    from part group by party, pod_id, state, beside
    union all
    select 'total', null, state, beside, trim_scale(sum(amount * basis_points * 0.0001)), count(distinct outcome_id)::int, bool_or(is_missing)
    from part group by state, beside
  `.execute(db);
  if (rows.some((row) => row.is_missing)) {
    await requireConversionRates(db, { need: recognisedDays(frame), to: frame.currency });
  }
  return collect(rows);
}

/** One row per outcome and day recognised in the window, for outcomes in another currency; `rate` is null where it is missing. */
function recognisedDays(frame: ReportFrame): RawBuilder<unknown> {
  return sql`
    select outcome.id as outcome_id, outcome.currency as from_currency, day::date as on_date, conversion.rate,
      ${recognisedBetween('scheduled', sql`day::date`, sql`day::date + 1`)} as amount
    from outcome join outcome_schedule as scheduled on scheduled.outcome_id = outcome.id cross join lateral (${spanOf(frame)}) as span
    cross join generate_series(span.first_day, span.end_day - 1, interval '1 day') as day
    left join conversion_rate as conversion on conversion.to_currency = ${frame.currency} and conversion.on_date = day::date
      and conversion.from_currency = outcome.currency
    where outcome.state in ('verified', 'claimed') and outcome.currency <> ${frame.currency} and ${touches(frame)}
  `;
}

function spanOf(frame: ReportFrame): RawBuilder<unknown> {
  return sql`select greatest(scheduled.recognised_from, ${frame.period.start}::date) as first_day,
    least(scheduled.recognised_until, ${frame.windowEnd}::date) as end_day`;
}

function touches(frame: ReportFrame): RawBuilder<unknown> {
  return sql`scheduled.recognised_from < ${frame.windowEnd}::date and scheduled.recognised_until > ${frame.period.start}::date`;
}

/** What a schedule row recognises from one day up to, not including, another: the difference of two running amounts. */
function recognisedBetween(row: string, from: RawBuilder<unknown>, until: RawBuilder<unknown>): RawBuilder<unknown> {
  const start = sql.ref(`${row}.recognised_from`);
  const days = sql`${sql.ref(`${row}.recognised_until`)} - ${start}`;
  const amount = sql.ref(`${row}.amount`);
  return sql`recognised_after(${amount}, ${until} - ${start}, ${days}) - recognised_after(${amount}, ${from} - ${start}, ${days})`;
}

function collect(rows: readonly ValueRow[]): RecognisedValues {
  const byPod = new Map<string, RecognisedValue>();
  let unattributed = NOTHING;
  let total = NOTHING;
  for (const row of rows) {
    if (row.party === 'total') total = withRow(total, row);
    else if (row.pod_id === null) unattributed = withRow(unattributed, row);
    else byPod.set(row.pod_id, withRow(byPod.get(row.pod_id) ?? NOTHING, row));
  }
  return { byPod, unattributed, total };
}

function withRow(value: RecognisedValue, row: ValueRow): RecognisedValue {
  const counter = row.state === 'verified' ? 'verifiedOutcomes' : 'claimedOutcomes';
  const counted = { ...value, [counter]: value[counter] + row.outcomes };
  if (row.amount === null) return counted;
  if (row.beside === null) return { ...counted, [row.state]: row.amount };
  const beside = { ...counted.beside, [row.beside]: add(counted.beside[row.beside] ?? ZERO, row.amount) };
  if (row.state === 'claimed') return { ...counted, beside };
  return { ...counted, beside, besideVerified: { ...counted.besideVerified, [row.beside]: row.amount } };
}
