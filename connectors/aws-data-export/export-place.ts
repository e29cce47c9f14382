/** Where one export is looked for, and that it is one. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ObjectStore } from '../object-store.ts';
import type { FoundExport, FoundExports } from './export-layout.ts';

export interface ExportPlace {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly prefix: string;
  readonly now: Date;
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
