/**
 * The program: every command, each a file under commands/, read only when it is the one asked for: most of a short command's time
 * would otherwise go into loading the others. Building it opens nothing.
 */
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandModule } from './command.ts';

/** A command as the list of all of them shows it; `description` is the command's own (a test holds them to that). */
interface Entry {
  readonly description: string;
  readonly load: () => Promise<CommandModule>;
}

/** In the order the help lists them: from the first use to operating it. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  demo: {
    description: 'a sample organisation from its bills to value per pod, in a database of its own',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  up: {
    description: 'API and worker in one process; embedded PostgreSQL where DATABASE_URL is unset',
    load: async () => (await import('./commands/up.ts')).upCommand,
  },
  init: {
    description: 'propose an organisation file from a bill’s own tags and accounts',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  plan: {
    description: 'show what the organisation file would change, in money per pod and month; nothing is changed',
    load: async () => (await import('./commands/organisation.ts')).planCommand,
  },
  apply: {
    description: 'make the organisation file so: rules, pods, envelopes, rates',
    load: async () => (await import('./commands/organisation.ts')).applyCommand,
  },
  plans: {
    description: 'the plans that were applied: who, when, and what they moved',
    load: async () => (await import('./commands/plans.ts')).plansCommand,
  },
  ingest: {
    description: "read bills (FOCUS or a provider's own format, as CSV, CSV.GZ or Parquet) and publish them",
    load: async () => (await import('./commands/ingest.ts')).ingestCommand,
  },
  sources: {
    description: 'how each source stands: last delivery, data as of, estimated or final, next look',
    load: async () => (await import('./commands/sources.ts')).sourcesCommand,
  },
  outcomes: {
    description: 'business outcomes the pods delivered',
    load: async () => (await import('./commands/outcomes.ts')).outcomesCommand,
  },
  events: {
    description: 'tickets, deployments and incidents that came in, newest first, and what waits for a mapping',
    load: async () => (await import('./commands/events.ts')).eventsCommand,
  },
  notes: {
    description: 'signed notes on periods, pods and figures',
    load: async () => (await import('./commands/notes.ts')).notesCommand,
  },
  metrics: {
    description: 'usage metrics that splits go by, and their quantities',
    load: async () => (await import('./commands/metrics.ts')).metricsCommand,
  },
  invoices: {
    description: 'invoice totals, to hold the bills against',
    load: async () => (await import('./commands/invoices.ts')).invoicesCommand,
  },
  report: {
    description: 'what the spend returned, where it went, and that it equals the bill',
    load: async () => (await import('./commands/report.ts')).reportCommand,
  },
  explain: {
    description: 'why this cost is here: rules, origins, rates, files and lines',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  close: {
    description: 'freeze a month or quarter; OUTTURN_TOKEN says who does it, a second person approves',
    load: async () => (await import('./commands/close.ts')).closeCommand,
  },
  statements: {
    description: 'statements of closed periods: listed, shown, verified',
    load: async () => (await import('./commands/statements.ts')).statementsCommand,
  },
  export: {
    description: 'figures for other systems',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  envelopes: {
    description:
      'each envelope: limit, actual, used, state, data as of; what is spent outside any; raises, history, headroom',
    load: async () => (await import('./commands/envelopes.ts')).envelopesCommand,
  },
  alerts: {
    description: 'the outbox and its history',
    load: async () => (await import('./commands/envelopes.ts')).alertsCommand,
  },
  inbox: {
    description:
      'what waits for finance: claims, possible duplicates, reviews, held alerts, raises, deliveries, drift, sources, rates',
    load: async () => (await import('./commands/inbox.ts')).inboxCommand,
  },
  drift: {
    description: 'pods against the cost that was approved: slow drift, its money a month and its services',
    load: async () => (await import('./commands/inbox.ts')).driftCommand,
  },
  tokens: {
    description: 'API tokens: shown once, stored hashed, always expiring',
    load: async () => (await import('./commands/tokens.ts')).tokensCommand,
  },
  doctor: {
    description: 'check settings, database, queue, sources and channels, and say the fix',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  api: {
    description: 'serve the HTTP API until stopped',
    load: async () => (await import('./commands/api.ts')).apiCommand,
  },
  worker: {
    description: 'take background jobs (staging, publishing, alerts) until stopped',
    load: async () => (await import('./commands/worker.ts')).workerCommand,
  },
  migrate: {
    description: 'bring the database and the queue’s tables to this release',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand,
  },
};

/**
 * The program with the command that these arguments ask for. Where they ask for none of ours, it has all by name and description alone: that
 * is the list of the help, and what a mistyped name is held against.
 */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const asked = args.find((argument) => argument !== 'help' && !argument.startsWith('-'));
  const entry = asked !== undefined && Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked] : undefined;
  const program = emptyProgram();
  if (entry === undefined) {
    program.configureHelp({ subcommandTerm: (command) => command.name() });
    for (const [name, { description }] of Object.entries(COMMANDS)) program.command(name).description(description);
  } else (await entry.load())(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** The program with every command whole, which takes a second and more. */
export async function buildWholeProgram(): Promise<Command> {
  const program = emptyProgram();
  for (const { load } of Object.values(COMMANDS)) (await load())(program);
  return program;
}

function emptyProgram(): Command {
  return (
    new Command('outturn')
      .description('What each delivery pod’s cloud spend returned: bills in, value per pod out, to the last decimal.')
      .version(packageJson.version)
      .showHelpAfterError('Run with --help for the options and an example.')
      // What stands behind a command is its own: a group may have an option that one of its commands has too.
      .enablePositionalOptions()
      .exitOverride()
  );
}
