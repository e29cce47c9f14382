/** outturn invoices: what the providers asked to be paid, stated by finance and held against the bills. */
import type { Command } from 'commander';
import { importInvoices } from '../../services/invoices/import-invoices.ts';
import { listInvoices } from '../../services/invoices/list-invoices.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderInvoiceImport, renderInvoiceList } from '../render/invoices.ts';
import { withRuntime } from '../runtime.ts';
import { addSheetImport } from '../sheet-import.ts';

/** More than a company gets in years; the API pages through more. */
const LISTED_MAX = 10_000;

export function invoicesCommand(program: Command): void {
  const invoices = program.command('invoices').description('invoice totals, to hold the bills against');

  addSheetImport(invoices, {
    noun: 'invoices',
    description: 'import invoice totals from a sheet, all or nothing; importing it again changes nothing',
    argument: 'the sheet, as CSV or XLSX',
    examples: [
      'outturn invoices import invoices-2026-09.csv --dry-run',
      'outturn invoices import invoices-2026-09.csv',
    ],
    take: ({ db }, sheet) => importInvoices(db, sheet),
    render: renderInvoiceImport,
  });

  const listing = invoices
    .command('list')
    .description('the invoices that were stated, void ones among them')
    .option('--source <id>', 'only those of one source')
    .action(async (options: { source?: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn invoices' }, async (runtime) => {
        const found = await listInvoices(runtime.db, {
          after: null,
          limit: LISTED_MAX,
          ...(options.source === undefined ? {} : { sourceId: options.source }),
        });
        if (options.json === true) printJson(found);
        else printText(renderInvoiceList(found));
      });
    });
  withExamples(withJson(listing), 'outturn invoices list --source aws');
}
