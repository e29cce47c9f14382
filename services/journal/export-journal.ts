/**
 * Exports the journals of a period, one per month: of a closed month the one of its statement, made once and repeated byte for byte; of an
 * open one a preliminary one, for showback, or for chargeback where somebody answers for it with a reason. Nothing is booked twice: what a
 * superseded statement or an open month was charged back with has to be reversed first.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { JOURNAL_LOCK } from '../kernel/advisory-locks.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, type Naming, worded } from '../kernel/wording.ts';
import { type IsoDate, monthOf, monthsTouched, parsePeriod, type Period } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { isStanding } from '../periods/closed-months.ts';
import { composeJournal } from './compose-journal.ts';
import type { Journal, JournalAccounts, JournalExport, JournalPurpose } from './journal.ts';
import { readJournalCosts } from './journal-costs.ts';
import { readJournal } from './read-journals.ts';
import { digestOf, storeJournal } from './store-journal.ts';

const FORCE: Naming = { commandLine: '--force --reason "…"', http: '"forcedReason"' };

export interface JournalRequest {
  /** Whole months: 2026-09, 2026-Q3, 2026, or a range of them. */
  readonly period: string;
  readonly purpose: JournalPurpose;
  /** Why an open month is charged back all the same. */
  readonly forcedReason?: string;
  readonly principal: Principal;
  readonly at: Date;
}

interface Setting {
  readonly accounts: JournalAccounts;
  readonly costMetric: CostMetric;
  readonly rulebookId: number;
  readonly period: Period;
}

interface Statement {
  readonly id: number;
  readonly rulebook_id: number;
  readonly cost_metric: CostMetric;
}

/**
 * The journals of the period's months, ascending.
 * @throws AppError invalid_period (not whole months), conflict (an open month for chargeback; something to reverse first).
 */
export async function exportJournals(trx: Transaction<DB>, request: JournalRequest): Promise<JournalExport> {
  await sql`select pg_advisory_xact_lock(${JOURNAL_LOCK})`.execute(trx);
  const setting = await readSetting(trx, request.period);
  const journals: Journal[] = [];
  for (const start of monthsTouched(setting.period.start, setting.period.end)) {
    journals.push(await exportMonth(trx, monthOf(start), { request, setting }));
  }
  return { journals };
}

async function exportMonth(
  trx: Transaction<DB>,
  month: Period,
  { request, setting }: { request: JournalRequest; setting: Setting },
): Promise<Journal> {
  const statement = await findStatement(trx, month);
  const forcedReason = statement === null ? (request.forcedReason ?? null) : null;
  if (request.purpose === 'chargeback' && statement === null && forcedReason === null) {
    throw new AppError(
      'conflict',
      worded`${month.id} is open: its cost still moves. Close it (${COMMANDS.close(month.id)}), export it as showback, or give a reason (${FORCE}).`,
    );
  }
  const former = statement === null ? null : await findOfStatement(trx, statement.id, request.purpose);
  if (former !== null) return former;
  const costMetric = statement?.cost_metric ?? setting.costMetric;
  const costs = await readJournalCosts(trx, {
    start: month.start,
    end: month.end,
    statementId: statement?.id ?? null,
    rulebookId: statement?.rulebook_id ?? setting.rulebookId,
    costMetric,
  });
  const lines = composeJournal(costs, { accounts: setting.accounts, periodId: month.id });
  if (statement === null) {
    const same = await findPreliminary(trx, { month, purpose: request.purpose, digest: digestOf(lines) });
    if (same !== null) return same;
  }
  if (request.purpose === 'chargeback') await refuseBookedTwice(trx, month);
  return storeJournal(
    trx,
    {
      purpose: request.purpose,
      state: statement === null ? 'preliminary' : 'final',
      period: { id: month.id, start: month.start, end: month.end },
      costMetric,
      statementId: statement === null ? null : String(statement.id),
      forcedReason: request.purpose === 'chargeback' ? forcedReason : null,
      reversesJournalId: null,
      lines,
    },
    request,
  );
}

async function readSetting(trx: Transaction<DB>, periodName: string): Promise<Setting> {
  const row = await trx.selectFrom('organisation').selectAll().executeTakeFirstOrThrow();
  const period = parsePeriod(periodName, {
    fiscalYearStartMonth: row.fiscal_year_start_month,
    fiscalYearNamedBy: row.fiscal_year_named_by === 'end' ? 'end' : 'start',
  });
  const isWhole = (date: IsoDate) => date.endsWith('-01');
  if (!isWhole(period.start) || !isWhole(period.end)) {
    throw new AppError(
      'invalid_period',
      `A journal is of whole months, and "${periodName}" is not. Write 2026-09, 2026-Q3, 2026 or 2026-09-01..2026-11-01.`,
    );
  }
  return {
    period,
    rulebookId: row.rulebook_id,
    costMetric: row.cost_metric as CostMetric,
    accounts: {
      expense: row.journal_expense_account,
      unassigned: row.journal_unassigned_account,
      unattributed: row.journal_unattributed_account,
      clearing: row.journal_clearing_account,
    },
  };
}

async function findStatement(trx: Transaction<DB>, month: Period): Promise<Statement | null> {
  const { rows } = await sql<Statement>`
    select id, rulebook_id, cost_metric from statement
    where kind = 'month' and period_start = ${month.start}::date and period_end = ${month.end}::date and ${isStanding('statement')}
  `.execute(trx);
  return rows[0] ?? null;
}

async function findOfStatement(
  trx: Transaction<DB>,
  statementId: number,
  purpose: JournalPurpose,
): Promise<Journal | null> {
  const row = await trx
    .selectFrom('journal')
    .select('id')
    .where('statement_id', '=', statementId)
    .where('purpose', '=', purpose)
    .where('reverses_id', 'is', null)
    .executeTakeFirst();
  return row === undefined ? null : readJournal(trx, row.id);
}

/** The last one of the open month, where nothing has moved since and it was not reversed. */
async function findPreliminary(
  trx: Transaction<DB>,
  key: { month: Period; purpose: JournalPurpose; digest: string },
): Promise<Journal | null> {
  const { rows } = await sql<{ id: number; content_digest: string }>`
    select id, content_digest from journal
    where period_start = ${key.month.start}::date and period_end = ${key.month.end}::date and purpose = ${key.purpose}
      and state = 'preliminary' and reverses_id is null
      and not exists (select from journal as reversal where reversal.reverses_id = journal.id)
    order by id desc limit 1
  `.execute(trx);
  const [last] = rows;
  return last === undefined || last.content_digest !== key.digest ? null : readJournal(trx, last.id);
}

/** @throws AppError conflict naming what to reverse: another journal of the month was charged back and still stands. */
async function refuseBookedTwice(trx: Transaction<DB>, month: Period): Promise<void> {
  const { rows } = await sql<{ id: number; statement_id: number | null }>`
    select id, statement_id from journal
    where period_start = ${month.start}::date and period_end = ${month.end}::date and purpose = 'chargeback' and reverses_id is null
      and not exists (select from journal as reversal where reversal.reverses_id = journal.id)
    order by id limit 1
  `.execute(trx);
  const [standing] = rows;
  if (standing === undefined) return;
  const which =
    standing.statement_id === null
      ? `before it was closed (journal ${standing.id})`
      : `by statement ${standing.statement_id}, which was superseded`;
  const reversal = standing.statement_id === null ? `journal-${standing.id}` : String(standing.statement_id);
  throw new AppError(
    'conflict',
    worded`${month.id} was charged back ${which}. Book the reversal first: ${{
      commandLine: `"outturn export journal --reversal ${reversal}"`,
      http: `POST /api/v1/journals/reversals with "of": "${reversal}"`,
    }}.`,
  );
}
