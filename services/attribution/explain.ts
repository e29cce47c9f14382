/**
 * Why a cost is where it is: the path from a cell of a report, an origin or a resource back to rules, rates, loads, files and lines.
 * Closed days of a cell are as their statements froze them; everything else is read from what is published now, under the rulebook in force.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { parsePeriod } from '../kernel/period.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import { explainOrigin, type OriginExplanation } from './explain-origin.ts';
import { explainOutcome, type OutcomeExplanation } from './explain-outcome.ts';
import { type CellRequest, explainPod, type PodExplanation } from './explain-pod.ts';

export type ExplainRequest =
  | CellRequest
  | { readonly originId: string }
  /** In the period if given, else over its whole schedule. */
  | { readonly outcomeId: string; readonly period?: string }
  | { readonly resourceId: string };

export interface ExplainOptions {
  /** Now: decides how far value is recognised. */
  readonly at: Date;
  /** Where the process that reads the archive may put what it needs for a moment. */
  readonly workDir: string;
  /** Lines from the archive per origin; 3 unless given, 0 for none (the archive is then not read at all). */
  readonly linesPerOrigin?: number;
  readonly signal?: AbortSignal;
}

export interface ResourceExplanation {
  readonly subject: 'resource';
  readonly resourceId: string;
  /** A resource has several origins where its tags, account or charge category differ between charges. */
  readonly origins: readonly OriginExplanation[];
}

export type Explanation = PodExplanation | OriginExplanation | ResourceExplanation | OutcomeExplanation;

const LINES_PER_ORIGIN = 3;
const ORIGINS_PER_RESOURCE_MAX = 20;

/**
 * Explains a cell's cost, an origin, a resource, or an outcome.
 * @throws AppError not_found, invalid_period.
 */
export async function explain(db: Kysely<DB>, request: ExplainRequest, options: ExplainOptions): Promise<Explanation> {
  const complete = { ...options, linesPerOrigin: options.linesPerOrigin ?? LINES_PER_ORIGIN };
  if ('outcomeId' in request) {
    const { outcomeId, period } = request;
    const calendar = await readFiscalCalendar(db);
    return explainOutcome(db, outcomeId, period === undefined ? null : parsePeriod(period, calendar));
  }
  if ('originId' in request) return explainOrigin(db, request.originId, complete);
  if (!('resourceId' in request)) return explainPod(db, request, complete);
  const originIds = await listOriginsOf(db, request.resourceId);
  const origins: OriginExplanation[] = [];
  for (const originId of originIds) origins.push(await explainOrigin(db, originId, complete));
  return { subject: 'resource', resourceId: request.resourceId, origins };
}

async function listOriginsOf(db: Kysely<DB>, resourceId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from origin where resource_id = ${resourceId} order by id limit ${ORIGINS_PER_RESOURCE_MAX}
  `.execute(db);
  if (rows.length > 0) return rows.map((row) => row.id);
  throw new AppError(
    'not_found',
    `No charge names the resource "${resourceId}". A ResourceId is compared exactly, with its case; copy it from the bill.`,
  );
}
