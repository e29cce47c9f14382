/**
 * The counter that every change of a figure raises; cached reports carry it. Raising it locks the organisation row until the
 * transaction ends, and that serialises what must see all figures: who raises it before judging envelopes sees everybody's. Each change says what
 * it may have moved, so that what follows from cost and value is looked at again only there.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';

/** What a change may have moved of cost and value by day: anything, or nothing beyond these. */
export type MovedFigures =
  | 'anything'
  | {
      /** The cost of these months, `YYYY-MM-01`. */
      readonly months?: readonly IsoDate[];
      readonly outcomeIds?: readonly string[];
    };

/** An import of more is not kept one by one. */
const OUTCOMES_MAX = 1_000;
/** Whoever comes later than that looks at everything. */
const CHANGES_KEPT = 1_000;

/**
 * Call it after the figures are written, before envelopes are evaluated and before the audit event: who locks the trail first and then waits
 * for the organisation row waits in a circle with who closes or publishes.
 */
export async function raiseFiguresVersion(trx: Transaction<DB>, moved: MovedFigures): Promise<void> {
  const { months = [], outcomeIds = [] } = moved === 'anything' ? {} : moved;
  const isAnything = moved === 'anything' || outcomeIds.length > OUTCOMES_MAX;
  await sql`
    with raised as (
      update organisation set figures_version = figures_version + 1 returning figures_version
    ), dropped as (
      delete from figures_change using raised where figures_change.figures_version <= raised.figures_version - ${CHANGES_KEPT}::int
    )
    insert into figures_change (figures_version, moved_anything, charge_months, outcome_ids)
    select figures_version, ${isAnything}::boolean, ${[...months]}::date[], ${isAnything ? [] : [...outcomeIds]}::bigint[] from raised
  `.execute(trx);
}
