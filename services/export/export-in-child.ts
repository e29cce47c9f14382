/**
 * The FOCUS export, in the child process: the lines of loads from the archive, each with its attribution, as one file. All that is read
 * from PostgreSQL is of one snapshot, so a publication meanwhile leaves no trace. Part by part and load by load: attribution goes to
 * DuckDB, lines of splits go to PostgreSQL and come back as parts, the lines are written to a piece; a part's pieces are summed and held
 * against what they must come to; all of them become the file. Memory is bounded by DuckDB's limit and PostgreSQL's, whatever the size of the bills.
 */
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { COST_METRICS } from '../attribution/rulebook.ts';
import { copyFile } from '../billing/copy-file.ts';
import { type DuckDbSession, identifier, literal, openDuckDb } from '../billing/duckdb-session.ts';
import { openBill } from '../billing/open-bill.ts';
import { type FileTotal, sumFile } from '../billing/sum-file.ts';
import { withWorkFolder } from '../billing/work-folder.ts';
import { sum, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/ports.ts';
import { createSplitTables, cutLines, PART_COLUMNS, SPLIT_LINE_COLUMNS } from './cut-lines.ts';
import { type ExportedPart, type ExportScope, readExportedParts, refuseOtherTotals } from './exported-parts.ts';
import { type ExportColumn, FOCUS_12_COLUMNS, OWN_COLUMNS } from './focus-12.ts';
import { withFrozenTables } from './frozen-tables.ts';
import {
  columnsOf,
  type ExportedLoad,
  exportedLines,
  type LocatedFile,
  locateLines,
  providerColumnsOf,
} from './locate-lines.ts';
import { finishedFile } from './write-export.ts';

export type ExportFormat = 'csv' | 'csv.gz' | 'parquet';

export interface ExportOptions extends ExportScope {
  readonly databaseUrl: string;
  readonly out: string;
  readonly format: ExportFormat;
  readonly workDir: string;
}

export interface ExportResult {
  /** The newest used. */
  readonly rulebookId: number;
  /** The statements that parts of it come from, by month. */
  readonly statements: readonly { readonly statementId: string; readonly period: string }[];
  /** Whether any part is as now known. */
  readonly isPartlyOpen: boolean;
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
  const parts = await readExportedParts(client, options);
  const loads = parts.flatMap((part) => part.loads);
  refuseMissingArchive(loads);
  await createSplitTables(client);
  const columns = await findColumns(session, loads);
  const nothing = `select ${columns.map(({ name }) => `null::varchar as ${identifier(name)}`).join(', ')} where false`;
  const totals: FileTotal[] = [];
  let done = 0;
  for (const [index, part] of parts.entries()) {
    const piece = (number: number) => join(folder, `piece-${padded(index)}-${padded(number)}.parquet`);
    await writePiece(session, piece(0), nothing);
    const writePart = async () => {
      let pieces = 1;
      for (const load of part.loads) {
        progress.report({ label: 'exporting', done, total: loads.length, unit: 'bills' });
        for await (const lines of linesOfLoad(shop, load, { part, columns })) {
          await writePiece(session, piece(pieces), lines);
          pieces += 1;
        }
        done += 1;
      }
    };
    await (part.statement === null ? writePart() : withFrozenTables(client, part.statement, writePart));
    const written = await openBill(session, join(folder, `piece-${padded(index)}-*.parquet`), basename(options.out));
    const { totals: sums } = await sumFile(written, '');
    await refuseOtherTotals(client, part, sums);
    totals.push(...sums);
  }
  progress.report({ label: 'exporting', done: loads.length, total: loads.length, unit: 'bills' });
  const all = join(folder, 'piece-*.parquet');
  await client.query('rollback');
  const unfinished = join(dirname(options.out), `.${basename(options.out)}.${process.pid}.tmp`);
  try {
    await session.run(await finishedFile(session, { pieces: all, columns, to: unfinished, format: options.format }));
    await rename(unfinished, options.out);
  } finally {
    await rm(unfinished, { force: true });
  }
  return {
    rulebookId: Math.max(...parts.map(({ rulebook }) => rulebook.id)),
    statements: parts.flatMap(({ statement }) =>
      statement === null ? [] : [{ statementId: String(statement.statementId), period: statement.periodId }],
    ),
    isPartlyOpen: parts.some(({ statement }) => statement === null),
    loadCount: new Set(loads.map(({ loadId }) => loadId)).size,
    rowCount: totals.reduce((count, total) => count + total.rowCount, 0),
    columns: columns.map(({ name }) => name),
    totals: addUp(totals),
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

/** The parts' totals, by currency. */
function addUp(parts: readonly FileTotal[]): FileTotal[] {
  const byCurrency = [...Map.groupBy(parts, (part) => part.billingCurrency)];
  return byCurrency
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([billingCurrency, same]) => ({
      billingCurrency,
      rowCount: same.reduce((count, part) => count + part.rowCount, 0),
      costs: COST_METRICS.map((_, index) => sum(same.map(({ costs }) => costs[index] ?? ZERO))),
    }));
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}

/** What FOCUS wants anyway, what any of the bills brings, the providers' own in the order they are met, and ours. */
async function findColumns(session: DuckDbSession, loads: readonly ExportedLoad[]): Promise<ExportColumn[]> {
  const found = new Set<string>();
  // DuckDB tells no columns apart by their case: the first spelling is kept.
  const own = new Map<string, string>();
  for (const file of loads.flatMap((load) => load.files)) {
    const bill = await openBill(session, file.archivePath, file.name, []);
    for (const name of columnsOf(bill)) found.add(name);
    for (const name of providerColumnsOf(bill)) own.set(name.toLowerCase(), own.get(name.toLowerCase()) ?? name);
  }
  return [
    ...FOCUS_12_COLUMNS.filter(({ name, isMandatory }) => isMandatory || found.has(name)),
    ...[...own.values()].map((name) => ({ name, type: 'text' as const, isMandatory: false, isNullable: true })),
    ...OWN_COLUMNS,
  ];
}

/** Queries for the load's lines, file by file; each is run before the next is asked for. */
async function* linesOfLoad(
  { session, client, folder }: Workshop,
  load: ExportedLoad,
  { part, columns }: { part: ExportedPart; columns: readonly ExportColumn[] },
): AsyncIterable<string> {
  const { rulebook, statement } = part;
  const dates = part.by === 'charge' ? { from: part.from, until: part.until } : null;
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
    yield exportedLines(found, load, file, {
      columns,
      rulebookId: rulebook.id,
      statementId: statement?.statementId ?? null,
    });
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
