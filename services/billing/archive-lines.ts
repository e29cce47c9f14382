/** Leads from origins' charges back to the lines they were summed from, in the archived files. */
import { existsSync } from 'node:fs';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { silentProgress } from '../kernel/ports.ts';
import { ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { ARCHIVED_LINES_MAX, type ArchivedLine, type LoadLines } from './read-lines.ts';
import { runInChild } from './run-in-child.ts';

export interface ArchiveQuery {
  readonly wanted: readonly {
    readonly loadId: string;
    readonly originId: string;
    /** Only lines of these charge dates, half-open; all of them without. */
    readonly dates?: { readonly start: IsoDate; readonly end: IsoDate };
  }[];
  /** Of each origin and load, at most 1,000. */
  readonly limit: number;
  /** Where the reading process may put what it needs for a moment. */
  readonly workDir: string;
  readonly signal?: AbortSignal;
}

interface FileRow {
  readonly load_id: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly name: string;
  readonly archive_path: string;
  readonly row_count: string | null;
}

/**
 * The first lines of each origin in its load, by file and record ordinal, in the order asked for.
 * @throws AppError not_found (load or origin), bill_unreadable (the archive is gone).
 */
export async function readArchivedLines(db: Kysely<DB>, query: ArchiveQuery): Promise<readonly ArchivedLine[]> {
  const { wanted, limit, workDir, signal } = query;
  const loadIds = [...new Set(wanted.map(({ loadId }) => loadId))];
  const files = await readFiles(db, loadIds);
  const origins = await readOrigins(
    db,
    wanted.map(({ originId }) => originId),
  );
  const loads = loadIds.map((loadId): LoadLines => {
    const own = files.filter((file) => file.load_id === loadId);
    const [first] = own;
    if (first === undefined) throw new AppError('not_found', `There is no load ${loadId}.`);
    return {
      loadId,
      files: own.map(({ name, archive_path: archivePath, row_count: rowCount }) => ({
        name,
        archivePath,
        rowCount: Number(rowCount),
      })),
      billingPeriodStart: first.start,
      billingPeriodEnd: first.end,
      wanted: wanted
        .filter((one) => one.loadId === loadId)
        .map(({ originId, dates }) => {
          const origin = origins.get(originId);
          if (origin === undefined) throw new AppError('not_found', `There is no origin ${originId}.`);
          return { originId, origin, ...(dates === undefined ? {} : { dates }) };
        }),
    };
  });
  return runInChild(
    'read-lines',
    { loads, limit: Math.min(limit, ARCHIVED_LINES_MAX), workDir },
    { progress: silentProgress, ...(signal === undefined ? {} : { signal }) },
  );
}

async function readFiles(db: Kysely<DB>, loadIds: readonly string[]): Promise<FileRow[]> {
  const { rows } = await sql<FileRow>`
    select load.id::text as load_id, billing_period_start as start, billing_period_end as "end", name, archive_path,
      load_file.row_count::text as row_count
    from load join load_file on load_id = load.id where load.id = any(${loadIds}::bigint[]) order by load.id, ordinal`.execute(
    db,
  );
  const gone = rows.find((file) => !existsSync(file.archive_path));
  if (gone === undefined) return rows;
  throw new AppError(
    'bill_unreadable',
    `The archive of ${gone.name} is not at ${gone.archive_path}. Put the archive back there, or ingest the bill again.`,
  );
}

async function readOrigins(
  db: Kysely<DB>,
  originIds: readonly string[],
): Promise<Map<string, Readonly<Record<string, string | null>>>> {
  const attributes = sql.join(ORIGIN_TEXT_COLUMNS.map((column) => sql.ref(column.sql)));
  const { rows } = await sql<Record<string, string | null>>`
    select id::text as id, ${attributes}, tags::text as tags from origin where id = any(${[...new Set(originIds)]}::bigint[])
  `.execute(db);
  return new Map(rows.map(({ id, ...origin }) => [id ?? '', origin]));
}
