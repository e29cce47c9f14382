/** outturn report cloud-return: the CIO's quarter, as a page of text, as JSON, or as the PDF that a board is handed. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { CloudReturn } from '../../services/cloud-return/shape.ts';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { withExamples, withJson } from '../command.ts';
import { renderCloudReturn } from '../render/cloud-return.ts';
import { withRuntime } from '../runtime.ts';

interface CloudReturnOptions {
  readonly quarter: string;
  readonly format: 'table' | 'json' | 'pdf';
  readonly out?: string;
  readonly json?: boolean;
}

/** Adds the report to `outturn report`. */
export function addCloudReturnReport(report: Command): void {
  const command = report
    .command('cloud-return')
    .description('the CIO’s quarter: cost, verified value, what moved both, and what is asked')
    .requiredOption('--quarter <quarter>', 'a fiscal quarter, such as 2026-Q3')
    .addOption(new Option('--format <format>', 'how to print it').choices(['table', 'json', 'pdf']).default('table'))
    .option('--out <file>', 'write it to this file')
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
    const bytes = await printedAs(format, await cloudReturn(db, asked));
    if (options.out === undefined) process.stdout.write(bytes);
    else await writeFile(options.out, bytes);
  });
}

async function printedAs(format: CloudReturnOptions['format'], found: CloudReturn): Promise<Uint8Array | string> {
  if (format === 'pdf') {
    // Fonts and their tables take a tenth of a second to load, and every other report is printed without them.
    const { cloudReturnPdf } = await import('../../services/cloud-return/pdf/cloud-return-pdf.ts');
    return cloudReturnPdf(found);
  }
  return format === 'json' ? `${JSON.stringify(found, null, 2)}\n` : `${renderCloudReturn(found)}\n`;
}
