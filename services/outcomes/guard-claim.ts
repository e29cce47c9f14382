/**
 * A pod states outcomes of its own only. The shares it states are checked with the statement; this guards the other end: naming a
 * reference of somebody else's outcome must not rewrite it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import type { CreatedOutcome } from './create-outcome.ts';

/**
 * Call it in the transaction that wrote the outcome; a refusal rolls the change back.
 * @throws AppError forbidden where a pod changed an outcome in which another pod had a share.
 */
export async function guardClaim(trx: Transaction<DB>, principal: Principal, written: CreatedOutcome): Promise<void> {
  if (principal.role !== 'pod' || written.change !== 'changed') return;
  const { rows } = await sql<{ foreign_shares: number }>`
    select count(*)::int as foreign_shares
    from outcome_version, jsonb_array_elements(content -> 'shares') as share
    where outcome_id = ${written.outcomeId}::bigint and version = ${written.version - 1}
      and share ->> 'podId' <> all (${[...principal.pods]}::text[])
  `.execute(trx);
  if (rows[0]?.foreign_shares === 0) return;
  throw new AppError(
    'forbidden',
    'A reference of this outcome belongs to one in which another pod has a share; a pod may change only its own. Ask finance to change it, or leave the reference out.',
  );
}
