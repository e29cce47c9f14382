/**
 * A look at a source: lists what was delivered, fetches and reads what is new, and registers a load for every billing period that changed.
 * Each file is committed as soon as it is read, so a run that ends half-way, however it ends, has lost nothing.
 */
import assert from 'node:assert/strict';
import { connectorOf } from '../connectors/connect.ts';
import type { Manifest } from '../connectors/connector.ts';
import type { RegisteredLoad } from '../services/billing/register-delivery.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import type { IsoDate } from '../services/kernel/period.ts';
import { readFetchedFiles } from '../services/sources/fetched-files.ts';
import { isSourceRequested } from '../services/sources/source-requests.ts';
import { beginRun, endRun, listDueSources, type RunFailure, type RunReason } from '../services/sources/source-runs.ts';
import { connectionContext, readSource, type Source } from './connected-source.ts';
import { collectFaults } from './faults-of-periods.ts';
import { sweepDownloads } from './fetch-file.ts';
import type { JobContext } from './job-context.ts';
import { fetchDelivery } from './fetch-delivery.ts';
import { openRegistration } from './register-received.ts';
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
    const faults = collectFaults();
    const filesMayVanish = listing.filesMayVanish === true;
    const registration = openRegistration(context, { ...given, ...faults, known, filesMayVanish });
    for (const manifest of listing.manifests) {
      const empty = manifest.files.filter(({ sizeBytes }) => sizeBytes === 0);
      if (empty.length > 0) waiting.push(`${empty.map(({ name }) => name).join(', ')} holds nothing yet (0 bytes)`);
      // A period is read whole or not at all; files that tell their periods themselves do not wait for each other.
      if (empty.length > 0 && manifest.billingPeriod !== null) continue;
      const whole = { ...manifest, files: manifest.files.filter(({ sizeBytes }) => sizeBytes !== 0) };
      await faults.attempt(async () => {
        await registration.add(await fetchDelivery(context, connection, { ...given, manifest: whole, known }));
      });
    }
    await registration.finish();
    const [failure] = faults.failures;
    if (failure !== undefined) throw failure;
    return { loads: registration.loads, waiting: [...waiting, ...registration.told] };
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
