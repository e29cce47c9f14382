/**
 * What every connector is: it lists what an outside system has delivered, and fetches a file of it to disk. It knows neither the database
 * nor what is done with a bill; what it must remember between runs is handed to it, and what its calls cost it tells before it makes them.
 */
import type { Decimal } from '../services/kernel/decimal.ts';
import type { IsoDate } from '../services/kernel/period.ts';
import type { Logger } from '../services/kernel/ports.ts';

/** A source of the organisation file. */
export interface ConnectedSource {
  readonly id: string;
  readonly kind: string;
  /** The keys of its kind, as the file has them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The organisation file's folder: what relative paths start from. */
  readonly baseFolder: string;
}

/** One connection to a source, for one run. */
export interface Connection {
  /**
   * What is delivered now. A delivery that is not complete is waited for, never read.
   * @throws AppError source_refused (credentials, permissions, names), TransientError (throttled, unreachable).
   */
  list(request: ListRequest): Promise<Listing>;
  /**
   * Writes the file to disk from `target.offset` on: where a run before was cut off. Streams; memory does not grow with the file.
   * @throws AppError source_changed where the file is no longer the one that was listed; else as `list`.
   */
  fetch(file: DeliveredFile, target: FetchTarget): Promise<void>;
  /**
   * Each permission and setting by itself, in the order in which one would set them up. Nothing is changed anywhere. `others` are the
   * organisation's other sources, for what only all of them together cover.
   */
  check(others?: readonly ConnectedSource[]): AsyncIterable<SourceCheck>;
  close(): Promise<void>;
}

/** Opens a connection; touches nothing outside yet. @throws AppError invalid_input for settings that are missing. */
export type Connect = (source: ConnectedSource, context: ConnectionContext) => Promise<Connection>;

export interface ConnectionContext {
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** To be awaited before every call that somebody pays for or counts. @throws AppError source_budget where the day's budget is used up. */
  spend(spending: Spending): Promise<void>;
}

export interface Spending {
  readonly requests: number;
  readonly bytesBilled?: number;
  /** In US dollars, the currency of the providers' price lists. */
  readonly amount?: Decimal;
  /** What a day may take where the source's settings do not say. */
  readonly requestsPerDayMax?: number;
  readonly bytesBilledPerDayMax?: number;
}

export interface ListRequest {
  /** Only billing periods that touch these days: a backfill, or a period somebody named. Absent: what a schedule should look at. */
  readonly range?: { readonly start: IsoDate; readonly end: IsoDate };
  /** What was fetched before, by key. */
  readonly known: ReadonlyMap<string, KnownFile>;
}

export interface KnownFile {
  readonly version: string | null;
  readonly fetchedAt: Date;
}

export interface Listing {
  /** Ascending by billing period. */
  readonly manifests: readonly Manifest[];
  /** Deliveries that are there but not complete, in words. */
  readonly waiting: readonly string[];
  /**
   * Nothing says that these are all files of their periods (a folder without a manifest): a period that only lost files is left as it is
   * published, and told. Absent: what is listed replaces its periods.
   */
  readonly filesMayVanish?: true;
}

/** All files of one delivery of one billing period; it replaces the period as a whole. Where its lines bill others, too, see ADR 33. */
export interface Manifest {
  /** Null: the lines tell their periods themselves, and every file of the source is listed. */
  readonly billingPeriod: { readonly start: IsoDate; readonly end: IsoDate } | null;
  /** The provider's time of the delivery: the order in which deliveries replace each other. Null: the time of the run. */
  readonly deliveredAt: Date | null;
  readonly files: readonly DeliveredFile[];
  readonly hint?: BillHint;
}

/** What a file does not say about itself. */
export interface BillHint {
  readonly dataset?: 'actual' | 'amortized';
  readonly currency?: string;
}

export interface DeliveredFile {
  /** Names the file within its source, the same at every listing. */
  readonly key: string;
  /** What reports call it; its ending tells the format. */
  readonly name: string;
  /** Changes whenever the content does (an ETag, a generation, a count); null: only fetching it tells. */
  readonly version: string | null;
  /** Null where it is made by being asked for. */
  readonly sizeBytes: number | null;
  readonly md5?: string;
  /** Where it lies on this machine already; it is then not fetched. */
  readonly localPath?: string;
}

export interface FetchTarget {
  readonly path: string;
  /** Bytes of the same version that are at `path` already; what is written is appended. */
  readonly offset: number;
  readonly report: (bytes: number) => void;
}

export interface SourceCheck {
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'wrong';
  /** What was found; where it is wrong, the fix. */
  readonly message: string;
}
