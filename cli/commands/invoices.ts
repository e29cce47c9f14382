/** outturn invoices: what the providers asked to be paid, stated by finance and held against the bills. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { importInvoices } from '../../services/invoices/import-invoices.ts';
import { listInvoices } from '../../services/invoices/list-invoices.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderInvoiceImport, renderInvoiceList } from '../render/invoices.ts';
import { withRuntime } from '../runtime.ts';

/** More than a company gets in years; the API pages through more. */
const LISTED_MAX = 10_000;

export function invoicesCommand(program: Command): void {
  const invoices = program.command('invoices').description('invoice totals, to hold the bills against');

  const importing = invoices
    .command('import')
    .description('import invoice totals from a CSV sheet, all or nothing; importing it again changes nothing')
    .argument('<file>', 'the sheet as CSV')
    .option('--dry-run', 'check everything and change nothing')
    .action(async (file: string, options: { dryRun?: boolean; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn invoices' }, async (runtime) => {
        const result = await importInvoices(runtime.db, {
          csvText: await readSheet(file),
          fileName: basename(file),
          principal: localOperator,
          dryRun: options.dryRun === true,
          at: runtime.clock.now(),
        });
        if (options.json === true) printJson(result);
        else printText(renderInvoiceImport(result));
      });
    });
  withExamples(
    withJson(importing),
    'outturn invoices import invoices-2026-09.csv --dry-run',
    'outturn invoices import invoices-2026-09.csv',
  );

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

async function readSheet(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('invalid_input', `The sheet ${file} cannot be read. Check the path and its permissions.`, {
      cause,
    });
  }
}
