/**
 * Where bills lie that some producer put there: a folder, or a prefix in the object storage of a cloud. Whoever reads them sees names,
 * sizes and versions, and is none the wiser which of them it is.
 */
import { AppError } from '../../services/kernel/errors.ts';
import type { DeliveredFile, FetchTarget, SourceCheck } from '../connector.ts';

export interface PlacedFile extends DeliveredFile {
  readonly modifiedAt: Date;
}

export interface BillPlace {
  /** As messages call it. */
  readonly title: string;
  /** Every file below it, bills or not, ascending by name. @throws as Connection.list */
  list(): Promise<PlacedFile[]>;
  fetch(file: DeliveredFile, target: FetchTarget): Promise<void>;
  /** That it can be listed and read. */
  check(): AsyncIterable<SourceCheck>;
  close(): Promise<void>;
}

/** Far above any delivery; a place with more is a mistake such as `/`. */
export const FILES_MAX = 20_000;

export function tooMany(id: string, title: string): AppError {
  return new AppError(
    'source_refused',
    `The source "${id}" names ${title}, which holds more than ${FILES_MAX} files. Name a smaller folder.`,
  );
}
