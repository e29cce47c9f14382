/**
 * The counter that every change of a figure raises; cached reports carry it. Raising it locks the organisation row until the
 * transaction ends, and that serialises what must see all figures: who raises it before judging envelopes sees everybody's.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/**
 * Call it after the figures are written, before envelopes are evaluated and before the audit event: who locks the trail first and then waits
 * for the organisation row waits in a circle with who closes or publishes.
 */
export async function raiseFiguresVersion(trx: Transaction<DB>): Promise<void> {
  await sql`update organisation set figures_version = figures_version + 1`.execute(trx);
}
