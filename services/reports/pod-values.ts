/**
 * Recognised value per pod of a window of days, in one currency. Outcomes are recognised once, by day, each day at its own rate,
 * and then split by basis points: all parts and the unattributed rest add up to the whole exactly. What one pod may not see of
 * another's share (row-level security) is in no sum of its report. Closed days come from their statements, already split.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import { add, type Decimal, ZERO } from '../kernel/decimal.ts';
import { type ClosedMonth, type DateRange, liesIn } from '../periods/closed-months.ts';
import { isFrozenBy, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { isOfMonths, monthRows, type ValueSpans } from './month-values.ts';
import { cutAtMoves, handedOn, isInPortfolio, type PodScope } from './pod-scope.ts';
import { openDays, type ReportFrame } from './report-frame.ts';
import { readTextRows, textRows } from './text-rows.ts';
import { besideSql } from './value-basis.ts';

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
  /** Verified value of every basis, where the detail was asked for. */
  readonly verifiedByBasis?: Readonly<Record<string, Decimal>>;
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

/** Of outcomes without a rate, so many are named. */
const UNCONVERTED_SHOWN = 5;
const COLUMNS = ['party', 'pod_id', 'state', 'beside', 'amount', 'outcomes', 'is_missing'];

/** A query of the text that `readValues` reads. `spans`: what is read by month, and what by outcome. */
export function recognisedValueQuery(frame: ReportFrame, scope: PodScope, spans: ValueSpans): RawBuilder<string> {
  const { own, foreign, ends, stated } = spans;
  if (ends.length + stated.length === 0) return textRows(COLUMNS, outcomeRows(frame, scope, spans));
  const ofMonths = monthRows(frame, spans);
  if (own.length + foreign.length === 0) return textRows(COLUMNS, ofMonths);
  const query = sql`
    select party, pod_id, state, beside, trim_scale(sum(amount)) as amount, sum(outcomes) as outcomes, bool_or(is_missing) as is_missing
    from (${ofMonths} union all (${outcomeRows(frame, scope, spans)})) as either group by 1, 2, 3, 4`;
  return textRows(COLUMNS, query);
}

/** The rows that such a text holds, in the order in which bases are named beside the return. */
function readValues(text: string): ValueRow[] {
  const rows = readTextRows(text).map(
    ([party, podId, state, beside = '', amount = '', outcomes, isMissing]) =>
      ({
        party,
        pod_id: podId === '' ? null : podId,
        state,
        beside: beside === '' ? null : beside,
        amount: amount === '' ? null : amount,
        outcomes: Number(outcomes),
        is_missing: isMissing === 'true',
      }) as ValueRow,
  );
  return rows.sort((left, right) => compareTexts(left.state, right.state) || compareTexts(left.beside, right.beside));
}

function compareTexts(left: string | null, right: string | null): number {
  if (left === right) return 0;
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

/** Rows of ValueRow, of what counts in the spans. */
function outcomeRows(frame: ReportFrame, scope: PodScope, spans: ValueSpans): RawBuilder<unknown> {
  const { tables, parts, isWanted } = valueParts(frame, { scope, spans });
  const outcomes = sql`count(distinct outcome_id) filter (where is_counted)`;
  return sql`
    with ${tables}
    select party, pod_id, state, beside, trim_scale(sum(amount)) as amount, ${outcomes} as outcomes, bool_or(is_missing) as is_missing
    from ${parts} as part where ${isWanted} group by party, pod_id, state, beside
    union all
    select 'total', null, state, beside, trim_scale(sum(amount)), ${outcomes}, bool_or(is_missing)
    from part group by state, beside`;
}

/**
 * What counts, split: rows (party, pod_id, outcome_id, state, beside, amount, is_missing, on_date, is_counted) of `parts`, under the alias
 * `part`, behind `with ${tables}` and where `isWanted`. `hasDays`: each with a date of its range.
 */
export function valueParts(
  frame: ReportFrame,
  asked: { scope: PodScope; spans: ValueSpans; hasDays?: boolean },
): { tables: RawBuilder<unknown>; parts: RawBuilder<unknown>; isWanted: RawBuilder<boolean> } {
  const { closed } = frame;
  const { scope, spans, hasDays = scope.portfolio !== undefined } = asked;
  const parts = handedOn(scope, {
    from: 'part',
    columns: ['party', 'outcome_id', 'state', 'beside', 'is_missing', 'on_date', 'statement_id', 'is_counted'],
    amount: 'amount',
  });
  const isWanted = isInPortfolio(scope, {
    podId: 'part.pod_id',
    date: 'part.on_date',
    statement: sql`part.statement_id`,
  });
  const tables = sql`
    recognised as materialized (
      ${recognisedIn(spans, frame, hasDays)}
    ), counted as (
      select recognised.outcome_id, recognised.state, recognised.amount, recognised.is_missing, recognised.on_date,
        outcome.unattributed_basis_points, not ${isOfMonths(frame, spans)} as is_counted,
        ${besideSql(frame.revenueBasis)} as beside
      from recognised join outcome on outcome.id = recognised.outcome_id
    ), part as (
      select 'pod' as party, share.pod_id, outcome_id, state, beside, amount * share.basis_points * 0.0001 as amount, is_missing,
        on_date, null::integer as statement_id, is_counted
      from counted join outcome_share as share using (outcome_id)
      union all
      select 'unattributed', null, outcome_id, state, beside, amount * unattributed_basis_points * 0.0001, is_missing, on_date, null,
        is_counted
      from counted where unattributed_basis_points > 0
      ${closed.length === 0 ? sql`` : sql`union all ${frozenParts(closed, frame.currency)}`}
    )`;
  return { tables, parts, isWanted };
}

/** The ranges of the window that are not closed; of a portfolio cut where pods move. */
export async function openValueDays(
  db: Kysely<DB>,
  frame: ReportFrame,
  scope: PodScope,
): Promise<readonly DateRange[]> {
  return cutAtMoves(db, scope, openDays(frame));
}

/**
 * The values of the text of `recognisedValueQuery`.
 * @throws AppError missing_exchange_rate naming the first date and pair.
 */
export async function collectValues(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { open: readonly DateRange[]; text: string },
): Promise<RecognisedValues> {
  const { closed } = frame;
  const rows = readValues(given.text);
  if (rows.some((row) => row.is_missing)) {
    const frozen =
      closed.length === 0
        ? sql``
        : sql`union all select from_currency, on_date from (${frozenValues(closed, frame.currency)}) as value where rate is null`;
    const need = sql`
      select from_currency, on_date from (${recognisedDays(given.open, frame.currency)}) as day where rate is null ${frozen}`;
    const neededBy = () => nameUnconverted(db, recognisedDays(given.open, frame.currency));
    await requireConversionRates(db, { need, to: frame.currency, neededBy });
  }
  return collect(rows);
}

/**
 * The outcomes of rows (outcome_id, rate) that lack one: a single claim in a currency of its own keeps everybody from the report, and whose it is
 * says where else to mend it.
 */
export async function nameUnconverted(db: Kysely<DB>, days: RawBuilder<unknown>): Promise<string> {
  const { rows } = await sql<{ outcome_id: string }>`
    select distinct outcome_id from (${days}) as day where rate is null order by outcome_id limit ${UNCONVERTED_SHOWN + 1}`.execute(
    db,
  );
  if (rows.length === 0) return '';
  const ids = rows.slice(0, UNCONVERTED_SHOWN).map((row) => row.outcome_id);
  const more = rows.length > UNCONVERTED_SHOWN ? ' and others' : '';
  return ` It is needed for outcome ${ids.join(', ')}${more}: one stated in a wrong currency can be claimed anew, or rejected.`;
}

/**
 * One row per outcome and state recognised in the spans, with its amount there; without one where it has no money. `hasDays`: one per range,
 * or day, with a date of it.
 */
function recognisedIn({ own, foreign }: ValueSpans, { currency }: ReportFrame, hasDays: boolean): RawBuilder<unknown> {
  const dated = (date: RawBuilder<unknown>) => (hasDays ? sql`${date}::date as on_date` : sql`null::date as on_date`);
  const scheduled = own.map(
    (range) => sql`
      select counted.outcome_id, counted.state, ${recognisedBetween('counted', sql`span.first_day`, sql`span.end_day`)} as amount,
        false as is_missing, ${dated(sql`${range.start}`)}
      from outcome join counted_schedule as counted on counted.outcome_id = outcome.id cross join lateral (${spanOf(range)}) as span
      where outcome.currency = ${currency} and ${touches(range)}`,
  );
  const converted = sql`select outcome_id, state, amount * rate as amount, rate is null as is_missing, ${dated(sql`day.on_date`)}
    from (${recognisedDays(foreign, currency)}) as day`;
  return sql`
    select outcome_id, state, sum(amount) as amount, bool_or(is_missing) as is_missing, on_date
    from (${sql.join([...scheduled, converted], sql` union all `)}) as part group by outcome_id, state, on_date
    union all
    select outcome_id, state, null, false, ${dated(sql`counted_from`)} from counted_schedule
    where amount is null and ${liesIn('counted_from', own)}`;
}

/** One row per outcome, state and day recognised in the ranges, for outcomes in another currency; `rate` is null where it is missing. */
function recognisedDays(ranges: readonly DateRange[], currency: string): RawBuilder<unknown> {
  const none = sql`
    select null::bigint as outcome_id, null::text as state, null::text as from_currency, null::date as on_date, null::numeric as rate, null::numeric as amount
    where false`;
  const parts = ranges.map(
    (range) => sql`
    select outcome.id as outcome_id, counted.state, outcome.currency as from_currency, day::date as on_date, conversion.rate,
      ${recognisedBetween('counted', sql`day::date`, sql`day::date + 1`)} as amount
    from outcome join counted_schedule as counted on counted.outcome_id = outcome.id cross join lateral (${spanOf(range)}) as span
    cross join generate_series(span.first_day, span.end_day - 1, interval '1 day') as day
    left join conversion_rate as conversion on conversion.to_currency = ${currency} and conversion.on_date = day::date
      and conversion.from_currency = outcome.currency
    where outcome.currency <> ${currency} and ${touches(range)}`,
  );
  return parts.length === 0 ? none : sql.join(parts, sql` union all `);
}

/** Parts of outcomes as statements froze them. */
function frozenParts(closed: readonly ClosedMonth[], currency: string): RawBuilder<unknown> {
  return sql`
    select case when pod_id is null then 'unattributed' else 'pod' end, pod_id, outcome_id, state, beside, amount * rate,
      amount is not null and rate is null, on_date, statement_id, true
    from (${frozenValues(closed, currency)}) as value`;
}

function frozenValues(closed: readonly ClosedMonth[], currency: string): RawBuilder<unknown> {
  const joins = rateJoins(
    { alias: 'value', currency: 'currency', date: 'recognised_on', hasStatement: true },
    currency,
  );
  return sql`
    select value.statement_id, value.pod_id, value.outcome_id, value.state, value.beside, value.amount, value.currency as from_currency,
      value.recognised_on as on_date, case when value.currency = ${currency} then 1 else ${rateOf(true)} end as rate
    from (select * from statement_value where ${isFrozenBy(closed, 'recognised_on')}) as value ${joins}`;
}

function spanOf(range: DateRange): RawBuilder<unknown> {
  return sql`select greatest(counted.counted_from, ${range.start}::date) as first_day,
    least(counted.counted_until, ${range.end}::date) as end_day`;
}

function touches(range: DateRange): RawBuilder<unknown> {
  return sql`counted.counted_from < ${range.end}::date and counted.counted_until > ${range.start}::date`;
}

/** What a schedule row recognises from one day up to, not including, another: the difference of two running amounts. */
export function recognisedBetween(
  row: string,
  from: RawBuilder<unknown>,
  until: RawBuilder<unknown>,
): RawBuilder<unknown> {
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
