/** Where one export is looked for, what lies there at one time, and that it is one. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { type FoundExport, type FoundExports, findExports } from './export-layout.ts';

export interface ExportPlace {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly prefix: string;
  readonly now: Date;
}

/** Between our clock and AWS's. */
const CLOCKS_MS = 60_000;

/**
 * What lies below the prefix. A list is no snapshot: beside a manifest that came while it was made it may show files as they were before.
 * AWS writes the manifest last, so a second list shows them as they are with it.
 */
export async function findSettled({ store, prefix, now }: ExportPlace): Promise<FoundExports> {
  const found = await findExports(store.list(prefix));
  const isSettled = ({ modifiedAt }: StoredObject) => modifiedAt.getTime() < now.getTime() - CLOCKS_MS;
  const manifests = found.exports.flatMap(({ months }) => months.flatMap((month) => month.manifests));
  if (manifests.every(isSettled)) return found;
  const { objects } = await findExports(store.list(prefix));
  return { exports: found.exports, objects };
}

/** Null where nothing is there yet. @throws AppError source_refused where several exports lie below the prefix. */
export function onlyExport({ exports }: FoundExports, { bucket, prefix }: ExportPlace): FoundExport | null {
  if (exports.length <= 1) return exports[0] ?? null;
  const roots = exports.map(({ root }) => root || '/');
  throw new AppError(
    'source_refused',
    `Several exports lie below ${bucket}/${prefix}: ${roots.join(', ')}. Together they would count the same usage more than once. Write the one to read into the source, for instance prefix: ${roots[0]}`,
  );
}

export function nothingYet({ bucket, prefix }: ExportPlace): string {
  return `no export lies below ${bucket}/${prefix} yet; AWS delivers a new one within 24 hours`;
}
