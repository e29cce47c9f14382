/**
 * A look at a source: lists what was delivered, fetches and reads what is new, and registers a load for every billing period that changed.
 * Each file is committed as soon as it is read, so a run that ends half-way, however it ends, has lost nothing.
 */
import assert from 'node:assert/strict';
import { connectorOf } from '../connectors/connect.ts';
import type { BillHint, Connection, DeliveredFile, Manifest } from '../connectors/connector.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { type RegisteredLoad, registerDelivery } from '../services/billing/register-delivery.ts';
import { AppError, type ErrorCode, TransientError } from '../services/kernel/errors.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import type { IsoDate } from '../services/kernel/period.ts';
import {
  type FetchedFile,
  isStillArchived,
  readFetchedFiles,
  rememberFetchedFile,
} from '../services/sources/fetched-files.ts';
import { isSourceRequested } from '../services/sources/source-requests.ts';
import { beginRun, endRun, listDueSources, type RunFailure, type RunReason } from '../services/sources/source-runs.ts';
import { leaveShrunkPeriods } from '../services/sources/vanished-files.ts';
import { connectionContext, readSource, type Source } from './connected-source.ts';
import { dropDownload, fetchAndInspect, sweepDownloads } from './fetch-file.ts';
import type { JobContext } from './job-context.ts';
import { withSourceLock } from './source-lock.ts';

export interface SyncRequest {
  readonly sourceId: string;
  readonly reason: RunReason;
  /** Only billing periods that touch these days. */
  readonly range?: { readonly start: IsoDate; readonly end: IsoDate };
  readonly mayDropAccounts: boolean;
  /**
   * Set where a queue brought it, which may bring one thing twice: the kept request that it answers, or 'schedule'. Where PostgreSQL knows
   * of no such look any more, nothing is done.
   */
  readonly onlyIfDue?: { readonly requestId: string } | 'schedule';
  /** Called for each load that is not current yet, as soon as it is registered. */
  readonly onLoad: (loadId: string) => Promise<void>;
}

export interface SyncResult {
  /** In order of billing period; those that were already current are `unchanged`. */
  readonly loads: readonly RegisteredLoad[];
  /** Deliveries that are there but not complete. */
  readonly waiting: readonly string[];
}

const NOTHING: SyncResult = { loads: [], waiting: [] };

/** What is wrong with one billing period. Anything else would meet the others too, so it ends the look. */
const FAULTS_OF_ONE_PERIOD: ReadonlySet<ErrorCode> = new Set([
  'invalid_bill',
  'bill_unreadable',
  'bill_changed_while_read',
  'invalid_input',
  'would_drop_account',
  'control_total_mismatch',
  'conservation_broken',
  'conflict',
  'source_changed',
  // Of one object: moved to an archive class, encrypted with another key. What nobody may list is refused before.
  'source_refused',
]);

/**
 * Looks at a source. The result is recorded, and when it is looked at next, whatever happens.
 * @throws AppError not_found, source_busy (another process is at it), source_refused, source_budget, or what is wrong with a bill;
 * TransientError where it passes by itself. Billing periods registered before stay registered.
 */
export async function syncFromSource(context: JobContext, request: SyncRequest): Promise<SyncResult> {
  const { db, databaseUrl, clock } = context;
  const source = await readSource(context, request.sourceId);
  const result = await withSourceLock(databaseUrl, request.sourceId, async (lost) => {
    if (!(await isDue(context, request))) return NOTHING;
    const signal = AbortSignal.any([context.signal, lost]);
    const run = await beginRun(db, {
      sourceId: source.id,
      settings: source.settings,
      requestId: typeof request.onlyIfDue === 'object' ? request.onlyIfDue.requestId : null,
      reason: request.reason,
      range: request.range ?? null,
      at: clock.now(),
    });
    const totals = { filesFetched: 0, bytesFetched: 0 };
    try {
      const found = await look({ ...context, signal }, { ...request, source, totals });
      await endRun(db, run, { ...totals, outcome: outcomeOf(found), waiting: found.waiting }, clock.now());
      return found;
    } catch (error) {
      if (!signal.aborted) await endRun(db, run, { ...totals, ...failureOf(error) }, clock.now());
      throw error;
    }
  });
  if (result !== null) return result;
  throw new AppError(
    'source_busy',
    `The source "${request.sourceId}" is being looked at already. Wait until that is done; "outturn sources" shows it.`,
  );
}

async function isDue({ db, clock }: JobContext, { onlyIfDue, sourceId }: SyncRequest): Promise<boolean> {
  if (onlyIfDue === undefined) return true;
  if (onlyIfDue !== 'schedule') return isSourceRequested(db, onlyIfDue.requestId);
  return (await listDueSources(db, clock.now(), sourceId)).length > 0;
}

type Look = SyncRequest & { source: Source; totals: { filesFetched: number; bytesFetched: number } };
type Delivery = Look & {
  manifest: Manifest;
  known: ReadonlyMap<string, FetchedFile>;
  filesMayVanish: boolean;
  waiting: string[];
};

async function look(context: JobContext, given: Look): Promise<SyncResult> {
  const { range, source } = given;
  const connect = await connectorOf(source);
  const connection = await connect(source, connectionContext(context, source));
  try {
    const known = await readFetchedFiles(context.db, source.id, source.place);
    const listing = await connection.list({ known, ...(range === undefined ? {} : { range }) });
    refuseTwins(listing.manifests);
    // A backfill lists its own files only; what the next look goes on with stays.
    const listed = listing.manifests.flatMap(({ files }) => files);
    if (range === undefined) await sweepDownloads(context, source, listed);
    const waiting = [...listing.waiting];
    const loads: RegisteredLoad[] = [];
    const failures: AppError[] = [];
    for (const manifest of listing.manifests) {
      const empty = manifest.files.filter(({ sizeBytes }) => sizeBytes === 0);
      if (empty.length > 0) waiting.push(`${empty.map(({ name }) => name).join(', ')} holds nothing yet (0 bytes)`);
      // A period is read whole or not at all; files that tell their periods themselves do not wait for each other.
      if (empty.length > 0 && manifest.billingPeriod !== null) continue;
      try {
        const registered = await receiveManifest(context, connection, {
          ...given,
          manifest: { ...manifest, files: manifest.files.filter(({ sizeBytes }) => sizeBytes !== 0) },
          known,
          filesMayVanish: listing.filesMayVanish === true,
          waiting,
        });
        for (const { loadId, unchanged } of registered) if (!unchanged) await given.onLoad(loadId);
        loads.push(...registered);
      } catch (error) {
        if (!(error instanceof AppError) || !FAULTS_OF_ONE_PERIOD.has(error.code)) throw error;
        failures.push(error);
      }
    }
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    return { loads, waiting };
  } finally {
    await connection.close();
  }
}

/** Two deliveries of one period in one listing would replace each other at every look: a connector chooses one. */
function refuseTwins(manifests: readonly Manifest[]): void {
  const periods = manifests.flatMap(({ billingPeriod }) =>
    billingPeriod === null ? [] : [`${billingPeriod.start}..${billingPeriod.end}`],
  );
  assert.equal(new Set(periods).size, periods.length, `a listing has two deliveries of one period: ${periods.join()}`);
}

async function receiveManifest(
  context: JobContext,
  connection: Connection,
  given: Delivery,
): Promise<RegisteredLoad[]> {
  const { manifest, source, mayDropAccounts, filesMayVanish } = given;
  if (manifest.files.length === 0 && !filesMayVanish) return [];
  // A run's own time is taken before any file is read, like a command's.
  const runAt = context.clock.now();
  const received: InspectedFile[] = [];
  for (const file of manifest.files) received.push(await receiveFile(context, connection, { ...given, file }));
  const files = filesMayVanish ? await withoutShrunkPeriods(context, given, received) : received;
  if (files.length === 0) return [];
  return registerDelivery(context.db, {
    sourceId: source.id,
    place: source.place,
    files,
    ...(manifest.deliveredAt === null ? { deliveredAt: runAt, isNewest: true } : { deliveredAt: manifest.deliveredAt }),
    repeatsFailed: given.reason !== 'schedule',
    ...(manifest.billingPeriod === null ? {} : { period: manifest.billingPeriod }),
    mayDropAccounts,
  });
}

async function withoutShrunkPeriods(
  { db }: JobContext,
  { source, manifest, mayDropAccounts, waiting }: Delivery,
  received: readonly InspectedFile[],
): Promise<InspectedFile[]> {
  const { files, told } = await leaveShrunkPeriods(db, {
    sourceId: source.id,
    place: source.place,
    files: received,
    period: manifest.billingPeriod,
    mayDrop: mayDropAccounts,
  });
  waiting.push(...told);
  return files;
}

async function receiveFile(
  context: JobContext,
  connection: Connection,
  given: Delivery & { file: DeliveredFile },
): Promise<InspectedFile> {
  const { file, known, source, manifest, totals } = given;
  const before = known.get(file.key);
  const isKnown = before !== undefined && file.version !== null && before.version === file.version;
  if (isKnown && (await isStillArchived(before))) return before.inspected;
  const hint: BillHint = { ...source.defaultHint, ...manifest.hint, ...source.hint };
  const inspected = await fetchAndInspect(context, connection, { source, file, hint });
  totals.filesFetched += 1;
  totals.bytesFetched += inspected.sizeBytes;
  faultPoint('sync-after-inspect');
  await rememberFetchedFile(context.db, {
    sourceId: source.id,
    place: source.place,
    key: file.key,
    version: file.version,
    inspected,
    at: context.clock.now(),
  });
  faultPoint('sync-after-file');
  await dropDownload(context, source, file);
  return inspected;
}

function outcomeOf({ loads, waiting }: SyncResult): 'changed' | 'unchanged' | 'waiting' {
  if (loads.some(({ unchanged }) => !unchanged)) return 'changed';
  return waiting.length > 0 ? 'waiting' : 'unchanged';
}

function failureOf(error: unknown): RunFailure {
  const message = error instanceof Error ? error.message : String(error);
  const failed = { outcome: 'failed', message, faults: [], retryAfterMs: null } as const;
  if (error instanceof TransientError) return { ...failed, code: 'transient', retryAfterMs: error.retryAfterMs };
  return error instanceof AppError
    ? { ...failed, code: error.code, faults: error.faults }
    : { ...failed, code: 'internal' };
}
