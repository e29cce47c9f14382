/**
 * Reverses a chargeback journal: the same lines on the other side, exactly. For the journal of a statement that was superseded, and for one that was
 * forced while its month was open. Made once; asked again, it is the same reversal.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { JOURNAL_LOCK } from '../kernel/advisory-locks.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { isStanding } from '../periods/closed-months.ts';
import type { Journal, JournalExport, JournalLine } from './journal.ts';
import { readJournal } from './read-journals.ts';
import { storeJournal } from './store-journal.ts';

interface Reversible {
  readonly id: number;
  readonly statement_id: number | null;
  readonly reversal_id: number | null;
  readonly is_standing: boolean;
}

/**
 * `of` is a statement's id, or `journal-` and the id of a preliminary chargeback.
 * @throws AppError not_found (nothing was exported there), conflict (the statement still stands), invalid_input.
 */
export async function reverseJournal(
  trx: Transaction<DB>,
  options: { of: string; principal: Principal; at: Date },
): Promise<JournalExport> {
  await sql`select pg_advisory_xact_lock(${JOURNAL_LOCK})`.execute(trx);
  const found = await findReversible(trx, options.of);
  if (found.is_standing) {
    throw new AppError(
      'conflict',
      `Statement ${found.statement_id} stands: its journal is right. Reissue the statement first; then its journal can be reversed.`,
    );
  }
  const journal =
    found.reversal_id === null ? await reverse(trx, found.id, options) : await readJournal(trx, found.reversal_id);
  if (journal === null) throw new Error('a stored reversal must be readable');
  return { journals: [journal] };
}

async function findReversible(trx: Transaction<DB>, of: string): Promise<Reversible> {
  const match = /^(journal-)?(\d{1,9})$/.exec(of.trim());
  if (match?.[2] === undefined) {
    throw new AppError(
      'invalid_input',
      `"${of}" is neither a statement's id nor a preliminary journal's. Write 7 for statement 7, or journal-7 for journal 7.`,
    );
  }
  const id = Number(match[2]);
  const isOf =
    match[1] === undefined
      ? sql`journal.statement_id = ${id}`
      : sql`journal.id = ${id} and journal.statement_id is null`;
  const { rows } = await sql<Reversible>`
    select journal.id, journal.statement_id, reversal.id as reversal_id,
      exists (select from statement where statement.id = journal.statement_id and ${isStanding('statement')}) as is_standing
    from journal left join journal as reversal on reversal.reverses_id = journal.id
    where ${isOf} and journal.purpose = 'chargeback' and journal.reverses_id is null
  `.execute(trx);
  const [found] = rows;
  if (found !== undefined) return found;
  const what = match[1] === undefined ? `statement ${id}` : `a preliminary journal ${id}`;
  throw new AppError('not_found', `Nothing was charged back by ${what}, so there is nothing to reverse.`);
}

async function reverse(
  trx: Transaction<DB>,
  journalId: number,
  options: { principal: Principal; at: Date },
): Promise<Journal> {
  const original = await readJournal(trx, journalId);
  if (original === null) throw new Error('a journal that was found must be readable');
  const { purpose, state, period, costMetric, statementId, forcedReason } = original;
  const lines = original.lines.map(
    ({ line: _line, ...line }): JournalLine => ({
      ...line,
      side: line.side === 'debit' ? 'credit' : 'debit',
      text: `Reversal: ${line.text}`,
    }),
  );
  return storeJournal(
    trx,
    { purpose, state, period, costMetric, statementId, forcedReason, reversesJournalId: String(journalId), lines },
    options,
  );
}
