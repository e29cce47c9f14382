/** Who stands behind what an outcome claims: whoever states or changes it may not verify it, even where somebody else claimed it first. */
import { sql } from 'kysely';

/**
 * Of a row of `outcome`, an array: who claimed it, and everybody who said something else of it since it was last taken back. What came
 * in with a sheet is claimed by its owner, whoever imported it.
 */
export const CLAIMANTS = sql<readonly string[]>`array(
  select case when outcome.workbook is null then outcome.claimed_by else outcome.owner_email end
  union
  select principal from outcome_version as said
  where said.outcome_id = outcome.id and (said.act = 'claimed' or (said.act = 'stated' and outcome.workbook is null))
    and said.version > coalesce((
      select max(version) from outcome_version as refused
      where refused.outcome_id = outcome.id and refused.act in ('rejected', 'retracted')), 0))`;
