/**
 * Cost per pod of a window of charge dates in one currency: direct, its share of split cost, and how much of both lies in months that are
 * not final. The row without a pod is the unattributed cost. Every sum is exact. Whole months are read from pod_month, and a cut one from pod_cut
 * where its sums are kept; days, where they are not, where each day has its own rate, and where a pod counts by the day; closed days from
 * their statements.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { isOneOf } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import { add, type Decimal, ZERO } from '../kernel/decimal.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { liesIn, wholeMonths } from '../periods/closed-months.ts';
import { isFrozenBy, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { handedOn, isInPortfolio, type PodScope } from './pod-scope.ts';
import type { ValueSpans } from './month-values.ts';
import { METRIC_COLUMNS, openDays, type ReportFrame } from './report-frame.ts';
import { readTextRows, textRows } from './text-rows.ts';

interface PodCosts {
  /** The unattributed is the cost of null. */
  readonly byPod: ReadonlyMap<string | null, PodCost>;
  /** Whether some day has no exchange rate. */
  readonly isMissing: boolean;
}

export interface PodCost {
  readonly direct: Decimal;
  readonly shared: Decimal;
  readonly total: Decimal;
  readonly estimated: Decimal;
}

/** Cuts and closed months (`YYYY-MM-01`) of a window, in the report's currency, whose sums are kept: days are not read. */
type KeptSums = Pick<ValueSpans, 'cuts' | 'stated'>;

const NO_SUMS: KeptSums = { cuts: [], stated: [] };

const NOTHING: PodCost = { direct: ZERO, shared: ZERO, total: ZERO, estimated: ZERO };

const COLUMNS = sql`pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost`;

/** What the rows of a window are joined with, and converted by. */
function partsOf(frame: ReportFrame, scope: PodScope, sums: KeptSums = NO_SUMS) {
  const hasStatement = frame.closed.length > 0 && sums.stated.length === 0;
  const isForeign = ({ month, currency }: ReportFrame['billed'][number]) =>
    currency !== frame.currency && month < frame.period.end && monthOf(month).end > frame.period.start;
  const converts = hasStatement || frame.billed.some(isForeign);
  const rate = rateOf(hasStatement);
  const row = { alias: 'day', currency: 'billing_currency', date: 'charge_date', hasStatement };
  const statement = hasStatement ? sql`day.statement_id` : sql`null::integer`;
  return {
    converts,
    rate,
    days: podCostRows(frame, scope, converts, sums),
    joins: converts ? rateJoins(row, frame.currency) : sql``,
    isWanted: sql`day.kind <> 'owned' and ${isInPortfolio(scope, { podId: 'day.pod_id', date: 'day.charge_date', statement })}`,
  };
}

/**
 * Cost per pod as the text that `readCosts` reads, over pod_month and pod_day by their keys, which begin with the date (60 pods, a quarter:
 * 600 rows by month, 18,000 by day). It is added up by pod, kind and finality; arranging those few sums is left to the reader.
 * @param sums of cuts and closed months of the window, kept for certain.
 */
export function podCostQuery(frame: ReportFrame, scope: PodScope, sums: KeptSums): RawBuilder<string> {
  const metric = sql.ref(`day.${METRIC_COLUMNS[frame.costMetric]}`);
  const { converts, rate, days, joins, isWanted } = partsOf(frame, scope, sums);
  const isForeign = sql`day.billing_currency <> ${frame.currency}`;
  const converted = converts ? sql`case when ${isForeign} then ${metric} * ${rate} else ${metric} end` : metric;
  const missing = converts ? sql`count(*) filter (where ${isForeign} and ${rate} is null)` : sql`0`;
  const summed = sql`
    select day.pod_id, day.kind, ${isOpenSql(frame.openMonths)} as is_open, trim_scale(sum(${converted})) as amount, ${missing} as missing
    from ${days} as day ${joins} where ${isWanted} group by day.pod_id, day.kind, is_open`;
  const heirs = handedOn(scope, { from: 'summed', columns: ['kind', 'is_open', 'missing'], amount: 'amount' });
  const query =
    scope.withPredecessors === true
      ? sql`with summed as (${summed})
        select pod_id, kind, is_open, trim_scale(sum(amount)) as amount, sum(missing) as missing from ${heirs} as heir group by 1, 2, 3`
      : summed;
  return textRows(['pod_id', 'kind', 'is_open', 'amount', 'missing'], query);
}

/** The costs that such a text holds. */
export function readCosts(text: string): PodCosts {
  const byPod = new Map<string | null, PodCost>();
  let isMissing = false;
  const plus = (figure: Decimal, amount: Decimal) => (figure === ZERO ? amount : add(figure, amount));
  for (const [podId, kind, isOpen, amountText, missing] of readTextRows(text)) {
    const amount = (amountText === '' ? ZERO : amountText) as Decimal;
    const key = podId === undefined || podId === '' ? null : podId;
    const { direct, shared, total, estimated } = byPod.get(key) ?? NOTHING;
    if (missing !== '0') isMissing = true;
    byPod.set(key, {
      direct: kind === 'direct' ? plus(direct, amount) : direct,
      shared: kind === 'shared' ? plus(shared, amount) : shared,
      total: plus(total, amount),
      estimated: isOpen === 'true' ? plus(estimated, amount) : estimated,
    });
  }
  return { byPod, isMissing };
}

/** What a pod has in a calendar month. */
export interface MonthAmount {
  readonly pod_id: string;
  readonly month: IsoDate;
  readonly amount: Decimal;
  /** Some day has no exchange rate. */
  readonly is_missing: boolean;
}

/** Cost per pod and calendar month of the frame's window. */
export async function podCostsByMonth(db: Kysely<DB>, frame: ReportFrame, scope: PodScope): Promise<MonthAmount[]> {
  const metric = sql.ref(`day.${METRIC_COLUMNS[frame.costMetric]}`);
  const { converts, rate, days, joins, isWanted } = partsOf(frame, scope);
  const isForeign = sql`day.billing_currency <> ${frame.currency}`;
  const converted = converts ? sql`case when ${isForeign} then ${metric} * ${rate} else ${metric} end` : metric;
  const missing = converts ? sql`bool_or(${isForeign} and ${rate} is null)` : sql`false`;
  const heirs = handedOn(scope, { from: 'summed', columns: ['month', 'is_missing'], amount: 'amount' });
  const { rows } = await sql<MonthAmount>`
    with summed as (
      select day.pod_id, date_trunc('month', day.charge_date::timestamp)::date as month, sum(${converted}) as amount, ${missing} as is_missing
      from ${days} as day ${joins} where ${isWanted} and day.pod_id is not null group by 1, 2
    )
    select pod_id, month, trim_scale(coalesce(sum(amount), 0)) as amount, bool_or(is_missing) as is_missing
    from ${heirs} as heir group by 1, 2`.execute(db);
  return rows;
}

/**
 * Refuses costs for which a rate is missing.
 * @throws AppError missing_exchange_rate naming the first date and pair.
 */
export async function requireCostRates(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { scope: PodScope; costs: PodCosts },
): Promise<void> {
  if (!given.costs.isMissing) return;
  const { days, joins, rate, isWanted } = partsOf(frame, given.scope);
  const need = sql`select day.billing_currency as from_currency, day.charge_date as on_date from ${days} as day ${joins}
    where ${isWanted} and ${rate} is null`;
  await requireConversionRates(db, { need, to: frame.currency });
}

/** Rows of statement_id (null: as now known), charge_date (of whole and cut months their first day) and COLUMNS, for a FROM clause. */
export function podCostRows(
  frame: ReportFrame,
  { portfolio }: PodScope,
  converts: boolean,
  { cuts, stated }: KeptSums = NO_SUMS,
): RawBuilder<unknown> {
  const { months, days: left } =
    portfolio === undefined ? wholeMonths(openDays(frame)) : { months: [], days: openDays(frame) };
  const cut = left.filter(({ end }) => cuts.includes(end));
  const days = left.filter(({ end }) => !cuts.includes(end));
  const inMonths = isOneOf('charge_month', months);
  const parts = [
    sql`select null::integer as statement_id, charge_month as charge_date, ${COLUMNS} from pod_month
      where ${inMonths} and billing_currency = ${frame.currency}`,
  ];
  if (converts) {
    parts.push(sql`select null, charge_date, ${COLUMNS}
      from (select distinct charge_month from pod_month where ${inMonths} and billing_currency <> ${frame.currency}) as foreign_month
      join pod_day on charge_date >= charge_month and charge_date < (charge_month + interval '1 month')::date
      where billing_currency <> ${frame.currency}`);
  }
  if (cut.length > 0) {
    parts.push(sql`select null, date_trunc('month', cut_on::timestamp)::date, ${COLUMNS}
      from pod_cut where ${isOneOf('cut_on', cuts)} and billing_currency = ${frame.currency}`);
  }
  if (cut.length > 0 && converts) {
    parts.push(sql`select null, charge_date, ${COLUMNS} from pod_day
      where ${liesIn('charge_date', cut)} and billing_currency <> ${frame.currency}`);
  }
  if (days.length > 0)
    parts.push(sql`select null, charge_date, ${COLUMNS} from pod_day where ${liesIn('charge_date', days)}`);
  if (stated.length > 0) {
    parts.push(sql`select null, charge_month, ${COLUMNS} from standing_cost where ${isOneOf('charge_month', stated)}`);
  } else if (frame.closed.length > 0) {
    parts.push(
      sql`select statement_id, charge_date, ${COLUMNS} from statement_pod_day where ${isFrozenBy(frame.closed, 'charge_date')}`,
    );
  }
  return sql`(${sql.join(parts, sql` union all `)})`;
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
