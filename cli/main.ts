/**
 * The command line: the one place where settings, database, queue and services are put together. Each command is a file under
 * commands/; this one lists them, reads the arguments and turns failures into sentences and exit codes.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandModule } from './command.ts';
import { apiCommand } from './commands/api.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { alertsCommand, envelopesCommand } from './commands/envelopes.ts';
import { explainCommand } from './commands/explain.ts';
import { ingestCommand } from './commands/ingest.ts';
import { initCommand } from './commands/init.ts';
import { migrateCommand } from './commands/migrate.ts';
import { applyCommand, planCommand } from './commands/organisation.ts';
import { outcomesCommand } from './commands/outcomes.ts';
import { reportCommand } from './commands/report.ts';
import { tokensCommand } from './commands/tokens.ts';
import { upCommand } from './commands/up.ts';
import { workerCommand } from './commands/worker.ts';
import { describeFailure, EXIT_FAILED, EXIT_USAGE, failureDocument, printJson } from './output.ts';
import { interruption } from './runtime.ts';

/** In the order the help lists them: from the first use to operating it. */
const COMMANDS: readonly CommandModule[] = [
  demoCommand,
  upCommand,
  initCommand,
  planCommand,
  applyCommand,
  ingestCommand,
  outcomesCommand,
  reportCommand,
  explainCommand,
  envelopesCommand,
  alertsCommand,
  tokensCommand,
  doctorCommand,
  apiCommand,
  workerCommand,
  migrateCommand,
];

export function buildProgram(): Command {
  const program = new Command('outturn')
    .description('What each delivery pod’s cloud spend returned: bills in, value per pod out, to the last decimal.')
    .version(packageJson.version)
    .showHelpAfterError('Run with --help for the options and an example.')
    .exitOverride();
  for (const register of COMMANDS) register(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

async function main(): Promise<number> {
  try {
    await buildProgram().parseAsync(process.argv);
    // A command that did its work and found something wrong, as `doctor` may, has set its exit code.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (process.argv.includes('--json')) printJson(failureDocument(error));
    process.stderr.write(`${describeFailure(error)}\n`);
    return EXIT_FAILED;
  }
}

// The first signal asks for an orderly end; a second one ends at once, which is safe too: every step can be done again.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}
process.exitCode = await main();
