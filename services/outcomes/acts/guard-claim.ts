/**
 * A pod states outcomes of its own only. The shares it states are checked with the statement; this guards the other end: naming a
 * reference of somebody else's outcome must not rewrite it. What it proposed to others itself it may say anew until one of them agreed.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/ports.ts';
import type { CreatedOutcome } from './create-outcome.ts';

/**
 * Call it in the transaction that wrote the outcome; a refusal rolls the change back.
 * @throws AppError forbidden where a pod changed an outcome in which another pod had a share, agreed or not proposed by itself.
 */
export async function guardClaim(trx: Transaction<DB>, principal: Principal, written: CreatedOutcome): Promise<void> {
  if (principal.role !== 'pod' || written.change !== 'changed') return;
  const { rows } = await sql`
    select from outcome_version as former, jsonb_array_elements(content -> 'shares') as share
    where outcome_id = ${written.outcomeId}::bigint and version = ${written.version - 1}
      and share ->> 'podId' <> all (${[...principal.pods]}::text[])
      and (share ->> 'agreedBy' is not null or not exists (
        select from outcome_version as said
        where said.outcome_id = former.outcome_id and said.version <= former.version and said.act in ('stated', 'claimed')
          and said.principal = ${principal.id}))
  `.execute(trx);
  if (rows.length === 0) return;
  throw new AppError(
    'forbidden',
    'A reference of this outcome belongs to one in which another pod has a share; a pod may change only its own. Ask finance to change it, or leave the reference out.',
  );
}
