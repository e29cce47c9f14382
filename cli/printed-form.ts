/** In which form a report is printed and where to: a table for the terminal, JSON, CSV or a workbook, on stdout or into a file. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { AppError } from '../services/kernel/errors.ts';
import { csvOf, type ReportTable } from '../services/sheets/report-table.ts';
import { xlsxOf } from '../services/sheets/xlsx-workbook.ts';
import { printText } from './output.ts';

export interface FormOptions {
  readonly format: 'table' | 'json' | 'csv' | 'xlsx';
  readonly json?: boolean;
  readonly out?: string;
}

/** A report and its other forms, made only where asked for. */
export interface PrintableReport {
  readonly found: unknown;
  /** Of CSV and of the workbook. */
  readonly sheet: () => ReportTable;
  /** For the terminal. */
  readonly table: () => string;
}

/** Declares --format and where to write, in the same words everywhere. */
export function withForm(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'how to print it').choices(['table', 'json', 'csv', 'xlsx']).default('table'),
    )
    .option('--out <file>', 'write it to a new file instead of the terminal');
}

/** Prints a report as it was asked for. @throws AppError invalid_input for a file that cannot be written, or a workbook on a terminal. */
export async function printReport(options: FormOptions, report: PrintableReport): Promise<void> {
  const format = options.json === true ? 'json' : options.format;
  if (options.out === undefined && format === 'table') return printText(report.table());
  if (options.out === undefined && format === 'xlsx' && process.stdout.isTTY) {
    throw new AppError('invalid_input', 'A workbook is nothing for a terminal: name a file with --out report.xlsx.');
  }
  const content = await contentOf(format, report);
  if (options.out === undefined) {
    process.stdout.write(content);
    return;
  }
  await writeNew(options.out, content);
  printText(`Written to ${options.out}.`);
}

async function contentOf(
  format: FormOptions['format'],
  { found, sheet, table }: PrintableReport,
): Promise<string | Buffer> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(found, null, 2)}\n`;
    case 'csv':
      return csvOf(sheet());
    case 'xlsx':
      return xlsxOf(sheet());
    case 'table':
      return `${table()}\n`;
  }
}

/** Writes a file that is not there yet. @throws AppError invalid_input */
export async function writeNew(out: string, content: string | Buffer): Promise<void> {
  try {
    await writeFile(out, content, { flag: 'wx' });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const reason = isThere
      ? 'is there already. Name another file, or take it away'
      : 'cannot be written. Check the folder and its permissions';
    throw new AppError('invalid_input', `${out} ${reason}.`, { cause });
  }
}
