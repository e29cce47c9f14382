/** outturn ingest: reads bills to the end, here or in a worker, and says what became current. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { hasLiveWorker } from '../../jobs/live-workers.ts';
import { type IngestedLoad, runIngest } from '../../jobs/run-ingest.ts';
import { syncEach } from '../../jobs/sync-each.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { ensureSource } from '../../services/billing/ensure-source.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { keepSourceRequest } from '../../services/sources/source-requests.ts';
import { withExamples, withJson } from '../command.ts';
import { describeFailure, EXIT_FAILED, failureDocument, printJson, printText } from '../output.ts';
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
    .description("read bills (FOCUS or a provider's own format, as CSV, CSV.GZ or Parquet) and publish them")
    .argument('[file...]', 'bills or folders; without any: what the source, or every source, has delivered')
    .option('--source <id>', 'the source these bills belong to; without files: the source to sync (default: files)')
    .option(
      '--period <period>',
      'with files: the billing period (2026-09) of a bill without a single line; without: fetch these months, however old',
    )
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
    'outturn ingest --source aws --period 2025',
  );
}

async function ingest(runtime: Runtime, files: readonly string[], options: IngestOptions): Promise<void> {
  const sourceIds = files.length > 0 ? [] : await listSyncedSources(runtime, options.source);
  if (sourceIds.length > 0 && (await hasLiveWorker(runtime))) return handOver(runtime, sourceIds, options);
  const progress = terminalProgress();
  const ingested: IngestedLoad[] = [];
  let looked: Awaited<ReturnType<typeof syncEach>> = { loads: [], waiting: [], failures: [] };
  try {
    if (files.length > 0) ingested.push(...(await ingestFiles(runtime, files, options, progress)));
    else
      looked = await syncEach(runtime.jobContext(progress), sourceIds, { reason: 'command', ...syncOptions(options) });
  } finally {
    progress.stop();
  }
  ingested.push(...looked.loads);
  const { waiting, failures } = looked;
  const [failure] = failures;
  // The only source, and nothing came of it: the failure is all there is to say.
  if (failure !== undefined && sourceIds.length === 1 && ingested.length === 0) throw failure.error;
  const unchanged = new Set(ingested.filter((load) => load.unchanged).map((load) => load.loadId));
  const described = await describeLoads(
    runtime.db,
    ingested.map((load) => load.loadId),
  );
  const loads = described.loads.map((load) => ({ ...load, unchanged: unchanged.has(load.loadId) }));
  if (options.json === true) {
    const failed = failures.map(({ sourceId, error }) => ({ sourceId, ...failureDocument(error) }));
    printJson({ loads, ...(sourceIds.length > 0 ? { waiting, failures: failed } : {}) });
  } else printText([renderLoads(loads), ...waiting.map((delivery) => `Not complete yet: ${delivery}`)].join('\n'));
  for (const { sourceId, error } of failures) process.stderr.write(`${sourceId}: ${describeFailure(error)}\n`);
  if (failures.length > 0) process.exitCode = EXIT_FAILED;
}

async function ingestFiles(
  runtime: Runtime,
  paths: readonly string[],
  options: IngestOptions,
  progress: ReturnType<typeof terminalProgress>,
): Promise<IngestedLoad[]> {
  const sourceId = options.source ?? 'files';
  await ensureSource(runtime.db, sourceId);
  return runIngest(runtime.jobContext(progress), {
    sourceId,
    paths,
    ...(options.period === undefined ? {} : { period: parsePeriod(options.period) }),
    mayDropAccounts: options.replace === true,
    appends: options.append === true,
  });
}

async function handOver(runtime: Runtime, sourceIds: readonly string[], options: IngestOptions): Promise<void> {
  const queue = await runtime.queue();
  for (const sourceId of sourceIds) {
    const jobId = `sync-source_${randomUUID()}`;
    const request = { sourceId, reason: 'command' as const, ...syncOptions(options) };
    await keepSourceRequest(runtime.db, { ...request, jobId }, runtime.clock.now());
    await queue.add('sync-source', { ...request, requestId: jobId }, { id: jobId });
  }
  if (options.json === true) printJson({ queued: sourceIds, loads: [] });
  else printText(`Handed to the worker: ${sourceIds.join(', ')}.`);
}

/** A period without files is a backfill: billing periods that touch it. */
function syncOptions(options: IngestOptions) {
  const period = options.period === undefined ? undefined : parsePeriod(options.period);
  return {
    mayDropAccounts: options.replace === true,
    ...(period === undefined ? {} : { range: { start: period.start, end: period.end } }),
  };
}

/** One configured source, or all of them. */
async function listSyncedSources(runtime: Runtime, sourceId: string | undefined): Promise<string[]> {
  const sources = await runtime.db
    .selectFrom('source')
    .select('id')
    .where('removed_at', 'is', null)
    .$if(sourceId !== undefined, (query) => query.where('id', '=', sourceId ?? ''))
    .$if(sourceId === undefined, (query) => query.where('settings', '!=', '{}'))
    .orderBy('id')
    .execute();
  if (sources.length > 0) return sources.map(({ id }) => id);
  throw new AppError(
    'not_found',
    sourceId === undefined
      ? 'There is nothing to sync: the organisation file has no source. Name the bills ("outturn ingest bill.csv"), or add a source to it.'
      : `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
  );
}
