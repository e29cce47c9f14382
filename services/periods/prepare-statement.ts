/**
 * Closing, first half: one person freezes a month or quarter as a prepared statement. It shows what would be closed; until another person
 * approves it nothing is closed, and preparing again replaces it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, type Naming, option, worded } from '../kernel/wording.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { type IsoDate, type Period, utcDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { readReportFrame } from '../reports/report-frame.ts';
import { hashOf } from './chain.ts';
import { type ClosedMonth, isStanding, listClosedMonths } from './closed-months.ts';
import { freezeQuarter } from './freeze-quarter.ts';
import { fillClosedConversions, requireClosedConversions } from './closed-conversions.ts';
import { freezeWholeMonth } from './freeze-whole-month.ts';
import { listStatements, type StatementSummary } from './list-statements.ts';
import { type LockedFigures, lockFigures } from './lock-figures.ts';
import { readReadiness, type SourceReadiness } from './readiness.ts';
import { discardPrepared } from './discard-statement.ts';

export interface CloseRequest {
  /** A month or a fiscal quarter. */
  readonly period: string;
  /** Why it is closed although something stands in the way. */
  readonly forcedReason?: string;
  /** Why a closed period is closed anew. */
  readonly reissueReason?: string;
  readonly principal: Principal;
  readonly at: Date;
}

/** The reasons of a request that gives one for whatever it asks: `--force`, `--reissue` or both. */
export function reasonsOf(asked: {
  readonly force?: boolean | undefined;
  readonly reissue?: boolean | undefined;
  readonly reason?: string | undefined;
}): Pick<CloseRequest, 'forcedReason' | 'reissueReason'> {
  const { force = false, reissue = false, reason = '' } = asked;
  if (reason !== '' && !force && !reissue) {
    throw new AppError(
      'invalid_input',
      worded`A reason is given for ${option('force')} or ${option('reissue')}. Add one of them, or leave the reason out.`,
    );
  }
  return { ...(force ? { forcedReason: reason } : {}), ...(reissue ? { reissueReason: reason } : {}) };
}

export interface PreparedStatement {
  readonly statement: StatementSummary;
  readonly readiness: readonly SourceReadiness[];
  /** The value report as frozen. */
  readonly valuePerPod: ValuePerPod;
}

const PREPARERS = new Set(['finance', 'operator']);

/**
 * Freezes a period. A statement of it that was prepared before and not approved is discarded.
 * @throws AppError forbidden (role); invalid_period; conflict where it is not over, closed already, out of turn, or where something
 *   stands in the way and no reason is given; missing_exchange_rate; conservation_broken.
 */
export async function prepareStatement(trx: Transaction<DB>, request: CloseRequest): Promise<PreparedStatement> {
  const { principal, at } = request;
  if (!PREPARERS.has(principal.role)) {
    throw new AppError(
      'forbidden',
      `Finance or an operator closes a period; ${principal.id} has the role ${principal.role}.`,
    );
  }
  const { period } = await readReportFrame(trx, { period: request.period, at });
  refuseUnclosable(period, at);
  const locked = await lockFigures(trx, period);
  const superseded = await readStanding(trx, period);
  const reissueReason = reasonOf(request.reissueReason, 'reissue');
  refuseReissue(period, superseded, reissueReason);
  await discardPrepared(trx, { periodId: period.id, principal, at });
  const readiness = period.kind === 'month' ? await readReadiness(trx, period, at) : [];
  const forcedReason = forceOf(period, readiness, reasonOf(request.forcedReason, 'force'));
  const closed = await listClosedMonths(trx);
  if (period.kind === 'month') await refuseOutOfTurn(trx, period, closed);

  const statementId = await insertDraft(trx, { request, period, locked, superseded, reissueReason, forcedReason });
  const facts = {
    statementId,
    period,
    supersedesId: superseded,
    reissueReason,
    forcedReason,
    knownAt: at,
    preparedBy: principal.id,
    rulebookId: locked.rulebookId,
    readiness,
  };
  if (period.kind === 'month') await prepareRates(trx, period, locked, closed);
  const { document, valuePerPod } =
    period.kind === 'month'
      ? await freezeWholeMonth(trx, { facts, locked, closed })
      : await freezeQuarter(trx, { facts, closed });
  faultPoint('close-after-rows');
  await sql`
    update statement set document = ${document}, document_hash = ${hashOf(document)} where id = ${statementId}
  `.execute(trx);
  await recordAudit(trx, {
    at,
    principal,
    action: 'prepare-statement',
    subjectKind: 'statement',
    subjectId: String(statementId),
    details: { period: period.id, documentHash: hashOf(document), supersedes: superseded, forcedReason, reissueReason },
  });
  faultPoint('close-before-commit');
  const [statement] = await listStatements(trx, { statementId: String(statementId) });
  if (statement === undefined) throw new Error(`statement ${statementId} was prepared and is not there`);
  return { statement, readiness, valuePerPod };
}

function refuseUnclosable(period: Period, at: Date): void {
  if (period.kind !== 'month' && period.kind !== 'quarter') {
    throw new AppError(
      'invalid_period',
      `"${period.id}" cannot be closed. Close a month such as 2026-09, or a quarter such as 2026-Q3.`,
    );
  }
  if (period.end > utcDate(at)) {
    throw new AppError(
      'conflict',
      `${period.id} is not over: its last day ends at ${period.end}T00:00:00Z. Close it after that.`,
    );
  }
}

/** By its days: after another month begins the fiscal year, a quarter's name may be that of other days. */
async function readStanding(trx: Transaction<DB>, { id: name, kind, start, end }: Period): Promise<number | null> {
  const { rows } = await sql<{ id: number; start: IsoDate; end: IsoDate }>`
    select id, period_start as start, period_end as end from statement
    where ${isStanding('statement')} and kind = ${kind}
      and (period_id = ${name} or (period_start = ${start}::date and period_end = ${end}::date))
  `.execute(trx);
  const standing = rows.find((row) => row.start === start && row.end === end);
  const [namesake] = rows;
  if (standing === undefined && namesake !== undefined) {
    throw new AppError(
      'conflict',
      `Statement ${namesake.id} closed ${name} as ${namesake.start}..${namesake.end}; now that name means ${start}..${end}. The months of these days answer for them: a name closes once.`,
      { details: { statementId: String(namesake.id) } },
    );
  }
  return standing?.id ?? null;
}

function refuseReissue(period: Period, superseded: number | null, reissueReason: string | null): void {
  if (superseded !== null && reissueReason === null) {
    throw new AppError(
      'conflict',
      worded`${period.id} is closed by statement ${superseded}. Corrections show as adjustments of the open month; to close it anew, say why: ${withReason('reissue')}.`,
      { details: { statementId: String(superseded) } },
    );
  }
  if (superseded === null && reissueReason !== null) {
    throw new AppError(
      'conflict',
      worded`${period.id} is not closed, so there is nothing to reissue. Leave ${option('reissue')} out.`,
    );
  }
}

function withReason(field: 'force' | 'reissue'): Naming {
  const { commandLine, http } = option(field);
  return { commandLine: `${commandLine} --reason "…"`, http: `${http} and "reason"` };
}

function reasonOf(text: string | undefined, field: 'force' | 'reissue'): string | null {
  if (text === undefined) return null;
  const reason = text.trim();
  if (reason === '')
    throw new AppError(
      'invalid_input',
      worded`${option(field)} needs a reason: add ${option('reason')}; it is kept in the statement.`,
    );
  return reason;
}

/** The reason where something stands in the way; nothing is forced where nothing does. */
function forceOf(period: Period, readiness: readonly SourceReadiness[], reason: string | null): string | null {
  const obstacles = readiness.flatMap(({ obstacle }) => (obstacle === null ? [] : [obstacle]));
  if (obstacles.length === 0) return null;
  if (reason !== null) return reason;
  throw new AppError(
    'conflict',
    worded`${period.id} cannot be closed yet.\n${obstacles.join('\n')}\nTo close it all the same, say why: ${withReason('force')}; the statement keeps it.`,
    { details: { readiness } },
  );
}

/** Closed months stand side by side: between the first and the last there is none open that has charges. The nearest of them goes first. */
async function refuseOutOfTurn(trx: Transaction<DB>, period: Period, closed: readonly ClosedMonth[]): Promise<void> {
  const months = [...closed.map((month) => month.start), period.start].sort();
  const isBackwards = period.start === months[0];
  const { rows } = await sql<{ month: string }>`
    select to_char(month, 'YYYY-MM') as month
    from generate_series(${months[0] ?? period.start}::date, ${months.at(-1) ?? period.start}::date, interval '1 month') as month
    where not month::date = any(${months}::date[])
      and exists (select from pod_day where charge_date >= month::date and charge_date < (month + interval '1 month')::date)
    order by month ${isBackwards ? sql`desc` : sql`asc`} limit 1
  `.execute(trx);
  const [open] = rows;
  if (open === undefined) return;
  throw new AppError(
    'conflict',
    worded`Between closed months none with charges may stay open, and ${open.month} would. Close it first: ${COMMANDS.close(open.month)}.`,
  );
}

async function insertDraft(
  trx: Transaction<DB>,
  given: {
    request: CloseRequest;
    period: Period;
    locked: LockedFigures;
    superseded: number | null;
    reissueReason: string | null;
    forcedReason: string | null;
  },
): Promise<number> {
  const { request, period, locked, superseded, reissueReason, forcedReason } = given;
  const at = request.at.toISOString();
  const { rows } = await sql<{ id: number }>`
    insert into statement (kind, period_id, period_start, period_end, state, supersedes_id, reissue_reason, forced_reason, known_at,
      figures_version, rulebook_id, currency, cost_metric, heading, document, document_hash, prepared_by, prepared_at)
    values (${period.kind}, ${period.id}, ${period.start}, ${period.end}, 'prepared', ${superseded}, ${reissueReason}, ${forcedReason},
      ${at}::timestamptz, ${locked.version}::bigint, ${locked.rulebookId}, ${locked.currency}, ${locked.costMetric}, '', '', '',
      ${request.principal.id}, ${at}::timestamptz)
    returning id
  `.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new Error('a statement was inserted and has no id');
  return row.id;
}

/** Stores every conversion the month and the comparison with closed months need, and refuses where one is missing. */
async function prepareRates(
  trx: Transaction<DB>,
  period: Period,
  locked: LockedFigures,
  closed: readonly ClosedMonth[],
): Promise<void> {
  const { start, end, id: periodId } = period;
  const own: ClosedMonth = {
    statementId: 0,
    periodId,
    start,
    end,
    rulebookId: locked.rulebookId,
    currency: locked.currency,
    dataAsOf: null,
  };
  const months = [...closed, own];
  await fillClosedConversions(trx, { closed: months });
  await requireClosedConversions(trx, months);
}
