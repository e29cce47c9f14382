/**
 * Exactly one run of a billing period: the newest that is whole. Every run holds the whole period up to its day, so it replaces those before
 * it. A run is whole when its manifest is there, names as many files as it counts, and each of them has the size it names. Where runs
 * overwrite each other, a file that is newer than the manifest belongs to the next run.
 */
import { billingPeriodName } from '../../services/kernel/period.ts';
import type { KnownFile } from '../connector.ts';
import type { StoredObject } from '../object-store.ts';
import { type ExportMonth, type ExportRun, isSingleFile } from './export-layout.ts';
import type { Dataset, ExportManifest } from './export-manifest.ts';
import type { ManifestReader } from './export-place.ts';

export interface Delivery {
  readonly month: ExportMonth;
  readonly run: ExportRun;
  /** When Azure was asked for it. */
  readonly deliveredAt: Date;
  readonly dataset: Dataset | null;
  readonly files: readonly StoredObject[];
}

export interface Choice {
  /** Null where none is whole. */
  readonly delivery: Delivery | null;
  /** Why a newer one than the chosen is not read. */
  readonly waiting: string | null;
}

interface Given {
  readonly objects: ReadonlyMap<string, StoredObject>;
  readonly known: ReadonlyMap<string, KnownFile>;
  readonly now: Date;
  readonly readManifest: ManifestReader;
}

interface ReadRun {
  readonly run: ExportRun;
  readonly manifest: ExportManifest | string | null;
  readonly deliveredAt: Date;
}

/** Runs that are looked at before the period is left for the next look. Those of one day may overtake each other. */
const RUNS_MAX = 5;
/** A container that is copied gets files and manifest in any order, but at about one time. */
const COPY_MS = 15 * 60_000;
/** Longer than a run of Azure and the reading of it take. */
const READING_MS = 6 * 60 * 60_000;

/** Chooses the run of a billing period to read. @throws as `ObjectStore.readText`, but for manifests that were just replaced. */
export async function chooseRun(month: ExportMonth, given: Given): Promise<Choice> {
  const runs: ReadRun[] = [];
  for (const run of month.runs.slice(0, RUNS_MAX)) {
    const manifest = await given.readManifest(run);
    const submittedAt = manifest === null || typeof manifest === 'string' ? null : manifest.submittedAt;
    runs.push({ run, manifest, deliveredAt: submittedAt ?? run.writtenAt });
  }
  runs.sort((left, right) => right.deliveredAt.getTime() - left.deliveredAt.getTime());
  const waits = (reason: string) => `${billingPeriodName(month.start, month.end)} ${reason}`;
  let waiting: string | null = null;
  for (const read of runs) {
    const files = filesOf(read, given);
    if (typeof files === 'string') {
      waiting ??= waits(files);
      continue;
    }
    if (isFollowedByDeleted(read.run, files, given)) {
      return { delivery: null, waiting: waiting ?? waits('stays as it was read: the run it came from was deleted') };
    }
    const dataset = isManifest(read.manifest) ? read.manifest.dataset : null;
    return { delivery: { month, run: read.run, deliveredAt: read.deliveredAt, dataset, files }, waiting };
  }
  return { delivery: null, waiting };
}

/** The files of a run, or what it lacks. */
function filesOf({ run, manifest }: ReadRun, given: Given): StoredObject[] | string {
  if (isSingleFile(run)) return [...run.files];
  if (manifest === null) return 'has files but no manifest.json yet';
  if (typeof manifest === 'string') return manifest;
  const { blobs, blobCount, byteCount } = manifest;
  if (blobs.length < (blobCount ?? 0)) return `names ${blobs.length} of ${blobCount} files in its manifest`;
  const found = blobs.map(({ key, sizeBytes }) => ({ key, sizeBytes, object: findBlob(key, run, given) }));
  const missing = found.filter(({ object }) => object === undefined);
  if (missing.length > 0) return `lacks ${baseName(missing[0]?.key)}${more(missing)}, which its manifest names`;
  const other = found.find(({ object, sizeBytes }) => sizeBytes !== null && object?.sizeBytes !== sizeBytes);
  if (other !== undefined) {
    return `has ${other.object?.sizeBytes} of the ${other.sizeBytes} bytes of ${baseName(other.key)} that its manifest names`;
  }
  const files = found.flatMap(({ object }) => object ?? []);
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (byteCount !== null && total !== byteCount)
    return `has ${total} of the ${byteCount} bytes that its manifest names`;
  const written = files.filter((file) => isBeingWritten(file, run, given.now));
  if (written.length > 0) {
    return `is being delivered anew: ${baseName(written[0]?.key)}${more(written)} was written after its manifest`;
  }
  const filled = files.filter(({ sizeBytes }) => sizeBytes > 0);
  return filled.length === 0 ? 'was delivered without a file' : filled;
}

/** Where it is named, or beside the manifest: a copy in another container keeps the names of the first. */
function findBlob(key: string, { manifest }: ExportRun, { objects }: Given): StoredObject | undefined {
  const folder = manifest?.key.slice(0, manifest.key.lastIndexOf('/') + 1) ?? '';
  return objects.get(key) ?? objects.get(folder + baseName(key));
}

function isBeingWritten(file: StoredObject, { manifest, rangeFolder }: ExportRun, now: Date): boolean {
  const isOverwritten = manifest !== null && !manifest.key.slice(rangeFolder.length).includes('/');
  const laterMs = file.modifiedAt.getTime() - (manifest?.modifiedAt.getTime() ?? 0);
  const quietMs = now.getTime() - file.modifiedAt.getTime();
  return isOverwritten && laterMs > 0 && (laterMs > COPY_MS || quietMs < COPY_MS);
}

/** A newer run was read and then deleted: an older one does not take its place. */
function isFollowedByDeleted(run: ExportRun, files: readonly StoredObject[], { known, objects }: Given): boolean {
  const readAt = files.map(({ key, version }) => {
    const before = known.get(key);
    return before?.version === version ? before.fetchedAt.getTime() : run.writtenAt.getTime() + READING_MS;
  });
  const last = Math.max(...readAt);
  return [...known].some(
    ([key, { fetchedAt }]) => key.startsWith(run.rangeFolder) && !objects.has(key) && fetchedAt.getTime() > last,
  );
}

function isManifest(manifest: ReadRun['manifest']): manifest is ExportManifest {
  return manifest !== null && typeof manifest !== 'string';
}

function baseName(key = ''): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function more(names: readonly unknown[]): string {
  return names.length === 1 ? '' : ` and ${names.length - 1} more`;
}
