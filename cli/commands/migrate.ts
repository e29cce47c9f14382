/** outturn migrate: brings the database and the queue's tables to this release. */
import type { Command } from 'commander';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { migrate, withRuntime } from '../runtime.ts';

export function migrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description('bring the database and the queue’s tables to this release')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn migrate', migrate: true }, async (runtime) => {
        // Opening migrated already; asking again proves that nothing is left.
        const left = await migrate(runtime);
        if (options.json === true) printJson({ pending: left.length, state: 'current' });
        else printText('The database is up to date.');
      });
    });
  withExamples(withJson(command), 'outturn migrate', 'DATABASE_URL=postgres://outturn@db:5432/outturn outturn migrate');
}
