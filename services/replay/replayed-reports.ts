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

/**
 * Reads a report as known then. `read` is given the instant to ask at; it may store what it needs for itself, such as exchange rates.
 * @throws AppError as `withKnownWorld`; not_replayable where dimensions need the charges of loads whose charges are gone.
 */
export async function reportAsKnown<Report extends object>(
  db: Kysely<DB>,
  request: AsKnownRequest & { readonly by?: readonly string[]; readonly where?: readonly string[] },
  read: (trx: Transaction<DB>, at: Date) => Promise<Report>,
): Promise<AsKnown<Report>> {
  const { by = [], where = [], ...asked } = request;
  return withKnownWorld(db, asked, async ({ trx, at, loads }) => {
    if (loads.withoutCharges.length > 0) refuseLostDimensions(by, where, loads.withoutCharges);
    return { ...(await read(trx, at)), asKnown: at.toISOString() };
  });
}

/** Rollups outlive charges: what they keep can still be told. */
function refuseLostDimensions(by: readonly string[], where: readonly string[], loadIds: readonly string[]): void {
  const asked = [...parseDimensions(by), ...parseFilters(where).map((filter) => filter.dimension)];
  const lost = asked.find((dimension) => !isKeptByRollup(dimension));
  if (lost === undefined) return;
  throw new AppError(
    'not_replayable',
    `The charges of load ${loadIds.join(', ')} were dropped since; what was kept of them has no ${lost.name}. ` +
      'Ask by pod, rule, source, day, month, billing period, currency, kind, provider, service or charge category.',
    { details: { loadIds } },
  );
}
