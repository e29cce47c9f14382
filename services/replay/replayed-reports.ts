/** The reports as known at an instant: the very reports, over the world of then, with the instant written on them. */
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { isKeptByRollup, parseDimensions } from '../reports/cost-dimensions.ts';
import { parseFilters } from '../reports/cost-filters.ts';
import { type AsKnownRequest, withKnownWorld } from './as-known.ts';

/** A report that was replayed. */
export type AsKnown<Report> = Report & {
  /** What it shows was known at this instant. RFC 3339. */
  readonly asKnown: string;
};

/** What is known about a report before it is read. */
export interface KnownReport {
  readonly period: string;
  readonly by?: readonly string[];
  readonly where?: readonly string[];
  /** Whether it reads charges whatever its dimensions are. */
  readonly needsCharges?: boolean;
}

/**
 * Reads a report as known then. `read` is given the instant to ask at; it may store what it needs for itself, such as exchange rates.
 * @throws AppError as `withKnownWorld`; not_replayable where it needs the charges of loads whose charges are gone.
 */
export async function reportAsKnown<Report extends object>(
  db: Kysely<DB>,
  request: AsKnownRequest & KnownReport,
  read: (trx: Transaction<DB>, at: Date) => Promise<Report>,
): Promise<AsKnown<Report>> {
  return withKnownWorld(db, request, async ({ trx, at, loads }) => {
    if (loads.withoutCharges.length > 0) refuseLostCharges(request, loads.withoutCharges);
    return { ...(await read(trx, at)), asKnown: at.toISOString() };
  });
}

/** Rollups outlive charges: what they keep can still be told. */
function refuseLostCharges({ by = [], where = [], needsCharges }: KnownReport, loadIds: readonly string[]): void {
  const lost = `The charges of load ${loadIds.join(', ')} were dropped since`;
  if (needsCharges === true) {
    throw new AppError('not_replayable', `${lost}, and this report reads them. Ask as known at a later instant.`, {
      details: { loadIds },
    });
  }
  const asked = [...parseDimensions(by), ...parseFilters(where).map((filter) => filter.dimension)];
  const dimension = asked.find((one) => !isKeptByRollup(one));
  if (dimension === undefined) return;
  throw new AppError(
    'not_replayable',
    `${lost}; what was kept of them has no ${dimension.name}. ` +
      'Ask by pod, rule, source, day, month, billing period, currency, kind, provider, service or charge category.',
    { details: { loadIds } },
  );
}
