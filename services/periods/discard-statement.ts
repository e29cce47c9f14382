/** Taking back a prepared statement: its rows go, its document stays for the record. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { option, worded } from '../kernel/wording.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';

const ROWS_OF = [
  'statement_adjusted_month',
  'statement_adjustment',
  'statement_adjustment_entity',
  'statement_cloud_return',
  'statement_load',
  'statement_month',
  'statement_pod',
  'statement_pod_day',
  'statement_pod_period',
  'statement_rate',
  'statement_shared_cost',
  'statement_shared_month',
  'statement_value',
] as const;

/**
 * Discards a prepared statement by its id.
 * @throws AppError forbidden (role), not_found, conflict where it is not prepared.
 */
export async function discardStatement(
  trx: Transaction<DB>,
  given: { statementId: string; principal: Principal; at: Date },
): Promise<void> {
  const { statementId, principal } = given;
  if (principal.role !== 'finance' && principal.role !== 'operator') {
    throw new AppError(
      'forbidden',
      `Finance or an operator discards a statement; ${principal.id} has the role ${principal.role}.`,
    );
  }
  const { rows } = await sql<{ state: string; period_id: IsoDate }>`
    select state, period_id from statement where id::text = ${statementId} for update
  `.execute(trx);
  const [statement] = rows;
  if (statement === undefined) throw new AppError('not_found', `There is no statement ${statementId}.`);
  if (statement.state !== 'prepared') {
    const which = `Statement ${statementId} of ${statement.period_id} is ${statement.state}.`;
    throw new AppError(
      'conflict',
      statement.state === 'approved'
        ? worded`${which} An approved statement stays; close its period anew with ${option('reissue')}.`
        : `${which} Nothing is left to discard.`,
    );
  }
  await discardPrepared(trx, { ...given, periodId: statement.period_id });
}

/** Discards what was prepared for a period, if anything was. */
export async function discardPrepared(
  trx: Transaction<DB>,
  given: { periodId: string; principal: Principal; at: Date },
): Promise<void> {
  const { periodId, principal, at } = given;
  const { rows } = await sql<{ id: number }>`
    select id from statement where period_id = ${periodId} and state = 'prepared' for update
  `.execute(trx);
  const [prepared] = rows;
  if (prepared === undefined) return;
  for (const table of ROWS_OF)
    await sql`delete from ${sql.table(table)} where statement_id = ${prepared.id}`.execute(trx);
  await sql`update statement set state = 'discarded' where id = ${prepared.id}`.execute(trx);
  await recordAudit(trx, {
    at,
    principal,
    action: 'discard-statement',
    subjectKind: 'statement',
    subjectId: String(prepared.id),
    details: { period: periodId },
  });
}
