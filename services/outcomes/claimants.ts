/** Who stands behind what an outcome claims: whoever states, records or changes it may not verify it, even where somebody else claimed it first. */
import { sql } from 'kysely';

/**
 * Of a row of `outcome`, an array: who claimed it, and everybody who said something else of it since it was last taken back. Who imports a sheet
 * records what it states, also where a row is verified with that by somebody else.
 */
export const CLAIMANTS = sql<readonly string[]>`array(
  select outcome.claimed_by
  union
  select principal from outcome_version as said
  where said.outcome_id = outcome.id
    and (said.act in ('claimed', 'stated') or (said.act = 'verified' and said.content ->> 'verifiedBy' <> said.principal))
    and said.version > coalesce((
      select max(version) from outcome_version as refused
      where refused.outcome_id = outcome.id and refused.act in ('rejected', 'retracted')), 0))`;
