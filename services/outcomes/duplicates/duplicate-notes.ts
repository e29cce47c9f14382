/** What a statement is told of possible duplicates at once: which they are, and who answers. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { Principal } from '../../kernel/ports.ts';

/**
 * By outcome; of two that are both asked for, at the later one. `lines`: of those that stand in the same sheet, whose ids may be none yet. A pod is
 * told which outcome it is where it has a share of that, too.
 */
export async function readDuplicateNotes(
  trx: Transaction<DB>,
  asked: { outcomeIds: readonly string[]; principal: Principal; lines?: ReadonlyMap<string, number> },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { outcomeIds, principal, lines } = asked;
  const ids = sql`${[...outcomeIds]}::bigint[]`;
  const pods = principal.role === 'pod' ? [...principal.pods] : null;
  const { rows } = await sql<{ id: string; other: string; reason: string; isSeen: boolean }>`
    with pair as (
      select outcome_id as id, other_id as other, reason from outcome_duplicate where answer is null and outcome_id = any (${ids})
      union all
      select other_id, outcome_id, reason from outcome_duplicate
      where answer is null and other_id = any (${ids}) and outcome_id <> all (${ids})
    )
    select id::text as id, other::text as other, reason, ${pods}::text[] is null or exists (
      select from outcome_share where outcome_id = other and pod_id = any (${pods}::text[])) as "isSeen"
    from pair where is_counted_outcome(other) order by pair.id, pair.other`.execute(trx);
  return new Map(
    [...Map.groupBy(rows, ({ id }) => id)].map(([id, found]) => [
      id,
      found.map(({ other, reason, isSeen }) => {
        const line = lines?.get(other);
        const known = line === undefined ? `outcome ${other}` : `line ${line}`;
        return `may be ${isSeen ? known : 'an outcome of another pod'} once more (${reason}): finance answers before it is verified`;
      }),
    ]),
  );
}
