/** The files of one delivery, each fetched and read unless it was before; each is committed as soon as it is read. */
import type { BillHint, Connection, DeliveredFile, Manifest } from '../connectors/connector.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import { type FetchedFile, isStillArchived, rememberFetchedFile } from '../services/sources/fetched-files.ts';
import type { Source } from './connected-source.ts';
import { dropDownload, fetchAndInspect } from './fetch-file.ts';
import type { JobContext } from './job-context.ts';

export interface Fetching {
  readonly source: Source;
  readonly manifest: Manifest;
  readonly known: ReadonlyMap<string, FetchedFile>;
  /** Counted up by what was fetched, also where it ends half-way. */
  readonly totals: { filesFetched: number; bytesFetched: number };
}

export interface Received {
  readonly manifest: Manifest;
  readonly files: readonly InspectedFile[];
  /** Taken before any file is read, like a command's. */
  readonly runAt: Date;
}

/** @throws AppError what is wrong with a file; else as Connection.fetch. */
export async function fetchDelivery(context: JobContext, connection: Connection, given: Fetching): Promise<Received> {
  const runAt = context.clock.now();
  const files: InspectedFile[] = [];
  for (const file of given.manifest.files) files.push(await fetchUnlessKnown(context, connection, { ...given, file }));
  return { manifest: given.manifest, files, runAt };
}

async function fetchUnlessKnown(
  context: JobContext,
  connection: Connection,
  { source, manifest, known, totals, file }: Fetching & { file: DeliveredFile },
): Promise<InspectedFile> {
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
    delivered: manifest.billingPeriod,
    inspected,
    at: context.clock.now(),
  });
  faultPoint('sync-after-file');
  await dropDownload(context, source, file);
  return inspected;
}
