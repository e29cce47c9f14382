/** outturn ingest: reads bills to the end, here or in a worker, and says what became current. */
import type { Command } from 'commander';
import { sourceFolder } from '../../jobs/handlers/sync-source.ts';
import { hasLiveWorker } from '../../jobs/live-workers.ts';
import { type IngestedLoad, runIngest } from '../../jobs/run-ingest.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { ensureSource } from '../../services/billing/ensure-source.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { renderLoads } from '../render/loads.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

interface IngestOptions {
  readonly source?: string;
  readonly period?: string;
  readonly replace?: boolean;
  readonly append?: boolean;
  readonly json?: boolean;
}

export function ingestCommand(program: Command): void {
  const command = program
    .command('ingest')
    .description('read FOCUS bills (CSV, CSV.GZ, Parquet, or folders of them) and publish them')
    .argument('[file...]', 'bills or folders; without any: what the source, or every source, has delivered')
    .option('--source <id>', 'the source these bills belong to; without files: the source to sync (default: files)')
    .option('--period <period>', 'the billing period (2026-09), needed for a bill without a single line')
    .option('--replace', 'allow that accounts of the published bill disappear')
    .option('--append', 'the files hold only what is new: keep what was delivered for their billing periods before')
    .action(async (files: string[], options: IngestOptions, self: Command) => {
      if (options.append === true && files.length === 0) {
        self.error('error: --append adds named files to what was delivered before: name them', { exitCode: 2 });
      }
      await withRuntime({ applicationName: 'outturn ingest' }, (runtime) => ingest(runtime, files, options));
    });
  withExamples(
    withJson(command),
    'outturn ingest bill.csv.gz',
    'outturn ingest bills/aws --source aws',
    'outturn ingest corrections-june.csv --source oci --append',
    'outturn ingest --source aws',
  );
}

async function ingest(runtime: Runtime, files: readonly string[], options: IngestOptions): Promise<void> {
  const deliveries =
    files.length > 0
      ? [{ sourceId: options.source ?? 'files', paths: files }]
      : await dueDeliveries(runtime, options.source);
  if (files.length > 0) await ensureSource(runtime.db, options.source ?? 'files');
  else if (await hasLiveWorker(runtime)) {
    const queue = await runtime.queue();
    for (const { sourceId } of deliveries) {
      await queue.add('sync-source', { sourceId, mayDropAccounts: options.replace === true });
    }
    if (options.json === true) printJson({ queued: deliveries.map(({ sourceId }) => sourceId), loads: [] });
    else printText(`Handed to the worker: ${deliveries.map(({ sourceId }) => sourceId).join(', ')}.`);
    return;
  }
  const progress = terminalProgress();
  const ingested: IngestedLoad[] = [];
  try {
    for (const { sourceId, paths } of deliveries) {
      const loads = await runIngest(runtime.jobContext(progress), {
        sourceId,
        paths,
        ...(options.period === undefined ? {} : { period: parsePeriod(options.period) }),
        mayDropAccounts: options.replace === true,
        appends: options.append === true,
      });
      ingested.push(...loads);
    }
  } finally {
    progress.stop();
  }
  const unchanged = new Set(ingested.filter((load) => load.unchanged).map((load) => load.loadId));
  const described = await describeLoads(
    runtime.db,
    ingested.map((load) => load.loadId),
  );
  const loads = described.loads.map((load) => ({ ...load, unchanged: unchanged.has(load.loadId) }));
  if (options.json === true) printJson({ loads });
  else printText(renderLoads(loads));
}

/** The folders of one configured source, or of all of them. */
async function dueDeliveries(runtime: Runtime, sourceId: string | undefined) {
  const sources = await runtime.db
    .selectFrom('source')
    .select('id')
    .where('removed_at', 'is', null)
    .$if(sourceId !== undefined, (query) => query.where('id', '=', sourceId ?? ''))
    .$if(sourceId === undefined, (query) => query.where('settings', '!=', '{}'))
    .orderBy('id')
    .execute();
  if (sources.length === 0) {
    throw new AppError(
      'not_found',
      sourceId === undefined
        ? 'There is nothing to sync: no source has a folder. Name the bills ("outturn ingest bill.csv"), or add a source to the organisation file.'
        : `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
    );
  }
  return Promise.all(sources.map(async ({ id }) => ({ sourceId: id, paths: [await sourceFolder(runtime, id)] })));
}
