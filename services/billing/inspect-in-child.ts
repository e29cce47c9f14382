/**
 * The first half of ingestion, in the child process: takes a copy under its hash, turns it into the archive's Parquet where it is not
 * one, a provider's own format into FOCUS, and checks every line. Nothing of it touches PostgreSQL. Files of the archive are written beside and renamed, so that a kill
 * leaves no half file under a hash.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { Progress } from '../kernel/ports.ts';
import { checkLines } from './check-lines.ts';
import { findDialect } from './dialects/all.ts';
import { CURRENCY_DEFAULT, type Dialect, type DialectHint } from './dialects/dialect.ts';
import { foldColumn, foldHeader } from './dialects/source-cells.ts';
import { findLines } from './csv-faults.ts';
import { type CsvShape, readCsvShape, refuseForeignFile } from './csv-shape.ts';
import { csvToParquet } from './csv-to-parquet.ts';
import { type BillFormat, billFormatOf } from './discover-files.ts';
import { type DuckDbSession, literal, openDuckDb, textOf } from './duckdb-session.ts';
import type { InspectedFile } from './inspected-file.ts';
import { matchColumns } from './match-columns.ts';
import { openBill } from './open-bill.ts';
import { takeCopy } from './take-copy.ts';
import { type ColumnOrigins, translateBill } from './translate-bill.ts';
import { withWorkFolder } from './work-folder.ts';

const PART_AGE_MS_MAX = 86_400_000;

export interface InspectOptions {
  readonly path: string;
  readonly name: string;
  readonly archiveDir: string;
  /** Where the inspection makes a folder of its own. */
  readonly workDir: string;
  readonly hint?: DialectHint;
}

/** Does what `inspectBill` promises. */
export async function inspectInChild(options: InspectOptions, progress: Progress): Promise<InspectedFile> {
  const format = billFormatOf(options.path);
  if (format === null)
    throw new AppError('invalid_input', `${options.name} is not a bill: a bill ends in .csv, .csv.gz or .parquet.`);
  await mkdir(options.archiveDir, { recursive: true });
  return withWorkFolder(options.workDir, async (folder) => {
    await sweepParts(options.archiveDir, folder);
    const session = await openDuckDb(folder, options.path);
    try {
      return await inspect(session, { ...options, workDir: folder }, format, progress);
    } finally {
      session.close();
    }
  });
}

async function inspect(
  session: DuckDbSession,
  options: InspectOptions,
  format: BillFormat,
  progress: Progress,
): Promise<InspectedFile> {
  const { path, name, archiveDir, workDir } = options;
  const isParquet = format === 'parquet';
  if (format === 'csv') await refuseForeignFile(path, name);
  // On the archive's file system, so that the rename at the end is one.
  const copyPath = isParquet ? join(archiveDir, `${randomUUID()}.part`) : join(workDir, 'bill.csv');
  try {
    const report = (step: Parameters<Progress['report']>[0]) => progress.report(step);
    const copy = await takeCopy({ path, name, to: copyPath, gunzip: format === 'csv.gz', isText: !isParquet, report });
    faultPoint('inspect-after-copy');
    const shape = isParquet ? null : await readCsvShape(copyPath, name);
    const header = shape?.header ?? (await readable(name, () => readParquetHeader(session, copyPath)));
    const dialect = findDialect(header);
    if (dialect === null) matchColumns(name, header);
    progress.report({ label: `checking ${name}`, done: 0, total: 1, unit: 'steps' });
    const assumedCurrency = assumedCurrencyOf(header, dialect, options.hint);
    const named = archiveName(copy.sha256, dialect, { ...options.hint, currency: assumedCurrency });
    const archivePath = join(archiveDir, `${named}.parquet`);
    let origins: ColumnOrigins | undefined;
    if (dialect !== null)
      origins = await archiveTranslated(session, { ...options, copyPath, shape, dialect, archivePath });
    else if (shape === null) await keepAs(copyPath, archivePath);
    else if (!(await exists(archivePath))) await archiveCsv(session, { copyPath, name, shape, archivePath });
    faultPoint('inspect-after-archive');
    const bill = await readable(name, () => openBill(session, archivePath, name));
    const lines = shape === null ? null : (ordinals: ReadonlySet<number>) => findLines(copyPath, shape, ordinals);
    const periods = bill.rowCount === 0 ? [] : await readable(name, () => checkLines(bill, lines, origins));
    progress.report({ label: `checking ${name}`, done: 1, total: 1, unit: 'steps' });
    const { focusVersion, rowCount } = bill;
    const read = { dialect: dialect?.id.replace(/-\d+$/, '') ?? 'focus', ...(assumedCurrency && { assumedCurrency }) };
    return { name, ...copy, format, ...read, focusVersion, rowCount, archivePath, periods };
  } finally {
    await rm(copyPath, { force: true });
  }
}

/** The same file read in another way is another file of the archive. */
function archiveName(
  sha256: string,
  dialect: Dialect | null,
  { dataset, currency }: { dataset?: string | undefined; currency: string | undefined },
): string {
  if (dialect === null) return sha256;
  return [sha256, dialect.id, dataset, currency].filter((part) => part !== undefined).join('.');
}

function assumedCurrencyOf(
  header: readonly string[],
  dialect: Dialect | null,
  hint: DialectHint | undefined,
): string | undefined {
  if (dialect?.currency === undefined) return undefined;
  const folded = foldHeader(header);
  return dialect.currency.some((name) => folded.has(foldColumn(name)))
    ? undefined
    : (hint?.currency ?? CURRENCY_DEFAULT);
}

async function readParquetHeader(session: DuckDbSession, path: string): Promise<string[]> {
  const rows = await session.rows(
    `select column_name::varchar as name from (describe select * from read_parquet(${literal(path)}))`,
  );
  return rows.map((row) => textOf(row['name']) ?? '');
}

async function archiveTranslated(
  session: DuckDbSession,
  given: InspectOptions & { copyPath: string; shape: CsvShape | null; dialect: Dialect; archivePath: string },
): Promise<ColumnOrigins> {
  const { copyPath, name, shape, dialect, hint = {}, archivePath, workDir } = given;
  const path = shape === null ? copyPath : join(workDir, 'bill.parquet');
  if (shape !== null) await csvToParquet(session, { path: copyPath, name, shape, to: path });
  const part = join(dirname(archivePath), `${randomUUID()}.part`);
  try {
    const origins = await readable(name, () => translateBill(session, { path, name, dialect, hint, to: part }));
    await keepAs(part, archivePath);
    return origins;
  } finally {
    await rm(part, { force: true });
  }
}

async function archiveCsv(
  session: DuckDbSession,
  { copyPath, name, shape, archivePath }: { copyPath: string; name: string; shape: CsvShape; archivePath: string },
): Promise<void> {
  const part = join(dirname(archivePath), `${randomUUID()}.part`);
  try {
    await csvToParquet(session, { path: copyPath, name, shape, to: part });
    await keepAs(part, archivePath);
  } finally {
    await rm(part, { force: true });
  }
}

/** Durable before it is named: the archive must be there when PostgreSQL says so. */
async function keepAs(part: string, archivePath: string): Promise<void> {
  const handle = await open(part, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, archivePath);
}

/** DuckDB's complaints about a Parquet file are about the bill, not about us. */
async function readable<Result>(name: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || !/Parquet|parquet|magic bytes|Snappy|ZSTD|thrift|TProtocol/.test(error.message))
      throw error;
    const reason = error.message.split('\n')[0] ?? '';
    throw new AppError(
      'bill_unreadable',
      `${name} cannot be read as Parquet, it may be cut off or damaged: ${reason} Download it again.`,
      {
        cause: error,
        faults: [{ file: name, reason }],
      },
    );
  }
}

/** Takes away what killed inspections left half written; a day is longer than any inspection takes. `fresh` was made just now. */
async function sweepParts(archiveDir: string, fresh: string): Promise<void> {
  const now = (await stat(fresh)).mtimeMs;
  for (const entry of await readdir(archiveDir)) {
    if (!entry.endsWith('.part')) continue;
    const path = join(archiveDir, entry);
    const touched = await stat(path).then(
      (status) => status.mtimeMs,
      () => now, // Another inspection has just finished with it.
    );
    if (now - touched > PART_AGE_MS_MAX) await rm(path, { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.size > 0,
    () => false,
  );
}
