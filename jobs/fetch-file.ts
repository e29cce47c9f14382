/**
 * Fetches one delivered file to disk and reads it into the archive. What was fetched half stays beside, under the version it is of, and the
 * next attempt goes on from there; a whole file counts only when size and checksum are what the provider said. Nothing of the provider's
 * names is used as a path: a key may hold `..`, or be longer than a file's name may be.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BillHint, Connection, DeliveredFile } from '../connectors/connector.ts';
import { inspectBill } from '../services/billing/inspect-bill.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import type { Source } from './connected-source.ts';
import type { JobContext } from './job-context.ts';

type FetchContext = Pick<JobContext, 'settings' | 'logger' | 'progress' | 'signal'>;
type DownloadContext = Pick<JobContext, 'settings'>;

const FULL_DISK_RETRY_MS = 15 * 60_000;
const FULL_DISK = new Set(['ENOSPC', 'EDQUOT']);

/** Where the downloads of a source lie while they are not read yet. */
function downloadFolder(context: DownloadContext, source: Source): string {
  return join(context.settings.dataDir, 'downloads', digestOf(source.id));
}

function folderOf(context: DownloadContext, source: Source, file: DeliveredFile): string {
  return join(downloadFolder(context, source), folderNameOf(source, file));
}

/** Where the bytes of a file are gathered until it is whole. */
export function partialDownload(context: DownloadContext, source: Source, file: DeliveredFile): string {
  return `${downloadOf(context, source, file)}.part`;
}

function downloadOf(context: DownloadContext, source: Source, file: DeliveredFile): string {
  const [ending = ''] = /\.(csv|csv\.gz|parquet)$/i.exec(file.name) ?? [];
  return join(folderOf(context, source, file), `bill${ending.toLowerCase()}`);
}

/**
 * @returns what inspection found out. The download is left where it is; `dropDownload` takes it away once it is recorded.
 * @throws AppError source_changed where the file is not what was listed; TransientError, also where the disk is full; as `inspectBill`.
 */
export async function fetchAndInspect(
  context: FetchContext,
  connection: Connection,
  given: { source: Source; file: DeliveredFile; hint: BillHint },
): Promise<InspectedFile> {
  const { file, hint } = given;
  const path = file.localPath ?? (await fetchFile(context, connection, given));
  return inspectBill({
    path,
    name: file.name,
    archiveDir: context.settings.archiveDir,
    workDir: join(context.settings.dataDir, 'work'),
    progress: context.progress,
    logger: context.logger,
    signal: context.signal,
    hint,
  });
}

/** Takes away a file that is read and recorded. */
export async function dropDownload(context: DownloadContext, source: Source, file: DeliveredFile): Promise<void> {
  await rm(folderOf(context, source, file), { recursive: true, force: true });
}

/** Takes away what was fetched of files that are delivered no more. */
export async function sweepDownloads(
  context: DownloadContext,
  source: Source,
  delivered: readonly DeliveredFile[],
): Promise<void> {
  const folder = downloadFolder(context, source);
  const names = new Set(delivered.map((file) => folderNameOf(source, file)));
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!names.has(entry)) await rm(join(folder, entry), { recursive: true, force: true });
  }
}

async function fetchFile(
  context: FetchContext,
  connection: Connection,
  { source, file }: { source: Source; file: DeliveredFile },
): Promise<string> {
  const path = downloadOf(context, source, file);
  // Without a version nobody can say that it, or its beginning, is still the same.
  if (file.version === null) await dropDownload(context, source, file);
  if (await isWhole(file, path)) return path;
  await rm(path, { force: true });
  const part = partialDownload(context, source, file);
  try {
    await mkdir(folderOf(context, source, file), { recursive: true });
    await fetchRest(context, connection, file, part);
    faultPoint('fetch-after-download');
    await refuseOtherContent(file, part);
    await rename(part, path);
  } catch (error) {
    throw describeDisk(error, context, file);
  }
  return path;
}

async function fetchRest(
  context: FetchContext,
  connection: Connection,
  file: DeliveredFile,
  part: string,
): Promise<void> {
  const offset = (await sizeOf(part)) ?? 0;
  const report = (bytes: number) =>
    context.progress.report({
      label: `fetching ${file.name}`,
      done: bytes,
      ...(file.sizeBytes === null ? {} : { total: file.sizeBytes }),
      unit: 'bytes',
    });
  if (file.sizeBytes === null || offset < file.sizeBytes) await connection.fetch(file, { path: part, offset, report });
}

async function refuseOtherContent(file: DeliveredFile, part: string): Promise<void> {
  if (await isWhole(file, part)) return;
  const size = (await sizeOf(part)) ?? 0;
  await rm(part, { force: true });
  const listed = file.sizeBytes === null ? '' : `${file.sizeBytes} bytes`;
  const hash = file.md5 === undefined ? '' : `MD5 ${file.md5}`;
  throw new AppError(
    'source_changed',
    `${file.name} arrived with ${size} bytes that are not what was listed (${[listed, hash].filter((part) => part !== '').join(', ')}). The next look fetches it again.`,
  );
}

async function isWhole(file: DeliveredFile, path: string): Promise<boolean> {
  const size = await sizeOf(path);
  if (size === null || (file.sizeBytes !== null && size !== file.sizeBytes)) return false;
  return file.md5 === undefined || (await md5Of(path)) === file.md5;
}

function describeDisk(error: unknown, { settings }: FetchContext, file: DeliveredFile): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!FULL_DISK.has(code)) return error;
  return new TransientError(
    `The disk of ${settings.dataDir} is full, so ${file.name} could not be fetched to its end. Free space there, or let OUTTURN_DATA name a folder on a larger disk. What has arrived stays, and the next look goes on from there.`,
    FULL_DISK_RETRY_MS,
    error,
  );
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

function folderNameOf(source: Source, file: DeliveredFile): string {
  return digestOf(`${source.place}\n${file.key}\n${file.version ?? ''}`);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
