/**
 * Fetches one delivered file to disk and reads it into the archive. What was fetched half stays beside, under the version it is of, and the
 * next attempt goes on from there; a whole file counts only when size and checksum are what the provider said.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BillHint, Connection, DeliveredFile } from '../connectors/connector.ts';
import { inspectBill } from '../services/billing/inspect-bill.ts';
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { TransientError } from '../services/kernel/errors.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import type { JobContext } from './job-context.ts';

const RETRY_MS = 60_000;

type FetchContext = Pick<JobContext, 'settings' | 'logger' | 'progress' | 'signal'>;

/** Where the downloads of a source lie while they are not read yet. */
export function downloadFolder(context: Pick<JobContext, 'settings'>, sourceId: string): string {
  return join(context.settings.dataDir, 'downloads', digestOf(sourceId));
}

/** @returns what inspection found out. The download is left where it is; `sweepDownloads` takes it away once it is recorded. */
export async function fetchAndInspect(
  context: FetchContext,
  connection: Connection,
  given: { sourceId: string; file: DeliveredFile; hint: BillHint | undefined },
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
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Takes away downloads of a source, but for those of `kept` keys. */
export async function sweepDownloads(
  context: Pick<JobContext, 'settings'>,
  sourceId: string,
  kept: readonly DeliveredFile[] = [],
): Promise<void> {
  const folder = downloadFolder(context, sourceId);
  const names = new Set(kept.map(folderNameOf));
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!names.has(entry)) await rm(join(folder, entry), { recursive: true, force: true });
  }
}

async function fetchFile(
  context: FetchContext,
  connection: Connection,
  { sourceId, file }: { sourceId: string; file: DeliveredFile },
): Promise<string> {
  const folder = join(downloadFolder(context, sourceId), folderNameOf(file));
  await mkdir(folder, { recursive: true });
  const path = join(folder, basename(file.name));
  if ((await sizeOf(path)) !== null) return path;
  const part = `${path}.part`;
  // Without a version nobody can say that the beginning is still the same.
  if (file.version === null) await rm(part, { force: true });
  const offset = (await sizeOf(part)) ?? 0;
  const report = (bytes: number) =>
    context.progress.report({
      label: `fetching ${file.name}`,
      done: bytes,
      ...(file.sizeBytes === null ? {} : { total: file.sizeBytes }),
      unit: 'bytes',
    });
  if (file.sizeBytes === null || offset < file.sizeBytes) await connection.fetch(file, { path: part, offset, report });
  faultPoint('fetch-after-download');
  await refuseOtherContent(file, part);
  await rename(part, path);
  return path;
}

async function refuseOtherContent(file: DeliveredFile, part: string): Promise<void> {
  const size = await sizeOf(part);
  const isWhole = file.sizeBytes === null || size === file.sizeBytes;
  if (isWhole && (file.md5 === undefined || (await md5Of(part)) === file.md5)) return;
  await rm(part, { force: true });
  throw new TransientError(
    `${file.name} arrived with ${size} bytes that are not what was listed (${file.sizeBytes} bytes${file.md5 === undefined ? '' : `, MD5 ${file.md5}`}). It is fetched again.`,
    RETRY_MS,
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

function folderNameOf(file: DeliveredFile): string {
  return digestOf(`${file.key}\n${file.version ?? ''}`);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
