/**
 * The part of a cloud's object storage that connectors use: names, sizes, versions and bytes below a prefix. One file per cloud; whatever
 * delivers files (an AWS export, an Azure export, any FOCUS producer) is written over this and works on each of them.
 */
import type { FetchTarget, SourceCheck } from './connector.ts';

export interface StoredObject {
  /** The full name within the bucket or container. */
  readonly key: string;
  readonly sizeBytes: number;
  /** Changes whenever the content does: ETag or generation. */
  readonly version: string;
  readonly modifiedAt: Date;
  /** In hex, where the store knows it (not of an object uploaded in parts). */
  readonly md5?: string;
}

export interface ObjectStore {
  /** Every object whose key begins with the prefix, page after page, ascending by key. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** The whole of a small object, such as a manifest. @throws AppError source_refused, also where it is larger than 16 MiB. */
  readText(object: StoredObject): Promise<string>;
  /**
   * Appends the object's bytes from `target.offset` on, of exactly this version.
   * @throws AppError source_changed where the object has another version by now or is gone; TransientError where it was cut off.
   */
  fetch(object: StoredObject, target: FetchTarget): Promise<void>;
  /** Credentials, existence, the right to list and to read, each by itself. */
  check(prefix: string): AsyncIterable<SourceCheck>;
  close(): Promise<void>;
}
