/** Ends a load that was refused: its reasons are kept as rows, its charges are not, and what was published stays as it is. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError, type InputFault } from '../kernel/errors.ts';

/** A refusal names at most a few faults; a bound all the same. */
const REJECTIONS_MAX = 1_000;

/**
 * Marks the load failed with the error's code, message and faults, and drops its charges. Does nothing for a load that is published,
 * superseded or failed.
 */
export async function failLoad(trx: Transaction<DB>, loadId: string, error: Error, at: Date): Promise<void> {
  const failure = JSON.stringify({
    code: error instanceof AppError ? error.code : 'unexpected',
    message: error.message,
    details: error instanceof AppError ? error.details : {},
  });
  const { rows } = await sql`
    update load set state = 'failed', failed_at = ${at.toISOString()}::timestamptz, failure = ${failure}::jsonb
    where id = ${loadId}::bigint and state in ('staging', 'staged') returning id`.execute(trx);
  if (rows.length === 0) return;
  const faults = error instanceof AppError ? error.faults.slice(0, REJECTIONS_MAX) : [];
  for (const fault of faults) await insertRejection(trx, loadId, fault);
  await sql`drop table if exists ${sql.table(`charge_${BigInt(loadId)}`)}`.execute(trx);
}

async function insertRejection(trx: Transaction<DB>, loadId: string, fault: InputFault): Promise<void> {
  await sql`
    insert into rejection (load_id, ordinal, record, line, column_name, reason, fix)
    values (${loadId}::bigint,
      coalesce((select min(ordinal) from load_file where load_id = ${loadId}::bigint and name = ${fault.file ?? ''}), 0),
      ${fault.record ?? null}, ${fault.line ?? null}, ${fault.column ?? null}, ${fault.reason}, ${fault.fix ?? null})`.execute(
    trx,
  );
}
