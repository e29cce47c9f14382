/** A cell of a report as a question: whose cost, which period, under which rulebook and loads, narrowed by which filters. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Period } from '../kernel/period.ts';
import { type CostDimension, dimensionSql, isKeptByRollup } from '../reports/cost-dimensions.ts';
import { type CostFilter, filterSql } from '../reports/cost-filters.ts';
import type { RulebookContent } from './rulebook.ts';

export interface Cell {
  /** Null: what no rule gave to a pod, and what nobody could carry. */
  readonly podId: string | null;
  readonly period: Period;
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
  /** The column of the metric by which origins are ranked. */
  readonly metric: string;
  readonly reportingCurrency: string;
  readonly filters: readonly CostFilter[];
  readonly tags: RulebookContent['tags'];
}

const OF_PODS: ReadonlySet<string> = new Set(['pod', 'portfolio', 'owner', 'costCentre']);
const OF_LOADS: ReadonlySet<string> = new Set(['source', 'billingPeriod']);
const OF_ORIGINS: ReadonlySet<string> = new Set(['rule', 'kind']);

/** @throws AppError invalid_input for a dimension that a cell of a pod cannot be narrowed by. */
export function refuseForeignFilters(filters: readonly CostFilter[]): void {
  const foreign = filters.find(({ dimension }) => OF_PODS.has(dimension.name));
  if (foreign === undefined) return;
  throw new AppError(
    'invalid_input',
    `A cell is of one pod already; leave the filter on ${foreign.dimension.name} out, and name the pod with --pod.`,
  );
}

/** The ids of the current loads that charge anything in the period, as far as they pass the filters that tell loads apart. */
export async function readCellLoadIds(
  db: Kysely<DB>,
  { period, rulebookId, filters }: Pick<Cell, 'period' | 'rulebookId' | 'filters'>,
): Promise<string[]> {
  const ofLoads = filters.filter(({ dimension }) => OF_LOADS.has(dimension.name));
  const condition = filterSql(ofLoads, (dimension) => dimensionSql(dimension, () => ''), false);
  const { rows } = await sql<{ id: string }>`
    select id from load where state = 'published' and ${condition} and exists (
      select from rollup_cost where load_id = load.id and rulebook_id = ${rulebookId}
        and charge_date >= ${period.start}::date and charge_date < ${period.end}::date
    ) order by id`.execute(db);
  return rows.map((row) => row.id);
}

/** True where the rollups hold every dimension that the cell is narrowed by. */
export function isKept(cell: Cell): boolean {
  return cell.filters.every(({ dimension }) => isKeptByRollup(dimension));
}

/** Whole calendar months, and no filter that looks into them. */
export function isOfWholeMonths({ period, filters }: Cell): boolean {
  const looksInto = filters.some(({ dimension }) => dimension.name === 'day');
  return period.start.endsWith('-01') && period.end.endsWith('-01') && !looksInto;
}

/** Filters on what an origin, or the rule that won for it, has. */
export function filtersOfOrigins({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension }) => isOfOrigin(dimension));
}

/** Filters on what differs between the charges of an origin; those on loads chose `loadIds` already. */
export function filtersOfLines({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension }) => !isOfOrigin(dimension) && !OF_LOADS.has(dimension.name));
}

/** Filters on rows of the rollups. */
export function filtersOfRollups({ filters }: Cell): readonly CostFilter[] {
  return filters.filter(({ dimension }) => isKeptByRollup(dimension) && !OF_LOADS.has(dimension.name));
}

function isOfOrigin(dimension: CostDimension): boolean {
  return dimension.place !== 'own' || OF_ORIGINS.has(dimension.name);
}
