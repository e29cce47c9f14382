/** The "import FILE" of a command, CSV or XLSX: a sheet that finance keeps, taken all or nothing, with a dry run. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../services/kernel/errors.ts';
import { localOperator, type Principal } from '../services/kernel/ports.ts';
import { readXlsx } from '../services/sheets/read-xlsx.ts';
import type { SheetContent } from '../services/sheets/strict-sheet.ts';
import { withExamples, withJson } from './command.ts';
import { printJson, printText } from './output.ts';
import { type Runtime, withRuntime } from './runtime.ts';

/** What every import of a sheet is given. */
export interface Sheet {
  readonly sheet: SheetContent;
  readonly fileName: string;
  readonly principal: Principal;
  readonly dryRun: boolean;
  readonly at: Date;
}

interface SheetImport<Result> {
  /** The outer command's name, for the connection's name and the examples. */
  readonly noun: string;
  readonly description: string;
  readonly argument: string;
  /** Options beyond --dry-run and --json: flags and what they do. */
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly examples: readonly string[];
  readonly take: (runtime: Runtime, sheet: Sheet, options: Readonly<Record<string, unknown>>) => Promise<Result>;
  readonly render: (result: Result) => string;
}

/** Adds the subcommand `import` to a command. */
export function addSheetImport<Result>(parent: Command, given: SheetImport<Result>): void {
  const command = parent.command('import').description(given.description).argument('<file>', given.argument);
  for (const [flags, description] of given.options ?? []) command.option(flags, description);
  command
    .option('--dry-run', 'check everything and change nothing')
    .option('--sheet <name>', 'which sheet of a workbook (default: the first)')
    .action(async (file: string, options: { dryRun?: boolean; sheet?: string; json?: boolean }) => {
      await withRuntime({ applicationName: `outturn ${given.noun}` }, async (runtime) => {
        const sheet: Sheet = {
          sheet: await readSheet(file, options.sheet),
          fileName: basename(file),
          principal: localOperator,
          dryRun: options.dryRun === true,
          at: runtime.clock.now(),
        };
        const result = await given.take(runtime, sheet, { ...options });
        if (options.json === true) printJson(result);
        else printText(given.render(result));
      });
    });
  withExamples(withJson(command), ...given.examples);
}

/** A workbook by its ending, anything else as CSV. */
async function readSheet(file: string, sheetName: string | undefined): Promise<SheetContent> {
  if (/\.xlsx$/i.test(file)) return readXlsx(basename(file), await readBytes(file), sheetName);
  if (sheetName !== undefined) {
    throw new AppError('invalid_input', `${file} is no workbook (.xlsx), so it has no sheets: leave out --sheet.`);
  }
  return (await readBytes(file)).toString('utf8');
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError('invalid_input', `The sheet ${file} cannot be read. Check the path and its permissions.`, {
      cause,
    });
  }
}
