/** The program: every command, each a file under commands/. Building it reads and opens nothing. */
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandModule } from './command.ts';
import { apiCommand } from './commands/api.ts';
import { closeCommand } from './commands/close.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { alertsCommand, envelopesCommand } from './commands/envelopes.ts';
import { explainCommand } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { ingestCommand } from './commands/ingest.ts';
import { initCommand } from './commands/init.ts';
import { invoicesCommand } from './commands/invoices.ts';
import { metricsCommand } from './commands/metrics.ts';
import { migrateCommand } from './commands/migrate.ts';
import { applyCommand, planCommand } from './commands/organisation.ts';
import { outcomesCommand } from './commands/outcomes.ts';
import { plansCommand } from './commands/plans.ts';
import { reportCommand } from './commands/report.ts';
import { statementsCommand } from './commands/statements.ts';
import { tokensCommand } from './commands/tokens.ts';
import { upCommand } from './commands/up.ts';
import { workerCommand } from './commands/worker.ts';

/** In the order the help lists them: from the first use to operating it. */
const COMMANDS: readonly CommandModule[] = [
  demoCommand,
  upCommand,
  initCommand,
  planCommand,
  applyCommand,
  plansCommand,
  ingestCommand,
  outcomesCommand,
  metricsCommand,
  invoicesCommand,
  reportCommand,
  explainCommand,
  closeCommand,
  statementsCommand,
  exportCommand,
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
