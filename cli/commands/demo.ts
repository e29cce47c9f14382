/**
 * outturn demo: a year of a sample organisation on three clouds, from its bills to the value each pod returned. It uses a database
 * and a folder of its own and never touches yours.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { runIngest } from '../../jobs/run-ingest.ts';
import { createToken } from '../../services/access/tokens.ts';
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { addDays, utcDate } from '../../services/kernel/period.ts';
import { localOperator, type Principal, systemClock, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { withExamples } from '../command.ts';
import { demoEnvironment } from '../demo/demo-environment.ts';
import { loadOwnBill } from '../demo/load-own-bill.ts';
import { type PreparedSample, prepareSample } from '../demo/prepare-sample.ts';
import { printEnvelopes, printReports } from '../demo/print-demo.ts';
import { printText } from '../output.ts';
import { terminalProgress, type TerminalProgress } from '../progress.ts';
import { openRuntime, type Runtime } from '../runtime.ts';
import { untilInterrupted } from '../until-interrupted.ts';

interface DemoOptions {
  readonly serve: boolean;
  readonly bill?: readonly string[];
}

/** Verifies outcomes as the sample's finance partner would. */
const FINANCE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
/** Keeps the register of value: whoever records it verifies nothing of it. */
const REGISTRAR = 'mara@example.com';
const SOURCES = ['aws', 'azure', 'gcp'] as const;
const TOKEN_DAYS = 1;

export function demoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('a sample organisation from its bills to value per pod, in a database of its own')
    .option('--bill <file...>', 'then the same for bills of your own, with an organisation proposed from their tags')
    .option('--no-serve', 'print the reports and end, without serving the API')
    .action(runDemo);
  withExamples(
    command,
    'npm run demo',
    'outturn demo --bill bill.csv',
    'outturn demo --no-serve',
    'PORT=8080 outturn demo',
  );
}

async function runDemo(options: DemoOptions): Promise<void> {
  const startedAt = process.hrtime.bigint();
  const settings = readSettings(process.env, process.cwd());
  const root = join(settings.dataDir, 'demo');
  const progress = terminalProgress();
  const sample = await prepareSample(root, utcDate(systemClock.now()), progress);
  const runtime = await openRuntime({
    applicationName: 'outturn demo',
    environment: demoEnvironment(sample.dataDir, join(sample.folder, 'outturn.yaml')),
    poolMax: 10,
  });
  try {
    await loadSample(runtime, sample, progress);
    progress.stop();
    await printReports(runtime, sample.quarterIds.slice(-2));
    await printEnvelopes(runtime);
    const seconds = Number((process.hrtime.bigint() - startedAt) / 1_000_000_000n);
    printText(`\nDone in ${seconds} s. The sample's files are in ${sample.folder}.`);
    if (options.bill !== undefined) await showOwnBill(`${root}-own`, options, progress);
    else if (options.serve) await serve(runtime);
  } finally {
    progress.stop();
    await runtime.close();
  }
}

async function showOwnBill(root: string, options: DemoOptions, progress: TerminalProgress): Promise<void> {
  const own = await loadOwnBill(root, options.bill ?? [], progress);
  try {
    progress.stop();
    await printReports(own.runtime, own.periods);
    printText(`\nThe organisation proposed from your bill is in ${own.configPath}.`);
    if (options.serve) await serve(own.runtime);
  } finally {
    await own.runtime.close();
  }
}

async function loadSample(runtime: Runtime, sample: PreparedSample, progress: TerminalProgress): Promise<void> {
  const file = await readOrganisationFile(runtime.settings.configPath);
  await applyOrganisation(runtime.db, { file, principal: localOperator, at: runtime.clock.now(), progress });
  for (const sourceId of SOURCES) {
    await runIngest(runtime.jobContext(progress), {
      sourceId,
      paths: [join(sample.folder, 'bills', sourceId)],
      mayDropAccounts: false,
    });
  }
  // What the registrar records, each portfolio's finance partner verifies by importing the same sheet.
  const partners = file.organisation.portfolios.flatMap(({ financePartner }) => financePartner ?? []);
  for (const id of [REGISTRAR, ...new Set(partners)]) {
    await importOutcomes(runtime.db, {
      sheet: sample.outcomesCsv,
      workbook: 'larkfield-value-register',
      principal: { id, role: 'finance', pods: [] },
      dryRun: false,
      at: runtime.clock.now(),
    });
  }
}

async function serve(runtime: Runtime): Promise<void> {
  const now = runtime.clock.now();
  const expiresAt = new Date(`${addDays(utcDate(now), TOKEN_DAYS + 1)}T00:00:00Z`);
  const { token } = await runtime.db
    .transaction()
    .execute((trx) =>
      createToken(trx, { principal: FINANCE.id, role: 'finance', pods: [], expiresAt }, localOperator, now),
    );
  const [{ serveApi }, { startWorker }] = await Promise.all([
    import('../serve-api.ts'),
    import('../../jobs/worker.ts'),
  ]);
  const api = await serveApi(runtime);
  const worker = await startWorker({ ...runtime.jobContext(), principal: systemPrincipal }, await runtime.queue());
  const pending = await listAlerts(runtime.db, { state: 'pending' });
  const slack =
    runtime.settings.slack.botToken === undefined
      ? ` ${pending.length} alert(s) wait in the outbox, because SLACK_BOT_TOKEN is not set.`
      : '';
  printText(
    [
      `\nThe API is at ${api.url}, its documentation at ${api.url}/api/docs.${slack} Try:`,
      `  curl -H 'Authorization: Bearer ${token}' '${api.url}/api/v1/envelopes'`,
      'Ctrl-C ends it.',
    ].join('\n'),
  );
  await untilInterrupted();
  await api.close();
  await worker.close();
}
