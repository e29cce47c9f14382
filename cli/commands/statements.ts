/** outturn statements: what is closed, a statement's document, and whether the chain is unbroken. */
import type { Command } from 'commander';
import { listStatements, readStatement, readStatementDocument } from '../../services/periods/list-statements.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import type { ValuePerPod } from '../../services/reports/compose-value.ts';
import { withExamples, withJson } from '../command.ts';
import { EXIT_FAILED, printJson, printText } from '../output.ts';
import { renderStatement, renderStatements, renderVerification } from '../render/statements.ts';
import { withRuntime } from '../runtime.ts';

interface Options {
  readonly json?: boolean;
}

export function statementsCommand(program: Command): void {
  const statements = program
    .command('statements')
    .description('statements of closed periods: listed, shown, verified')
    .action((options: Options) =>
      withRuntime({ applicationName: 'outturn statements' }, async ({ db }) => {
        const found = await listStatements(db);
        if (options.json === true) printJson(found);
        else printText(renderStatements(found));
      }),
    );
  withExamples(withJson(statements), 'outturn statements', 'outturn statements show 3', 'outturn statements verify');

  const show = statements
    .command('show')
    .description('one statement; with --json its document, to the byte, so that its SHA-256 is the documentHash')
    .argument('<id>', 'the number of the statement')
    .action((id: string, options: Options, command: Command) =>
      withRuntime({ applicationName: 'outturn statements' }, async ({ db }) => {
        const document = await readStatementDocument(db, id);
        if (isJson(options, command)) {
          process.stdout.write(document);
          return;
        }
        const { valuePerPod } = JSON.parse(document) as { valuePerPod: ValuePerPod };
        printText(renderStatement(await readStatement(db, id), valuePerPod));
      }),
    );
  withExamples(withJson(show), 'outturn statements show 3', 'outturn statements show 3 --json | sha256sum');

  const verify = statements
    .command('verify')
    .description('recompute every document, its rows and the chain; exit 1 where one was changed')
    .action((options: Options, command: Command) =>
      withRuntime({ applicationName: 'outturn statements' }, async ({ db }) => {
        const found = await verifyStatements(db);
        if (isJson(options, command)) printJson(found);
        else printText(renderVerification(found));
        if (!found.verified) process.exitCode = EXIT_FAILED;
      }),
    );
  withExamples(withJson(verify), 'outturn statements verify');
}

/** The group and its commands both know --json, and it counts wherever it stands. */
function isJson(options: Options, command: Command): boolean {
  return options.json === true || command.optsWithGlobals<Options>().json === true;
}
