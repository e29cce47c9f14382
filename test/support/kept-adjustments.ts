/** The adjustments that are kept for the current figures, held against all closed months compared anew. */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { listClosedMonths } from '../../services/periods/closed-months.ts';
import { ADJUSTMENT_COLUMNS, driftRows, readRevenueBasis } from '../../services/periods/drift.ts';
import { refreshOpenAdjustments } from '../../services/periods/open-adjustments.ts';

/**
 * Brings them up to date by what moved; amounts are compared as texts, to the last digit. Where some rate is missing, what was kept of earlier
 * figures stays.
 */
export async function expectKeptAdjustments(db: Kysely<DB>): Promise<void> {
  await refreshOpenAdjustments(db);
  const closed = await listClosedMonths(db);
  if (closed.length === 0) return;
  const columns = sql`${ADJUSTMENT_COLUMNS}`;
  const compared = sql`select ${columns}, is_missing from (${driftRows({ closed }, await readRevenueBasis(db))}) as drift`;
  const { rows } = await sql<{ is_kept: boolean; is_missing: boolean; kept: unknown; anew: unknown }>`
    with compared as (${compared}),
    kept as (select ${columns} from open_adjustment),
    anew as (select ${columns} from compared)
    select exists (select from open_adjustment_version join organisation using (figures_version)) as is_kept,
      exists (select from compared where is_missing) as is_missing,
      (select coalesce(json_agg(part::text order by part::text), '[]') from kept as part) as kept,
      (select coalesce(json_agg(part::text order by part::text), '[]') from anew as part) as anew`.execute(db);
  const [{ is_kept: isKept, is_missing: isMissing, kept, anew } = {}] = rows as Partial<(typeof rows)[number]>[];
  expect({ isKept, rows: isKept ? kept : anew }).toEqual({ isKept: !isMissing, rows: anew });
}
