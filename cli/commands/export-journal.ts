/** outturn export journal: the cost of a month as balanced lines for the ledger, and the reversal of what was exported before. */
import { type Command, Option } from 'commander';
import { AppError } from '../../services/kernel/errors.ts';
import { exportJournals } from '../../services/journal/export-journal.ts';
import { JOURNAL_PURPOSES, type JournalExport, type JournalPurpose } from '../../services/journal/journal.ts';
import { journalTable } from '../../services/journal/journal-table.ts';
import { reverseJournal } from '../../services/journal/reverse-journal.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { type FormOptions, printReport, withForm } from '../printed-form.ts';
import { renderJournals } from '../render/journals.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

interface JournalOptions extends FormOptions {
  readonly period?: string;
  readonly purpose: JournalPurpose;
  readonly force?: boolean;
  readonly reason?: string;
  readonly reversal?: string;
}

export function exportJournalCommand(parent: Command): void {
  const command = withForm(parent.command('journal'))
    .description('balanced journal lines by billing account and cost centre, for chargeback and showback')
    .option('--period <period>', 'whole months: 2026-09, 2026-Q3, 2026; one journal each')
    .addOption(
      new Option('--purpose <what>', 'chargeback is booked, of closed months; showback only tells')
        .choices(JOURNAL_PURPOSES)
        .default('chargeback'),
    )
    .option('--force', 'charge an open month back all the same')
    .option('--reason <text>', 'why, for --force; kept in the journal')
    .option('--reversal <statement>', 'the exact opposite of what a superseded statement was charged back with')
    .action(async (options: JournalOptions) => {
      await withRuntime({ applicationName: 'outturn export' }, async (runtime) => {
        const found = await exportOrReverse(runtime, options);
        await printReport(options, { found, sheet: () => journalTable(found), table: () => renderJournals(found) });
      });
    });
  withExamples(
    withJson(command),
    'outturn export journal --period 2026-09 --format csv > journal-2026-09.csv',
    'outturn export journal --period 2026-10 --purpose showback',
    'outturn export journal --reversal 7 --format csv > reversal-7.csv',
  );
}

async function exportOrReverse(runtime: Runtime, options: JournalOptions): Promise<JournalExport> {
  const { period, purpose, reversal } = options;
  const common = { principal: await actingPrincipal(runtime), at: runtime.clock.now() };
  if (reversal !== undefined && period === undefined) {
    return runtime.db.transaction().execute((trx) => reverseJournal(trx, { of: reversal, ...common }));
  }
  if (period === undefined || reversal !== undefined) {
    throw new AppError(
      'invalid_input',
      'Name either --period or --reversal: a reversal has the period of what it reverses.',
    );
  }
  if (options.force === true && options.reason === undefined) {
    throw new AppError(
      'invalid_input',
      '--force needs --reason: the journal keeps why an open month was charged back.',
    );
  }
  const forced = options.force === true && options.reason !== undefined ? { forcedReason: options.reason } : {};
  return runtime.db.transaction().execute((trx) => exportJournals(trx, { period, purpose, ...forced, ...common }));
}
