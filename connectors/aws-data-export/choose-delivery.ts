/**
 * Exactly one delivery of a billing period: the newest whose manifest is there, whose files all are, and which is not being written to.
 * AWS writes the manifest last. So a file that is newer than it belongs to the next delivery, which overwrites this one: reading then
 * would mix two.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { billingPeriodName } from '../../services/kernel/period.ts';
import type { KnownFile } from '../connector.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import type { ExportMonth } from './export-layout.ts';
import { type ExportManifest, readExportManifest } from './export-manifest.ts';

export interface Delivery {
  readonly month: ExportMonth;
  readonly manifest: StoredObject;
  readonly columns: readonly string[];
  readonly files: readonly StoredObject[];
}

export interface Choice {
  /** Null where none is complete. */
  readonly delivery: Delivery | null;
  /** Why a newer one than the chosen is not read yet. */
  readonly waiting: string | null;
}

interface Given {
  readonly store: ObjectStore;
  readonly objects: ReadonlyMap<string, StoredObject>;
  readonly known: ReadonlyMap<string, KnownFile>;
}

/** How a sentence goes on about a delivery that will not become readable by waiting. */
export const UNREADABLE = ', which cannot be read: set the compression of the export to GZIP (CSV) or Parquet in AWS';

/** Deliveries that are looked at before the month is left for the next look. */
const MANIFESTS_MAX = 5;
/** A bucket that is copied has files and manifest in any order, but at about one time; AWS never delivers twice within so little. */
const COPY_MS = 15 * 60_000;

/** Chooses the delivery of a month to read. @throws as `ObjectStore.readText`, but for manifests that were just replaced. */
export async function chooseDelivery(month: ExportMonth, given: Given): Promise<Choice> {
  const name = billingPeriodName(month.start, month.end);
  let waiting = month.manifests.length === 0 ? `${name} has files but no manifest yet` : null;
  for (const manifest of month.manifests.slice(0, MANIFESTS_MAX)) {
    const read = await readDelivery(month, manifest, given);
    if (typeof read !== 'string') return { delivery: read, waiting };
    waiting ??= read === '' ? null : `${name} ${read}`;
    if (read === '') break;
  }
  return { delivery: null, waiting };
}

/** The delivery, or what it lacks; an empty text where it lacks what was read before it was taken away. */
async function readDelivery(month: ExportMonth, manifest: StoredObject, given: Given): Promise<Delivery | string> {
  const { objects, known } = given;
  const read = await readManifest(manifest, given.store);
  if (typeof read === 'string') return read;
  const { keys, columns, unreadable } = read;
  if (unreadable !== null) return `delivers ${baseName(unreadable)}${UNREADABLE}`;
  if (keys.length === 0) return `names no file in its manifest ${manifest.key}`;
  const missing = keys.filter((key) => !objects.has(key));
  if (missing.length > 0) {
    return missing.every((key) => wasReadSince(manifest, known.get(key)))
      ? ''
      : `lacks ${baseName(missing[0])}${more(missing)}, which its manifest names`;
  }
  const files = keys.flatMap((key) => objects.get(key) ?? []);
  const written = files.filter((file) => isBeingWritten(file, manifest, known.get(file.key)));
  return written.length > 0
    ? `is being delivered anew: ${baseName(written[0]?.key)}${more(written)} was written after its manifest`
    : { month, manifest, columns, files };
}

async function readManifest(manifest: StoredObject, store: ObjectStore): Promise<ExportManifest | string> {
  try {
    return readExportManifest(await store.readText(manifest)) ?? `has a manifest that cannot be read (${manifest.key})`;
  } catch (error) {
    if (error instanceof AppError && error.code === 'source_changed') return 'is being delivered right now';
    throw error;
  }
}

/** It belongs to the next delivery: it was read as part of this one and is another now, or it is newer by far. */
function isBeingWritten(file: StoredObject, manifest: StoredObject, known: KnownFile | undefined): boolean {
  const laterMs = file.modifiedAt.getTime() - manifest.modifiedAt.getTime();
  const isReplaced = wasReadSince(manifest, known) && known?.version !== file.version;
  return laterMs > 0 && (laterMs > COPY_MS || isReplaced);
}

function wasReadSince(manifest: StoredObject, known: KnownFile | undefined): boolean {
  return known !== undefined && known.fetchedAt.getTime() > manifest.modifiedAt.getTime();
}

function baseName(key = ''): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function more(names: readonly unknown[]): string {
  return names.length === 1 ? '' : ` and ${names.length - 1} more`;
}
