/**
 * The FOCUS export, in the child process: the lines of the current loads from the archive, each with its attribution, as one file. All
 * that is read from PostgreSQL is of one snapshot, so a publication meanwhile leaves no trace. Load by load: attribution goes to
 * DuckDB, lines of splits go to PostgreSQL and come back as parts, the lines are written to a piece; at the end the pieces are summed, held
 * against the rollups, and become the file. Memory is bounded by DuckDB's limit and PostgreSQL's, whatever the size of the bills.
 */
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { copyFile } from '../billing/copy-file.ts';
import { type DuckDbSession, identifier, literal, openDuckDb } from '../billing/duckdb-session.ts';
import { openBill } from '../billing/open-bill.ts';
import { type FileTotal, sumFile } from '../billing/sum-file.ts';
import { withWorkFolder } from '../billing/work-folder.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Progress } from '../kernel/ports.ts';
import { createSplitTables, cutLines, PART_COLUMNS, SPLIT_LINE_COLUMNS } from './cut-lines.ts';
import { type ExportColumn, FOCUS_12_COLUMNS, OWN_COLUMNS } from './focus-12.ts';
import { columnsOf, type ExportedLoad, exportedLines, type LocatedFile, locateLines } from './locate-lines.ts';
import { readExportedLoads, refuseOtherTotals } from './read-exported-loads.ts';
import { finishedFile } from './write-export.ts';

export type ExportFormat = 'csv' | 'csv.gz' | 'parquet';

export interface ExportOptions {
  readonly databaseUrl: string;
  readonly from: IsoDate;
  readonly until: IsoDate;
  /** By charge date: lines of these dates. By billing period: whole billing periods that touch them. */
  readonly by: 'charge' | 'billing';
  readonly out: string;
  readonly format: ExportFormat;
  readonly workDir: string;
}

export interface ExportResult {
  readonly rulebookId: number;
  readonly loadCount: number;
  readonly rowCount: number;
  readonly columns: readonly string[];
  readonly totals: readonly FileTotal[];
  readonly bytes: number;
}

const CONNECT_TIMEOUT_MS = 15_000;

/** Does what `exportFocus` promises. */
export async function exportInChild(options: ExportOptions, progress: Progress): Promise<ExportResult> {
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    application_name: 'outturn export',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: '-c TimeZone=UTC',
  });
  client.on('error', () => {}); // The next query says so.
  try {
    await client.connect();
    return await withWorkFolder(options.workDir, async (folder) => {
      const session = await openDuckDb(folder);
      try {
        await client.query('begin isolation level repeatable read');
        return await exportLoads({ session, client, folder, progress }, options);
      } finally {
        session.close();
      }
    });
  } finally {
    await client.end().catch(() => undefined); // The connection may be what failed.
  }
}

interface Workshop {
  readonly session: DuckDbSession;
  readonly client: pg.Client;
  readonly folder: string;
  readonly progress: Progress;
}

async function exportLoads(shop: Workshop, options: ExportOptions): Promise<ExportResult> {
  const { session, client, folder, progress } = shop;
  const { rows } = await client.query<{ id: number; content: RulebookContent }>(
    'select rulebook.id, content from organisation join rulebook on rulebook.id = organisation.rulebook_id',
  );
  const rulebook = rows[0];
  if (rulebook === undefined) throw new Error('the organisation row is missing; the migrations insert it');
  const loads = await readExportedLoads(client, rulebook.id, options);
  refuseMissingArchive(loads);
  await createSplitTables(client);
  const columns = await findColumns(session, loads);
  const piece = (number: number) => join(folder, `piece-${String(number).padStart(6, '0')}.parquet`);
  await writePiece(
    session,
    piece(0),
    `select ${columns.map(({ name }) => `null::varchar as ${identifier(name)}`).join(', ')} where false`,
  );
  let pieces = 1;
  for (const [index, load] of loads.entries()) {
    progress.report({ label: 'exporting', done: index, total: loads.length, unit: 'bills' });
    for await (const lines of linesOfLoad(shop, load, { ...options, columns, rulebook })) {
      await writePiece(session, piece(pieces), lines);
      pieces += 1;
    }
  }
  progress.report({ label: 'exporting', done: loads.length, total: loads.length, unit: 'bills' });
  const all = join(folder, 'piece-*.parquet');
  const { totals } = await sumFile(await openBill(session, all, basename(options.out)), '');
  await refuseOtherTotals(client, totals, loads, { ...options, rulebookId: rulebook.id });
  await client.query('rollback');
  const unfinished = join(dirname(options.out), `.${basename(options.out)}.${process.pid}.tmp`);
  try {
    await session.run(await finishedFile(session, { pieces: all, columns, to: unfinished, format: options.format }));
    await rename(unfinished, options.out);
  } finally {
    await rm(unfinished, { force: true });
  }
  return {
    rulebookId: rulebook.id,
    loadCount: loads.length,
    rowCount: totals.reduce((count, total) => count + total.rowCount, 0),
    columns: columns.map(({ name }) => name),
    totals,
    bytes: (await stat(options.out)).size,
  };
}

function refuseMissingArchive(loads: readonly ExportedLoad[]): void {
  const gone = loads.flatMap((load) => load.files).find((file) => !existsSync(file.archivePath));
  if (gone === undefined) return;
  throw new AppError(
    'bill_unreadable',
    `The archive of ${gone.name} is not at ${gone.archivePath}. Put the archive back there, or ingest the bill again.`,
  );
}

/** What FOCUS wants anyway, what any of the bills brings, and our own. */
async function findColumns(session: DuckDbSession, loads: readonly ExportedLoad[]): Promise<ExportColumn[]> {
  const found = new Set<string>();
  for (const file of loads.flatMap((load) => load.files)) {
    for (const name of columnsOf(await openBill(session, file.archivePath, file.name))) found.add(name);
  }
  return [...FOCUS_12_COLUMNS.filter(({ name, isMandatory }) => isMandatory || found.has(name)), ...OWN_COLUMNS];
}

/** Queries for the load's lines, file by file; each is run before the next is asked for. */
async function* linesOfLoad(
  { session, client, folder }: Workshop,
  load: ExportedLoad,
  options: ExportOptions & { columns: readonly ExportColumn[]; rulebook: { id: number; content: RulebookContent } },
): AsyncIterable<string> {
  const { columns, rulebook } = options;
  const dates = options.by === 'charge' ? { from: options.from, until: options.until } : null;
  const bound = {
    attribution: join(folder, 'attribution.csv'),
    split: join(folder, 'split.csv'),
    part: join(folder, 'part.csv'),
  };
  await copyOut(
    client,
    `select origin_id, valid_from, valid_until, kind, rule_id, pod_id from attributed_origin
      where rulebook_id = ${rulebook.id} and origin_id in (select origin_id from load_origin where load_id = ${BigInt(load.loadId)})`,
    bound.attribution,
  );
  await readBack(session, 'attribution', bound.attribution, {
    origin_id: 'bigint',
    valid_from: 'date',
    valid_until: 'date',
    kind: 'varchar',
    rule_id: 'varchar',
    pod_id: 'varchar',
  });
  await client.query('truncate split_line');
  let located: { number: number; found: LocatedFile } | undefined;
  for (const file of load.files) {
    const found = await locateLines(session, load, file, dates);
    located = { number: file.number, found };
    await session.run(`copy (${found.splitLines}) to ${literal(bound.split)} (format csv, header false)`);
    await copyFile(client, `split_line (${SPLIT_LINE_COLUMNS.join(', ')}) from stdin (format csv)`, bound.split);
  }
  await cutLines(client, load.loadId, rulebook.content);
  await copyOut(client, `select ${PART_COLUMNS.join(', ')} from line_part`, bound.part);
  await readBack(
    session,
    'part',
    bound.part,
    Object.fromEntries(
      PART_COLUMNS.map((name) => [name, name === 'file_number' || name === 'record' ? 'bigint' : 'varchar']),
    ),
  );
  for (const file of load.files) {
    // The tables in the session are of the file that was located last.
    const found = located?.number === file.number ? located.found : await locateLines(session, load, file, dates);
    located = { number: file.number, found };
    yield exportedLines(found, load, file, { columns, rulebookId: rulebook.id });
  }
}

async function writePiece(session: DuckDbSession, path: string, lines: string): Promise<void> {
  await session.run(`copy (${lines}) to ${literal(path)} (format parquet, compression snappy)`);
}

async function copyOut(client: pg.Client, query: string, path: string): Promise<void> {
  await pipeline(client.query(copyTo(`copy (${query}) to stdout (format csv)`)), createWriteStream(path));
}

/** PostgreSQL's CSV as a temporary table. Infinite dates are text that only a cast reads. */
async function readBack(
  session: DuckDbSession,
  table: string,
  path: string,
  types: Readonly<Record<string, string>>,
): Promise<void> {
  const names = Object.keys(types);
  const columns = names.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
  await session.run(`create or replace temp table ${table} as
    select ${names.map((name) => `${name}::${types[name] ?? 'varchar'} as ${name}`).join(', ')}
    from read_csv(${literal(path)}, columns = {${columns}}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"',
      nullstr = '', allow_quoted_nulls = false)`);
}
