/** Writes a journal with its lines, once and for ever, and the audit event of its export. */
import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Principal } from '../kernel/ports.ts';
import type { Journal, JournalHead, JournalLine } from './journal.ts';
import { readJournal } from './read-journals.ts';

export type NewJournal = Omit<JournalHead, 'journalId' | 'createdAt' | 'createdBy'> & {
  readonly lines: readonly JournalLine[];
};

/** The digest by which an open month that has not moved is known again. */
export function digestOf(lines: readonly JournalLine[]): string {
  return createHash('sha256').update(canonicalJson(lines)).digest('hex');
}

/** Stores it; gives it as it will always be read. Debits and credits are compared by the database when the transaction ends. */
export async function storeJournal(
  trx: Transaction<DB>,
  journal: NewJournal,
  options: { principal: Principal; at: Date },
): Promise<Journal> {
  const { principal, at } = options;
  const { rows } = await sql<{ id: number }>`
    insert into journal (purpose, state, period_id, period_start, period_end, cost_metric, statement_id, forced_reason, reverses_id,
      content_digest, created_at, created_by)
    values (${journal.purpose}, ${journal.state}, ${journal.period.id}, ${journal.period.start}, ${journal.period.end}, ${journal.costMetric},
      ${journal.statementId}::integer, ${journal.forcedReason}, ${journal.reversesJournalId}::integer, ${digestOf(journal.lines)},
      ${at.toISOString()}::timestamptz, ${principal.id})
    returning id
  `.execute(trx);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('a stored journal must have an id');
  await sql`
    insert into journal_line (journal_id, ordinal, entity, currency, account, cost_centre, pod_ids, side, amount, adjusts_id, text)
    select ${id}::integer, line.ordinal, line.content ->> 'entity', line.content ->> 'currency', line.content ->> 'account',
      line.content ->> 'costCentre', array(select jsonb_array_elements_text(line.content -> 'pods')), line.content ->> 'side',
      (line.content ->> 'amount')::numeric, (line.content ->> 'adjustsStatementId')::integer, line.content ->> 'text'
    from jsonb_array_elements(${JSON.stringify(journal.lines)}::jsonb) with ordinality as line (content, ordinal)
  `.execute(trx);
  const stored = await readJournal(trx, id);
  if (stored === null) throw new Error('a stored journal must be readable');
  const { purpose, period, statementId, state, reversesJournalId, forcedReason } = stored;
  await recordAudit(trx, {
    at,
    principal,
    action: reversesJournalId === null ? 'export-journal' : 'reverse-journal',
    subjectKind: 'journal',
    subjectId: stored.journalId,
    details: { purpose, state, period: period.id, statementId, reversesJournalId, forcedReason },
  });
  return stored;
}
