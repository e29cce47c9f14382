/** Keeps the CIO's quarter with the statement that closes it, so that what a board was handed never changes. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { prepareConversions } from '../reports/prepare-conversions.ts';
import { composeCloudReturn } from './compose.ts';
import { type Quarter, quartersOfTrend } from './quarter.ts';

/** Writes it for a statement that is being prepared; its value report is the frozen one. */
export async function keepCloudReturn(
  trx: Transaction<DB>,
  given: { statementId: number; quarter: Quarter; at: Date },
): Promise<void> {
  const { statementId, quarter, at } = given;
  const { id: quarterId } = quarter.report.period;
  const [, ...before] = await quartersOfTrend(trx, { quarter: quarterId, at });
  for (const { id: period } of before) await prepareConversions(trx, { period, at });
  await prepareConversions(trx, { period: quarterId, at, detail: true });
  const content = JSON.stringify(await composeCloudReturn(trx, { quarter, before, at }));
  await sql`insert into statement_cloud_return (statement_id, content) values (${statementId}, ${content})`.execute(
    trx,
  );
}
