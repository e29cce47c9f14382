/** Journals in the terminal: one table per journal, debits and credits side by side, their totals last. */
import type { Journal, JournalExport } from '../../services/journal/journal.ts';
import { cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const ENTITY_WIDTH_MAX = 24;
const PODS_WIDTH_MAX = 30;
const HEADS = ['entity', 'cur', 'account', 'cost centre', 'pods', 'debit', 'credit'];

export function renderJournals({ journals }: JournalExport): string {
  return journals.map(renderJournal).join('\n\n');
}

function renderJournal(journal: Journal): string {
  const { journalId, purpose, state, period, statementId, reversesJournalId, costMetric } = journal;
  const from = statementId === null ? 'the month is open' : `statement ${statementId}`;
  const reversal = reversesJournalId === null ? '' : `, reverses journal ${reversesJournalId}`;
  const title = `Journal ${journalId}: ${purpose} of ${period.id}, ${state} (${from}${reversal}), ${costMetric}`;
  if (journal.lines.length === 0) return `${title}\nThere is no cost to book.`;
  const lines = journal.lines.map((line) => [
    entityOf(line),
    line.currency,
    line.adjustsStatementId === null ? line.account : `${line.account} (adjusts statement ${line.adjustsStatementId})`,
    line.costCentre ?? '',
    cutTo(line.pods.join(', '), PODS_WIDTH_MAX),
    line.side === 'debit' ? withThousands(line.amount) : '',
    line.side === 'credit' ? withThousands(line.amount) : '',
  ]);
  const totals = journal.totals.map(({ entity, currency, debit, credit }) => [
    entityOf({ entity }),
    currency,
    'total',
    '',
    '',
    withThousands(debit),
    withThousands(credit),
  ]);
  return [title, textTable(HEADS, [...lines, ...totals], [5, 6])].join('\n');
}

function entityOf({ entity }: { readonly entity: string | null }): string | null {
  return entity === null ? null : cutTo(entity, ENTITY_WIDTH_MAX);
}
