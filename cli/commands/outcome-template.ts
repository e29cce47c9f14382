/** outturn outcomes template: the sheet to fill in, as CSV or as a workbook. */
import type { Command } from 'commander';
import { templateColumns, templateCsv, templateXlsx } from '../../services/outcomes/sheets/outcome-template.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { writeNew } from '../printed-form.ts';
import { withRuntime } from '../runtime.ts';

/** Adds the command to `outturn outcomes`. */
export function addOutcomeTemplate(outcomes: Command): void {
  const command = outcomes
    .command('template')
    .description('the sheet to fill in: its columns, an example, and in a workbook what each cell takes')
    .option('--out <file>', 'a new file, .xlsx or .csv (default: CSV on the terminal)')
    .action(async ({ out, json }: { out?: string; json?: boolean }) => {
      if (json === true || out === undefined) {
        if (json === true) printJson(templateColumns());
        else process.stdout.write(templateCsv());
        return;
      }
      if (!/\.xlsx$/i.test(out)) await writeNew(out, templateCsv());
      else {
        // Only the workbook lists the organisation's pods.
        await withRuntime({ applicationName: 'outturn outcomes' }, async ({ db }) =>
          writeNew(out, await templateXlsx(db)),
        );
      }
      printText(`Written to ${out}. Fill it in, delete the example and import it with --dry-run first.`);
    });
  withExamples(
    withJson(command),
    'outturn outcomes template --out outcomes.xlsx',
    'outturn outcomes template > outcomes.csv',
  );
}
