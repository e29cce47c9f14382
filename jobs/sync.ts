/**
 * A look at a source: lists what was delivered, fetches and reads what is new, and registers a load for every billing period that changed.
 * Each file is committed as soon as it is read, so a run that ends half-way, however it ends, has lost nothing.
 */
import { connectorOf } from '../connectors/connect.ts';
import type { Connection, DeliveredFile, Manifest } from '../connectors/connector.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { type RegisteredLoad, registerDelivery } from '../services/billing/register-delivery.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import type { IsoDate } from '../services/kernel/period.ts';
import {
  type FetchedFile,
  isStillArchived,
  readFetchedFiles,
  rememberFetchedFile,
} from '../services/sources/fetched-files.ts';
import { beginRun, endRun, type RunFailure, type RunReason } from '../services/sources/source-runs.ts';
import { connectionContext, readSource, type Source } from './connected-source.ts';
import { fetchAndInspect, sweepDownloads } from './fetch-file.ts';
import type { JobContext } from './job-context.ts';
import { withSourceLock } from './source-lock.ts';

export interface SyncRequest {
  readonly sourceId: string;
  readonly reason: RunReason;
  /** Only billing periods that touch these days. */
  readonly range?: { readonly start: IsoDate; readonly end: IsoDate };
  readonly mayDropAccounts: boolean;
  /** Called for each load that is not current yet, as soon as it is registered. */
  readonly onLoad: (loadId: string) => Promise<void>;
}

export interface SyncResult {
  /** In order of billing period; those that were already current are `unchanged`. */
  readonly loads: readonly RegisteredLoad[];
  /** Deliveries that are there but not complete. */
  readonly waiting: readonly string[];
}

/**
 * Looks at a source. The result is recorded, and when it is looked at next, whatever happens.
 * @throws AppError not_found, source_busy (another process is at it), source_refused, source_budget, or what is wrong with a bill;
 * TransientError where it passes by itself. Billing periods registered before stay registered.
 */
export async function syncFromSource(context: JobContext, request: SyncRequest): Promise<SyncResult> {
  const { db, databaseUrl, clock } = context;
  const source = await readSource(context, request.sourceId);
  const result = await withSourceLock(databaseUrl, request.sourceId, async () => {
    const run = await beginRun(db, { ...request, range: request.range ?? null, at: clock.now() });
    const totals = { filesFetched: 0, bytesFetched: 0 };
    try {
      const found = await look(context, { ...request, source, totals });
      await endRun(db, run, { ...totals, outcome: outcomeOf(found), waiting: found.waiting }, clock.now());
      return found;
    } catch (error) {
      if (!context.signal.aborted) await endRun(db, run, { ...totals, ...failureOf(error) }, clock.now());
      throw error;
    }
  });
  if (result !== null) return result;
  throw new AppError(
    'source_busy',
    `The source "${request.sourceId}" is being looked at already. Wait until that is done; "outturn sources" shows it.`,
  );
}

type Look = SyncRequest & { source: Source; totals: { filesFetched: number; bytesFetched: number } };

async function look(context: JobContext, given: Look): Promise<SyncResult> {
  const { sourceId, range, source } = given;
  const { db } = context;
  const connect = await connectorOf(source);
  const connection = await connect(source, connectionContext(context, source));
  try {
    const known = await readFetchedFiles(db, sourceId);
    const listing = await connection.list({ known, ...(range === undefined ? {} : { range }) });
    await sweepDownloads(
      context,
      sourceId,
      listing.manifests.flatMap(({ files }) => files),
    );
    const loads: RegisteredLoad[] = [];
    const failures: unknown[] = [];
    for (const manifest of listing.manifests) {
      try {
        const registered = await receiveManifest(context, connection, { ...given, manifest, known });
        for (const { loadId, unchanged } of registered) if (!unchanged) await given.onLoad(loadId);
        loads.push(...registered);
      } catch (error) {
        // A fault of one billing period is no reason to leave the others; what would meet every one of them is.
        if (!(error instanceof AppError) || !error.code.includes('bill')) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    await sweepDownloads(context, sourceId);
    return { loads, waiting: listing.waiting };
  } finally {
    await connection.close();
  }
}

async function receiveManifest(
  context: JobContext,
  connection: Connection,
  given: Look & { manifest: Manifest; known: ReadonlyMap<string, FetchedFile> },
): Promise<RegisteredLoad[]> {
  const { manifest, sourceId, mayDropAccounts } = given;
  if (manifest.files.length === 0) return [];
  const deliveredAt = manifest.deliveredAt ?? context.clock.now();
  const files: InspectedFile[] = [];
  for (const file of manifest.files) files.push(await receiveFile(context, connection, { ...given, file }));
  return registerDelivery(context.db, {
    sourceId,
    files,
    deliveredAt,
    ...(manifest.billingPeriod === null ? {} : { period: manifest.billingPeriod }),
    mayDropAccounts,
  });
}

async function receiveFile(
  context: JobContext,
  connection: Connection,
  given: Look & { manifest: Manifest; known: ReadonlyMap<string, FetchedFile>; file: DeliveredFile },
): Promise<InspectedFile> {
  const { file, known, sourceId, manifest, totals } = given;
  const before = known.get(file.key);
  const isKnown = before !== undefined && file.version !== null && before.version === file.version;
  if (isKnown && (await isStillArchived(before))) return before.inspected;
  const inspected = await fetchAndInspect(context, connection, { sourceId, file, hint: manifest.hint });
  totals.filesFetched += 1;
  totals.bytesFetched += inspected.sizeBytes;
  faultPoint('sync-after-inspect');
  await rememberFetchedFile(context.db, {
    sourceId,
    key: file.key,
    version: file.version,
    inspected,
    at: context.clock.now(),
  });
  faultPoint('sync-after-file');
  return inspected;
}

function outcomeOf({ loads, waiting }: SyncResult): 'changed' | 'unchanged' | 'waiting' {
  if (loads.some(({ unchanged }) => !unchanged)) return 'changed';
  return waiting.length > 0 ? 'waiting' : 'unchanged';
}

function failureOf(error: unknown): RunFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TransientError)
    return { outcome: 'failed', code: 'transient', message, retryAfterMs: error.retryAfterMs };
  return { outcome: 'failed', code: error instanceof AppError ? error.code : 'internal', message, retryAfterMs: null };
}
