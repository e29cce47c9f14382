/** outturn outcomes import: outcomes from a sheet, all or nothing. */
import { parse } from 'node:path';
import type { Command } from 'commander';
import { importOutcomes } from '../../services/outcomes/import-outcomes.ts';
import { renderOutcomeImport } from '../render/outcome-import.ts';
import { addSheetImport } from '../sheet-import.ts';
import { addEvidenceCommands } from './outcome-evidence.ts';

export function outcomesCommand(program: Command): void {
  const outcomes = program.command('outcomes').description('business outcomes the pods delivered');
  addSheetImport(outcomes, {
    noun: 'outcomes',
    description: 'import outcomes from a sheet, all or nothing; importing it again changes nothing',
    argument: 'the sheet, as CSV or XLSX',
    options: [['--workbook <name>', 'the sheet’s name, which its row ids belong to (default: the file’s name)']],
    examples: [
      'outturn outcomes import outcomes.csv --dry-run',
      'outturn outcomes import q3.xlsx --workbook value-register --sheet September',
    ],
    take: ({ db }, sheet, { workbook }) =>
      importOutcomes(db, {
        ...sheet,
        workbook: typeof workbook === 'string' ? workbook : parse(sheet.fileName).name,
      }),
    render: renderOutcomeImport,
  });
  addEvidenceCommands(outcomes);
}
