/**
 * The program: every command, each a file under commands/, read only when it is the one asked for: most of a short command's time
 * would otherwise go into loading the others. Building it opens nothing.
 */
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandModule } from './command.ts';

/** By name, in the order the help lists them: from the first use to operating it. */
const COMMANDS = new Map<string, () => Promise<CommandModule>>([
  ['demo', async () => (await import('./commands/demo.ts')).demoCommand],
  ['up', async () => (await import('./commands/up.ts')).upCommand],
  ['init', async () => (await import('./commands/init.ts')).initCommand],
  ['plan', async () => (await import('./commands/organisation.ts')).planCommand],
  ['apply', async () => (await import('./commands/organisation.ts')).applyCommand],
  ['plans', async () => (await import('./commands/plans.ts')).plansCommand],
  ['ingest', async () => (await import('./commands/ingest.ts')).ingestCommand],
  ['sources', async () => (await import('./commands/sources.ts')).sourcesCommand],
  ['outcomes', async () => (await import('./commands/outcomes.ts')).outcomesCommand],
  ['events', async () => (await import('./commands/events.ts')).eventsCommand],
  ['notes', async () => (await import('./commands/notes.ts')).notesCommand],
  ['metrics', async () => (await import('./commands/metrics.ts')).metricsCommand],
  ['invoices', async () => (await import('./commands/invoices.ts')).invoicesCommand],
  ['report', async () => (await import('./commands/report.ts')).reportCommand],
  ['explain', async () => (await import('./commands/explain.ts')).explainCommand],
  ['close', async () => (await import('./commands/close.ts')).closeCommand],
  ['statements', async () => (await import('./commands/statements.ts')).statementsCommand],
  ['export', async () => (await import('./commands/export.ts')).exportCommand],
  ['envelopes', async () => (await import('./commands/envelopes.ts')).envelopesCommand],
  ['alerts', async () => (await import('./commands/envelopes.ts')).alertsCommand],
  ['inbox', async () => (await import('./commands/inbox.ts')).inboxCommand],
  ['drift', async () => (await import('./commands/inbox.ts')).driftCommand],
  ['tokens', async () => (await import('./commands/tokens.ts')).tokensCommand],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand],
  ['api', async () => (await import('./commands/api.ts')).apiCommand],
  ['worker', async () => (await import('./commands/worker.ts')).workerCommand],
  ['migrate', async () => (await import('./commands/migrate.ts')).migrateCommand],
]);

/** The program with the named command, or with all of them where the name is none of theirs: for the help and for what is mistyped. */
export async function buildProgram(name?: string): Promise<Command> {
  const program = new Command('outturn')
    .description('What each delivery pod’s cloud spend returned: bills in, value per pod out, to the last decimal.')
    .version(packageJson.version)
    .showHelpAfterError('Run with --help for the options and an example.')
    // What stands behind a command is its own: a group may have an option that one of its commands has too.
    .enablePositionalOptions()
    .exitOverride();
  const named = COMMANDS.get(name ?? '');
  for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
