/** outturn outcomes import: outcomes from a sheet, all or nothing. */
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../services/kernel/errors.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { importOutcomes } from '../../services/outcomes/import-outcomes.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderOutcomeImport } from '../render/outcome-import.ts';
import { withRuntime } from '../runtime.ts';

interface ImportOptions {
  readonly workbook?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function outcomesCommand(program: Command): void {
  const outcomes = program.command('outcomes').description('business outcomes the pods delivered');
  const command = outcomes
    .command('import')
    .description('import outcomes from a CSV sheet, all or nothing; importing it again changes nothing')
    .argument('<file>', 'the sheet as CSV')
    .option('--workbook <name>', 'the sheet’s name, which its row ids belong to (default: the file’s name)')
    .option('--dry-run', 'check everything and change nothing')
    .action(async (file: string, options: ImportOptions) => {
      await withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const result = await importOutcomes(runtime.db, {
          csvText: await readSheet(file),
          fileName: basename(file),
          workbook: options.workbook ?? basename(file, extname(file)),
          principal: localOperator,
          dryRun: options.dryRun === true,
          at: runtime.clock.now(),
        });
        if (options.json === true) printJson(result);
        else printText(renderOutcomeImport(result));
      });
    });
  withExamples(
    withJson(command),
    'outturn outcomes import outcomes.csv --dry-run',
    'outturn outcomes import q3.csv --workbook value-register',
  );
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
