/** outturn report cloud-return: the CIO's quarter, as a page of text, as JSON, as one table, or as the PDF that a board is handed. */
import { type Command, Option } from 'commander';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { cloudReturnTable } from '../../services/cloud-return/cloud-return-table.ts';
import type { CloudReturn } from '../../services/cloud-return/shape.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { withExamples, withJson } from '../command.ts';
import { printText } from '../output.ts';
import { type FormOptions, printReport, writeNew } from '../printed-form.ts';
import { renderCloudReturn } from '../render/cloud-return.ts';
import { withRuntime } from '../runtime.ts';

interface CloudReturnOptions extends Omit<FormOptions, 'format'> {
  readonly quarter: string;
  readonly format: FormOptions['format'] | 'pdf';
}

/** Adds the report to `outturn report`. */
export function addCloudReturnReport(report: Command): void {
  const command = report
    .command('cloud-return')
    .description('the CIO’s quarter: cost, verified value, what moved both, and what is asked')
    .requiredOption('--quarter <quarter>', 'a fiscal quarter, such as 2026-Q3')
    .addOption(
      new Option('--format <format>', 'how to print it')
        .choices(['table', 'json', 'csv', 'xlsx', 'pdf'])
        .default('table'),
    )
    .option('--out <file>', 'write it to a new file instead of the terminal')
    .action(printCloudReturn);
  withExamples(
    withJson(command),
    'outturn report cloud-return --quarter 2026-Q3',
    'outturn report cloud-return --quarter 2026-Q3 --format pdf --out quarter.pdf',
  );
}

async function printCloudReturn(options: CloudReturnOptions): Promise<void> {
  const format = options.json === true ? 'json' : options.format;
  if (format === 'pdf' && options.out === undefined && process.stdout.isTTY) {
    throw new AppError('invalid_input', 'A PDF is no text for a terminal. Add --out FILE, or send it to one.');
  }
  await withRuntime({ applicationName: 'outturn report' }, async ({ db, clock }) => {
    const asked = { quarter: options.quarter, at: clock.now() };
    await prepareQuarter(db, asked);
    const found = await cloudReturn(db, asked);
    if (format === 'pdf') return printPdf(found, options.out);
    const forms = { found, sheet: () => cloudReturnTable(found), table: () => renderCloudReturn(found) };
    return printReport({ ...options, format }, forms);
  });
}

async function printPdf(found: CloudReturn, out: string | undefined): Promise<void> {
  // Fonts and their tables take a tenth of a second to load, and every other report is printed without them.
  const { cloudReturnPdf } = await import('../../services/cloud-return/pdf/cloud-return-pdf.ts');
  const bytes = Buffer.from(await cloudReturnPdf(found));
  if (out === undefined) {
    process.stdout.write(bytes);
    return;
  }
  await writeNew(out, bytes);
  printText(`Written to ${out}.`);
}
