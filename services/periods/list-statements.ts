/** Statements as they are listed: what each closes, who prepared and approved it, its place in the chain, and what took its place. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import type { IsoDate } from '../kernel/period.ts';
import { readReportFrame } from '../reports/report-frame.ts';
import { isStanding } from './closed-months.ts';

export interface StatementSummary {
  readonly statementId: string;
  readonly kind: 'month' | 'quarter';
  readonly period: string;
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  readonly state: 'prepared' | 'approved' | 'discarded';
  /** Approved, superseded by nothing and, of a quarter, made of months that stand. */
  readonly isCurrent: boolean;
  readonly supersedes: string | null;
  readonly supersededBy: string | null;
  readonly reissueReason: string | null;
  readonly forcedReason: string | null;
  readonly rulebook: number;
  readonly currency: string;
  readonly costMetric: string;
  readonly knownAt: string;
  readonly preparedBy: string;
  readonly preparedAt: string;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  readonly ordinal: number | null;
  readonly documentHash: string;
  readonly previousHash: string | null;
  readonly hash: string | null;
}

type SummaryRow = Omit<StatementSummary, 'knownAt' | 'preparedAt' | 'approvedAt'> & {
  readonly knownAt: Date;
  readonly preparedAt: Date;
  readonly approvedAt: Date | null;
};

export interface StatementFilter {
  readonly statementId?: string;
  /** The name of a period. */
  readonly period?: string;
  readonly state?: StatementSummary['state'];
  /** Only statements before this one. */
  readonly before?: string | null;
  readonly limit?: number;
}

/** Statements, newest first. */
export async function listStatements(db: Kysely<DB>, filter: StatementFilter = {}): Promise<StatementSummary[]> {
  const { statementId = null, period = null, state = null, before = null, limit = null } = filter;
  const { rows } = await sql<SummaryRow>`
    select statement.id::text as "statementId", kind, period_id as period, period_start as start, period_end as end, statement.state,
      ${isStanding('statement')} and not exists (
        select from statement_month join statement as month on month.id = month_statement_id
        where statement_month.statement_id = statement.id and not ${isStanding('month')}) as "isCurrent",
      supersedes_id::text as supersedes,
      (select later.id::text from statement as later where later.supersedes_id = statement.id and later.state = 'approved') as "supersededBy",
      reissue_reason as "reissueReason", forced_reason as "forcedReason", rulebook_id as rulebook, currency, cost_metric as "costMetric",
      known_at as "knownAt", prepared_by as "preparedBy", prepared_at as "preparedAt", approved_by as "approvedBy",
      approved_at as "approvedAt", ordinal, document_hash as "documentHash", previous_hash as "previousHash", hash
    from statement
    where (${statementId}::text is null or statement.id::text = ${statementId}) and (${period}::text is null or period_id = ${period})
      and (${state}::text is null or statement.state = ${state}) and (${before}::bigint is null or statement.id < ${before}::bigint)
    order by statement.id desc limit ${limit}::integer
  `.execute(db);
  return rows.map((row) => ({
    ...row,
    knownAt: row.knownAt.toISOString(),
    preparedAt: row.preparedAt.toISOString(),
    approvedAt: row.approvedAt?.toISOString() ?? null,
  }));
}

/**
 * One statement.
 * @throws AppError not_found.
 */
export async function readStatement(db: Kysely<DB>, statementId: string): Promise<StatementSummary> {
  const [statement] = await listStatements(db, { statementId });
  if (statement === undefined) throw noStatement(statementId);
  return statement;
}

/**
 * The prepared statement of a period, by the period's name in any spelling.
 * @throws AppError invalid_period, not_found.
 */
export async function findPrepared(db: Kysely<DB>, period: string, at: Date): Promise<StatementSummary> {
  const { id } = (await readReportFrame(db, { period, at })).period;
  const [prepared] = await listStatements(db, { period: id, state: 'prepared' });
  if (prepared !== undefined) return prepared;
  throw new AppError('not_found', worded`No statement of ${id} is prepared. Prepare it first: ${COMMANDS.close(id)}.`);
}

/**
 * The document as it was frozen, to the byte.
 * @throws AppError not_found.
 */
export async function readStatementDocument(db: Kysely<DB>, statementId: string): Promise<string> {
  const { rows } = await sql<{ document: string }>`
    select document from statement where id::text = ${statementId}
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw noStatement(statementId);
  return row.document;
}

function noStatement(statementId: string): AppError {
  return new AppError('not_found', worded`There is no statement ${statementId}. ${COMMANDS.statements} lists them.`);
}
