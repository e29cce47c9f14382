/**
 * A cell of a report as a question: whose cost, which period, narrowed by which filters; and what it is made of. Open days are of the
 * current loads under the rulebook in force; closed days of the loads, the rulebook and the shares of their statements.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type IsoDate, monthOf, monthsTouched, type Period } from '../kernel/period.ts';
import { type ClosedMonth, type DateRange, liesIn, openRanges, wholeMonths } from '../periods/closed-months.ts';
import { type CostDimension, DATED_DIMENSIONS, dimensionSql, isKeptByRollup } from '../reports/cost-dimensions.ts';
import { type CostFilter, filterSql } from '../reports/cost-filters.ts';
import type { RankingRates } from './ranking-rates.ts';
import type { RulebookContent } from './rulebook.ts';

/** Days whose charges have one origin: the current figures (no statement), or what a statement froze. */
export interface CellPart {
  readonly statementId: number | null;
  readonly days: readonly DateRange[];
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
}

export interface Cell {
  /** `everybody`: all pods and the unattributed together. `podId: null`: what no rule gave to a pod, and what nobody could carry. */
  readonly owner: 'everybody' | { readonly podId: string | null };
  readonly period: Period;
  readonly parts: readonly CellPart[];
  /** Of each rulebook of the parts. */
  readonly rulebooks: ReadonlyMap<number, RulebookContent>;
  /** The column of the metric by which origins are ranked. */
  readonly metric: string;
  readonly reportingCurrency: string;
  /** Of each foreign currency that its loads were billed in. */
  readonly rates: RankingRates;
  readonly filters: readonly CostFilter[];
  /** Months (`YYYY-MM-01`) within which it changes what passes the filters. */
  readonly cutMonths: ReadonlySet<IsoDate>;
}

/** Parts of a cell by the grain in which they are read. */
export interface Grains {
  /** Of whole calendar months. */
  readonly months: readonly CellPart[];
  readonly days: readonly CellPart[];
}

/** The parts of a cell under one rulebook: what an origin's stretches are read for. */
export interface RulebookParts {
  readonly rulebookId: number;
  readonly parts: readonly CellPart[];
}

const OF_PODS: ReadonlySet<string> = new Set(['pod', ...DATED_DIMENSIONS]);
const OF_LOADS: ReadonlySet<string> = new Set(['source', 'billingPeriod']);
const OF_ORIGINS: ReadonlySet<string> = new Set(['rule', 'kind']);

/**
 * What the period is made of, as far as it passes the filters that tell loads apart. Without `closed` everything is as now known. With
 * `isBilled` the period is one of billing periods, whatever the charge dates are.
 */
export async function readCellParts(
  db: Kysely<DB>,
  asked: {
    readonly period: Period;
    readonly filters: readonly CostFilter[];
    readonly rulebookId: number;
    readonly closed: readonly ClosedMonth[];
  },
): Promise<CellPart[]> {
  const { period, rulebookId, closed } = asked;
  const ofLoads = asked.filters.filter(({ dimension }) => OF_LOADS.has(dimension.name));
  const condition = filterSql(ofLoads, (dimension) => dimensionSql(dimension, () => ''), false);
  const open = openRanges(period, closed);
  const touched = open.map(({ start, end }) => ({ start: monthOf(start).start, end }));
  const { rows: current } = await sql<{ id: string }>`
    select id::text as id from load where state = 'published' and ${condition} and exists (
      select from rollup_month where load_id = load.id and rulebook_id = ${rulebookId} and ${liesIn('charge_month', touched)}
    ) order by load.id`.execute(db);
  const { rows: frozen } = await sql<{ id: string; statementId: number }>`
    select load.id::text as id, statement_id as "statementId" from statement_load join load on load.id = load_id
    where statement_id = any(${closed.map(({ statementId }) => statementId)}::integer[]) and ${condition} order by load.id`.execute(
    db,
  );
  const parts = closed.map(({ statementId, rulebookId: ofStatement, start, end }): CellPart => {
    const loadIds = frozen.filter((row) => row.statementId === statementId).map(({ id }) => id);
    return { statementId, rulebookId: ofStatement, days: [{ start, end }], loadIds };
  });
  const loadIds = current.map(({ id }) => id);
  return [...parts, { statementId: null, days: open, rulebookId, loadIds }].filter((part) => part.loadIds.length > 0);
}

/** The parts by rulebook; where filters ask what a pod held on a date, which statements remember, each part stands alone. */
export function partsByRulebook({ parts, filters }: Cell): RulebookParts[] {
  const isDated = filters.some(({ dimension }) => DATED_DIMENSIONS.includes(dimension.name));
  if (isDated) return parts.map((part) => ({ rulebookId: part.rulebookId, parts: [part] }));
  return [...Map.groupBy(parts, (part) => part.rulebookId)].map(([rulebookId, ofIt]) => ({ rulebookId, parts: ofIt }));
}

/** Whether a row with load_id and a charge date (or month) is of the parts. */
export function isInParts(parts: readonly CellPart[], line: string, dateColumn = 'charge_date'): RawBuilder<boolean> {
  const loadId = sql.ref(`${line}.load_id`);
  const all = [...new Set(parts.flatMap(({ loadIds }) => loadIds))];
  const pruned = sql`${loadId} = any(${all}::bigint[])`;
  const each = parts.map(({ loadIds, days }) =>
    parts.length === 1
      ? liesIn(`${line}.${dateColumn}`, days)
      : sql`(${loadId} = any(${[...loadIds]}::bigint[]) and ${liesIn(`${line}.${dateColumn}`, days)})`,
  );
  return sql<boolean>`(${pruned} and (${sql.join(each, sql` or `)}))`;
}

/** True where the rollups hold every dimension that the cell is narrowed by. */
export function isKept(cell: Cell): boolean {
  return cell.filters.every(({ dimension }) => isKeptByRollup(dimension));
}

/** Whole calendar months, and no filter that looks into them. */
export function isOfWholeMonths({ period, cutMonths }: Cell): boolean {
  return wholeMonths([period], cutMonths).days.length === 0;
}

/**
 * The parts by how finely their rows have to be read: the months that are the cell's in full, and the days of all else. Of loads in another
 * currency always days, each of which has its own rate.
 */
export function grainsOf(cell: Cell): Grains {
  const foreign = new Set(cell.rates.flatMap(({ loadIds }) => loadIds));
  const isForeign = (loadId: string) => foreign.has(loadId);
  const all = cell.parts.map((part) => {
    const { months, days } = wholeMonths(part.days, cell.cutMonths);
    const home = part.loadIds.filter((loadId) => !isForeign(loadId));
    return {
      months: { ...part, loadIds: home, days: months.map((month) => monthOf(month)) },
      days: [
        { ...part, loadIds: home, days },
        { ...part, loadIds: part.loadIds.filter(isForeign) },
      ],
    };
  });
  const isThere = ({ loadIds, days }: CellPart) => loadIds.length > 0 && days.length > 0;
  return {
    months: all.map(({ months }) => months).filter(isThere),
    days: all.flatMap(({ days }) => days).filter(isThere),
  };
}

/** The months of the period that a filter looks into: all of them for one on days; for one on what pods hold those in which that changes. */
export async function readCutMonths(
  db: Kysely<DB>,
  { period, filters }: { period: Period; filters: readonly CostFilter[] },
): Promise<ReadonlySet<IsoDate>> {
  if (filters.some(({ dimension }) => dimension.name === 'day')) {
    return new Set(monthsTouched(period.start, period.end));
  }
  if (!filters.some(({ dimension }) => DATED_DIMENSIONS.includes(dimension.name))) return new Set();
  const { rows } = await sql<{ month: IsoDate }>`
    select distinct date_trunc('month', changed_on::timestamp)::date as month
    from held_pod cross join lateral (values (valid_from), (valid_until)) as change (changed_on)
    where extract(day from changed_on) <> 1 and changed_on >= ${period.start}::date and changed_on < ${period.end}::date`.execute(
    db,
  );
  return new Set(rows.map(({ month }) => month));
}

/** Filters on what an origin, or the rule that won for it, has. */
export function filtersOfOrigins({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension }) => isOfOrigin(dimension));
}

/** Filters on whose cost it is. */
export function filtersOfPods({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension }) => OF_PODS.has(dimension.name));
}

/** Filters on what differs between the charges of an origin; those on loads chose the loads already. */
export function filtersOfLines({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension: one }) => !isOfOrigin(one) && !OF_LOADS.has(one.name) && !OF_PODS.has(one.name));
}

/** Filters on rows of the rollups; `withPods`: also on whose they are. */
export function filtersOfRollups({ filters }: Cell, { withPods = true } = {}): readonly CostFilter[] {
  return filters.filter(({ dimension: one }) => !OF_LOADS.has(one.name) && (withPods || !OF_PODS.has(one.name)));
}

function isOfOrigin(dimension: CostDimension): boolean {
  return dimension.place !== 'own' || OF_ORIGINS.has(dimension.name);
}
