/** What checking a statement needs to know from the database: the pods with their owners, and the unit of each type. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import type { OutcomeContext } from './check-outcome.ts';

/** Reads it afresh: `typeUnits` collects what the statements checked with it add. */
export async function readOutcomeContext(
  db: Kysely<DB>,
  options: { principal: Principal; needsRiskRange: boolean },
): Promise<OutcomeContext> {
  const pods = await db.selectFrom('pod').select(['id', 'owner_email']).execute();
  const types = await sql<{ id: string; unit: string }>`select id, unit from outcome_type`.execute(db);
  return {
    ...options,
    pods: new Map(pods.map((pod) => [pod.id, { ownerEmail: pod.owner_email }])),
    typeUnits: new Map(types.rows.map((type) => [type.id, type.unit])),
  };
}
