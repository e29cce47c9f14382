/** Journals as CSV for the ledger: one row per line, amounts in a debit and a credit column, the other one empty. */
import { addDays } from '../kernel/period.ts';
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';
import type { JournalExport } from './journal.ts';

const HEAD = [
  [
    'journal',
    'line',
    'purpose',
    'state',
    'period',
    'posting_date',
    'statement',
    'reverses_journal',
    'adjusts_statement',
  ],
  ['entity', 'currency', 'account', 'cost_centre', 'pods', 'debit', 'credit', 'text'],
].flat();

/** The posting date is the month's last day. */
export function journalTable({ journals }: JournalExport): ReportTable {
  const rows = journals.flatMap((journal) =>
    journal.lines.map((line): Cell[] => [
      ...figures(journal.journalId, line.line),
      journal.purpose,
      journal.state,
      journal.period.id,
      ...figures(
        addDays(journal.period.end, -1),
        journal.statementId,
        journal.reversesJournalId,
        line.adjustsStatementId,
      ),
      line.entity,
      line.currency,
      line.account,
      line.costCentre,
      line.pods.join(' '),
      ...figures(line.side === 'debit' ? line.amount : null, line.side === 'credit' ? line.amount : null),
      line.text,
    ]),
  );
  return { name: 'journal', head: HEAD, rows };
}
