/** outturn export focus: the charges as a FOCUS 1.2 file, each with whose it is and why. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { exportFocus } from '../../services/export/export-focus.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { renderFocusExport } from '../render/focus-export.ts';
import { withRuntime } from '../runtime.ts';
import { interruption } from '../until-interrupted.ts';

interface ExportFocusOptions {
  readonly period?: string;
  readonly statement?: string;
  readonly asNow?: boolean;
  readonly out: string;
  readonly by: 'charge' | 'billing';
  readonly force?: boolean;
  readonly json?: boolean;
}

export function exportFocusCommand(parent: Command): void {
  const command = parent
    .command('focus')
    .description('charges as FOCUS 1.2 with x_PodId, x_AttributionRuleId and x_Share')
    .option('--period <period>', '2026-09, 2026-Q3, 2026 or 2026-09-01..2026-09-15 (end exclusive)')
    .option('--statement <id>', 'instead of a period: the lines of this statement, as they were closed')
    .option('--as-now', 'closed months as now known; without it they are as their statements say')
    .requiredOption('--out <file>', 'the file to write: .csv, .csv.gz or .parquet')
    .addOption(
      new Option('--by <what>', 'charge: lines charged in the period; billing: the bills of the period, whole')
        .choices(['charge', 'billing'])
        .default('charge'),
    )
    .option('--force', 'replace the file where it is there')
    .action(async (options: ExportFocusOptions) => {
      await withRuntime({ applicationName: 'outturn export' }, async (runtime) => {
        const progress = terminalProgress();
        const found = await exportFocus(runtime.db, {
          databaseUrl: runtime.databaseUrl,
          ...(options.period === undefined ? {} : { period: options.period }),
          ...(options.statement === undefined ? {} : { statementId: options.statement }),
          asNow: options.asNow === true,
          by: options.by,
          out: options.out,
          mayOverwrite: options.force === true,
          workDir: join(runtime.settings.dataDir, 'work'),
          progress,
          signal: interruption.signal,
        }).finally(() => progress.stop());
        if (options.json === true) printJson(found);
        else printText(renderFocusExport(found));
      });
    });
  withExamples(
    withJson(command),
    'outturn export focus --period 2026-09 --out september.parquet',
    'outturn export focus --statement 12 --out closed.csv',
    'outturn export focus --period 2026-09 --by billing --out september.csv.gz --force',
  );
}
