/**
 * The value report of a closed period as its statement froze it: the rows as they were stored, put together again. A pod's token reads
 * its own rows only, by row-level security, and totals are then of these.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import {
  composeValuePerPod,
  type ValueHeading,
  type ValuePerPod,
  type ValuePerPodRow,
} from '../reports/compose-value.ts';

const NOTHING: ValuePerPod['unattributed'] = { cost: ZERO, verified: ZERO, claimed: ZERO };

/**
 * The report of a statement; of one portfolio as it was then, without the unattributed.
 * @throws AppError not_found where no pod of the statement was in the portfolio.
 */
export async function frozenValuePerPod(
  db: Kysely<DB>,
  statementId: number,
  portfolio: string | undefined,
): Promise<ValuePerPod> {
  const { heading } = await db
    .selectFrom('statement')
    .select('heading')
    .where('id', '=', statementId)
    .executeTakeFirstOrThrow();
  const { rows } = await sql<{ pod_id: string | null; content: string }>`
    select pod_id, content from statement_pod where statement_id = ${statementId}
      and (${portfolio ?? null}::text is null or portfolio_id = ${portfolio ?? null}) order by pod_id collate "C"
  `.execute(db);
  if (portfolio !== undefined && rows.length === 0) {
    const message = `Statement ${statementId} has no pod of a portfolio "${portfolio}". Ask without --portfolio to see all of its pods.`;
    throw new AppError('not_found', message);
  }
  const unattributed = rows.find((row) => row.pod_id === null);
  return composeValuePerPod(JSON.parse(heading) as ValueHeading, {
    portfolio,
    rows: rows.flatMap((row) => (row.pod_id === null ? [] : [JSON.parse(row.content) as ValuePerPodRow])),
    unattributed:
      unattributed === undefined ? NOTHING : (JSON.parse(unattributed.content) as ValuePerPod['unattributed']),
  });
}
