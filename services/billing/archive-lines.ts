/** Leads from an origin's charges back to the lines they were summed from, in the archived files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { type IsoDate } from '../kernel/period.ts';
import { silentProgress } from '../kernel/ports.ts';
import { ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { ARCHIVED_LINES_MAX, type ArchivedLine } from './read-lines.ts';
import { runInChild } from './run-in-child.ts';

export interface ArchiveQuery {
  readonly loadId: string;
  readonly originId: string;
  /** Only lines of this charge date. */
  readonly chargeDate?: IsoDate;
  /** At most 1,000. */
  readonly limit: number;
  /** Where the reading process may put what it needs for a moment. */
  readonly workDir: string;
  readonly signal?: AbortSignal;
}

/**
 * The load's lines of one origin, by file and record ordinal.
 * @throws AppError not_found (load or origin), bill_unreadable (the archive is gone).
 */
export async function readArchivedLines(db: Kysely<DB>, query: ArchiveQuery): Promise<readonly ArchivedLine[]> {
  const { rows: loads } = await sql<{ start: IsoDate; end: IsoDate; name: string; archive_path: string }>`
    select billing_period_start as start, billing_period_end as "end", name, archive_path
    from load join load_file on load_id = load.id where load.id = ${query.loadId}::bigint order by ordinal`.execute(db);
  const [first] = loads;
  if (first === undefined) throw new AppError('not_found', `There is no load ${query.loadId}.`);
  const gone = loads.find((file) => !existsSync(file.archive_path));
  if (gone !== undefined) {
    throw new AppError(
      'bill_unreadable',
      `The archive of ${gone.name} is not at ${gone.archive_path}. Put the archive back there, or ingest the bill again.`,
    );
  }
  const attributes = sql.join(ORIGIN_TEXT_COLUMNS.map((column) => sql.ref(column.sql)));
  const { rows: origins } = await sql<Record<string, string | null>>`
    select ${attributes}, tags::text as tags from origin where id = ${query.originId}::bigint`.execute(db);
  const [origin] = origins;
  if (origin === undefined) throw new AppError('not_found', `There is no origin ${query.originId}.`);
  return runInChild(
    'read-lines',
    {
      files: loads.map((file) => ({ name: file.name, archivePath: file.archive_path })),
      origin,
      billingPeriodStart: first.start,
      billingPeriodEnd: first.end,
      ...(query.chargeDate === undefined ? {} : { chargeDate: query.chargeDate }),
      limit: Math.min(query.limit, ARCHIVED_LINES_MAX),
      workDir: join(query.workDir),
    },
    { progress: silentProgress, ...(query.signal === undefined ? {} : { signal: query.signal }) },
  );
}
