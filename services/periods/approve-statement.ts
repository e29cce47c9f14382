/**
 * Closing, second half: another person approves what was prepared. It takes its place in the chain, the month is closed from then on, and
 * nothing of it changes again. Refused where the figures moved since it was prepared: one approves what one has seen.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import { fillConversionRates } from '../fx/conversion.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { isLoadOfMonth } from './adjustment-causes.ts';
import { CHAIN_START, hashOfApproval } from './chain.ts';
import { isStanding, listClosedMonths } from './closed-months.ts';
import { ADJUSTMENT_COLUMNS } from './drift.ts';
import { driftBefore } from './freeze-month.ts';
import { readStatement, type StatementSummary } from './list-statements.ts';
import { keepStandingMonth } from './keep-standing.ts';
import { type LockedFigures, lockFigures } from './lock-figures.ts';
import { recognisedRows } from './recognised-rows.ts';

interface PreparedRow {
  readonly id: number;
  readonly kind: 'month' | 'quarter';
  readonly period_id: string;
  readonly period_start: IsoDate;
  readonly period_end: IsoDate;
  readonly state: string;
  readonly supersedes_id: number | null;
  readonly reissue_reason: string | null;
  readonly forced_reason: string | null;
  readonly figures_version: string;
  readonly rulebook_id: number;
  readonly currency: string;
  readonly cost_metric: string;
  readonly document_hash: string;
  readonly prepared_by: string;
  readonly prepared_at: Date;
}

const COSTS = sql`billed_cost, effective_cost, list_cost, contracted_cost`;

/**
 * Approves a prepared statement.
 * @throws AppError forbidden (role, or who prepared it), not_found, conflict where it is not prepared or the figures moved.
 */
export async function approveStatement(
  trx: Transaction<DB>,
  given: { statementId: string; principal: Principal; at: Date },
): Promise<StatementSummary> {
  const { statementId, principal, at } = given;
  if (principal.role !== 'finance') {
    throw new AppError(
      'forbidden',
      `Finance approves a statement; ${principal.id} has the role ${principal.role}. Set OUTTURN_TOKEN to the token of somebody with the role finance, or use the API.`,
    );
  }
  const asked = await readStatement(trx, statementId);
  const locked = await lockFigures(trx, asked);
  const statement = await readPrepared(trx, statementId);
  if (statement.prepared_by === principal.id) {
    throw new AppError(
      'forbidden',
      `${principal.id} prepared statement ${statementId} and cannot approve it: a second person does.`,
    );
  }
  if (statement.figures_version !== locked.version) await refuseMoved(trx, statement, locked);
  await appendToChain(trx, statement, { principal, at });
  if (statement.kind === 'month') await keepStandingMonth(trx, statement.period_start);
  await raiseFiguresVersion(trx, statement.kind === 'month' ? 'anything' : {});
  await recordAudit(trx, {
    at,
    principal,
    action: 'approve-statement',
    subjectKind: 'statement',
    subjectId: statementId,
    details: {
      period: statement.period_id,
      documentHash: statement.document_hash,
      supersedes: statement.supersedes_id,
    },
  });
  faultPoint('approve-before-commit');
  return readStatement(trx, statementId);
}

async function readPrepared(trx: Transaction<DB>, statementId: string): Promise<PreparedRow> {
  const { rows } = await sql<PreparedRow>`
    select id, kind, period_id, period_start, period_end, state, supersedes_id, reissue_reason, forced_reason,
      figures_version::text as figures_version, rulebook_id, currency, cost_metric, document_hash, prepared_by, prepared_at
    from statement where id::text = ${statementId} for update
  `.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new AppError('not_found', `There is no statement ${statementId}.`);
  if (row.state !== 'prepared') {
    throw new AppError(
      'conflict',
      `Statement ${statementId} of ${row.period_id} is ${row.state}; only a prepared one can be approved.`,
    );
  }
  return row;
}

/** Something changed a figure since; that is no matter where it was of other days. */
async function refuseMoved(trx: Transaction<DB>, statement: PreparedRow, locked: LockedFigures): Promise<void> {
  const isAsPrepared =
    statement.currency === locked.currency &&
    statement.cost_metric === locked.costMetric &&
    (statement.kind === 'quarter'
      ? await areMonthsStanding(trx, statement)
      : statement.rulebook_id === locked.rulebookId && (await isMonthUnmoved(trx, statement, locked)));
  if (isAsPrepared) return;
  throw new AppError(
    'conflict',
    worded`The figures of ${statement.period_id} moved after statement ${statement.id} was prepared. Prepare it again: ${COMMANDS.close(statement.period_id)}.`,
    { details: { statementId: String(statement.id) } },
  );
}

async function areMonthsStanding(trx: Transaction<DB>, statement: PreparedRow): Promise<boolean> {
  const { rows } = await sql<{ unmoved: boolean }>`
    select coalesce(bool_and(${isStanding('month')}), false) as unmoved
    from statement_month join statement as month on month.id = month_statement_id where statement_id = ${statement.id}
  `.execute(trx);
  return rows[0]?.unmoved === true;
}

/** Compares every frozen row with what would be frozen now. Shared cost follows from loads, rulebook and pod_day. */
async function isMonthUnmoved(trx: Transaction<DB>, statement: PreparedRow, locked: LockedFigures): Promise<boolean> {
  const { id, period_start: start, period_end: end, supersedes_id: supersedesId } = statement;
  const { revenueBasis } = locked;
  const closed = await listClosedMonths(trx);
  const closedBefore = closed.filter((month) => month.start < start);
  const frozen = (table: string, columns: RawBuilder<unknown>) =>
    sql`select ${columns} from ${sql.table(table)} where statement_id = ${id}`;
  const day = sql`charge_date, pod_id, kind, billing_currency, ${COSTS}`;
  const value = sql`recognised_on, outcome_id, outcome_version, pod_id, state, beside, amount`;
  const rate = sql`from_currency, to_currency, on_date, rate`;
  await refillRates(trx, id);
  const pairs: readonly (readonly [RawBuilder<unknown>, RawBuilder<unknown>])[] = [
    [
      frozen('statement_pod_day', day),
      sql`select ${day} from pod_day where charge_date >= ${start}::date and charge_date < ${end}::date`,
    ],
    [
      frozen('statement_value', value),
      sql`select ${value} from (${recognisedRows([{ start, end }], revenueBasis)}) as recognised`,
    ],
    [
      frozen('statement_load', sql`load_id`),
      sql`select load.id from (select ${start}::date as month_start, ${end}::date as month_end) as month
        join load on ${isLoadOfMonth(locked.rulebookId)}`,
    ],
    [
      frozen('statement_rate', rate),
      sql`select ${rate} from conversion_rate where (from_currency, to_currency, on_date) in (
        select from_currency, to_currency, on_date from statement_rate where statement_id = ${id})`,
    ],
    ...(closedBefore.length === 0
      ? []
      : [
          [
            frozen('statement_adjustment', ADJUSTMENT_COLUMNS),
            sql`select ${ADJUSTMENT_COLUMNS} from (${driftBefore({ closedBefore, supersedesId, revenueBasis })}) as drift`,
          ] as const,
        ]),
  ];
  for (const [was, now] of pairs) {
    const { rows } = await sql<{ moved: boolean }>`
      select exists ((${was}) except all (${now})) or exists ((${now}) except all (${was})) as moved
    `.execute(trx);
    if (rows[0]?.moved !== false) return false;
  }
  return true;
}

/** An import forgets the conversions it could have decided, also those that come out as before. */
async function refillRates(trx: Transaction<DB>, statementId: number): Promise<void> {
  const { rows } = await sql<{ to_currency: string }>`
    select distinct to_currency from statement_rate where statement_id = ${statementId}
  `.execute(trx);
  const need = sql`select from_currency, on_date from statement_rate where statement_id = ${statementId}`;
  await fillConversionRates(trx, { need, to: rows.map((row) => row.to_currency) });
}

async function appendToChain(
  trx: Transaction<DB>,
  statement: PreparedRow,
  { principal, at }: { principal: Principal; at: Date },
): Promise<void> {
  const { rows } = await sql<{ ordinal: number; hash: string }>`
    select ordinal, hash from statement where state = 'approved' order by ordinal desc limit 1
  `.execute(trx);
  const ordinal = (rows[0]?.ordinal ?? 0) + 1;
  const previousHash = rows[0]?.hash ?? CHAIN_START;
  const hash = hashOfApproval({
    previousHash,
    ordinal,
    statementId: statement.id,
    kind: statement.kind,
    periodId: statement.period_id,
    supersedesId: statement.supersedes_id,
    reissueReason: statement.reissue_reason,
    forcedReason: statement.forced_reason,
    documentHash: statement.document_hash,
    preparedBy: statement.prepared_by,
    preparedAt: statement.prepared_at.toISOString(),
    approvedBy: principal.id,
    approvedAt: at.toISOString(),
  });
  await sql`
    update statement set state = 'approved', approved_by = ${principal.id}, approved_at = ${at.toISOString()}::timestamptz,
      ordinal = ${ordinal}, previous_hash = ${previousHash}, hash = ${hash}
    where id = ${statement.id}
  `.execute(trx);
}
