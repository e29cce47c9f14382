/**
 * The second half of ingestion, in the child process: sums one file of a load to charges and stores them. DuckDB works first and gives its
 * memory back; then one PostgreSQL transaction writes the charges and the file's mark, so that a kill at any instruction leaves either all
 * of it or nothing. Origins belong to no load; they go in beside it, on a connection of their own.
 */
import { join } from 'node:path';
import pg from 'pg';
import { errorCodeOf, SQL_STATE } from '../../db/sql-state.ts';
import { AppError, TransientError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { Progress } from '../kernel/ports.ts';
import { type DuckDbSession, literal, openDuckDb } from './duckdb-session.ts';
import { ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { groupCharges } from './group-charges.ts';
import { type Bill, openBill } from './open-bill.ts';
import { filterOfPeriod } from './period-filter.ts';
import { askForUnknownOrigins, type OriginFiles, storeOrigins } from './store-origins.ts';
import { skuDaysQuery } from './sku-days.ts';
import { findStagingWork, type StagedFiles, type StagingWork, storeStaged } from './store-staged.ts';
import { type FileTotal, sumFile } from './sum-file.ts';
import { withWorkFolder } from './work-folder.ts';

export interface StageOptions {
  readonly databaseUrl: string;
  readonly loadId: string;
  readonly ordinal: number;
  readonly workDir: string;
}

const CONNECT_TIMEOUT_MS = 15_000;
const RETRY_AFTER_MS = 2_000;
const TRANSIENT_STATES: ReadonlySet<string> = new Set([
  SQL_STATE.serializationFailure,
  SQL_STATE.deadlockDetected,
  SQL_STATE.adminShutdown,
  SQL_STATE.crashShutdown,
  SQL_STATE.cannotConnectNow,
  SQL_STATE.tooManyConnections,
  'ECONNREFUSED',
  'ECONNRESET',
]);

/** An id that several spellings lead to is one origin; their attributes mean the same. */
const KEYS_QUERY = 'select id, any_value(digest) from origin group by id';
const UNKNOWN_ORIGINS_QUERY = `
  select id, digest, ${ORIGIN_TEXT_COLUMNS.map(({ sql }) => sql).join(', ')}, tag_set_id
  from (
    select id, any_value(digest) as digest, any_value(place_key) as place_key, any_value(resource_key) as resource_key,
      any_value(tag_set_id) as tag_set_id
    from origin semi join unknown_origin using (id) group by id)
  join place_set using (place_key) join resource_set using (resource_key)`;
const UNKNOWN_TAG_SETS_QUERY =
  'select tag_set_id, json from tag_set semi join (select tag_set_id from origin semi join unknown_origin using (id)) using (tag_set_id)';

/** Does what `stageFile` promises; false where another run had staged the file already. */
export async function stageInChild(options: StageOptions, progress: Progress): Promise<{ staged: boolean }> {
  const [client, originClient] = [createClient(options.databaseUrl), createClient(options.databaseUrl)];
  try {
    await client.connect();
    const work = await findStagingWork(client, options.loadId, options.ordinal);
    if (work === null) return { staged: false };
    await originClient.connect();
    return await withWorkFolder(options.workDir, async (folder) => {
      const report = (done: number) =>
        progress.report({ label: `staging ${work.fileName}`, done, total: 3, unit: 'steps' });
      const { files, totals } = await sumToFiles(originClient, work, folder, report);
      faultPoint('stage-after-grouping');
      report(2);
      const origins =
        files.origins === null ? Promise.resolve() : storeOrigins(originClient, work.fileName, files.origins);
      origins.catch(() => {}); // Awaited before the charges commit; until then its failure is nobody's.
      const staged = await storeStaged(client, work, files, totals, origins);
      report(3);
      return { staged };
    });
  } catch (error) {
    throw TRANSIENT_STATES.has(errorCodeOf(error) ?? '')
      ? new TransientError(
          `PostgreSQL could not take the bill just now: ${(error as Error).message}`,
          RETRY_AFTER_MS,
          error,
        )
      : error;
  } finally {
    // The connections may be what failed.
    await Promise.all([client, originClient].map((one) => one.end().catch(() => undefined)));
  }
}

function createClient(databaseUrl: string): pg.Client {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'outturn stage',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: '-c TimeZone=UTC -c citus.multi_shard_modify_mode=sequential',
  });
  // One connection may break while the other is used; its next query, or the wait for its origins, says so.
  client.on('error', () => {});
  return client;
}

/** DuckDB's part: all that is to be stored, as files. PostgreSQL says on the way which origins are new. */
async function sumToFiles(
  originClient: pg.Client,
  work: StagingWork,
  folder: string,
  report: (done: number) => void,
): Promise<{ files: StagedFiles & { origins: OriginFiles | null }; totals: FileTotal[] }> {
  const session = await openDuckDb(folder, work.archivePath);
  try {
    report(0);
    await session.run('set preserve_insertion_order = false');
    const bill = await openArchive(session, work);
    const filter = await filterOfPeriod(bill, { start: work.periodStart, end: work.periodEnd });
    const { totals, unfitCount } = await sumFile(bill, filter);
    const queries = await groupCharges(bill, filter, unfitCount);
    report(1);
    const write = async (query: string, name: string) => {
      const file = join(folder, name);
      await session.run(`copy (${query}) to ${literal(file)} (format csv, header false)`);
      return file;
    };
    const unknown = join(folder, 'unknown.csv');
    const asked = askForUnknownOrigins(originClient, work.fileName, {
      keys: await write(KEYS_QUERY, 'keys.csv'),
      unknown,
    });
    asked.catch(() => {}); // Awaited when the charges are written.
    const charges = await write(queries.charges, 'charges.csv');
    const singles = queries.singles === null ? null : await write(queries.singles, 'singles.csv');
    const skuDays = await write(skuDaysQuery(bill, work.loadId, singles !== null), 'sku-days.csv');
    if (!(await asked)) return { files: { charges, singles, skuDays, origins: null }, totals };
    await session.run(
      `create temp table unknown_origin as select id from read_csv(${literal(unknown)}, header = false, columns = {id: 'BIGINT'})`,
    );
    const origins = {
      origins: await write(UNKNOWN_ORIGINS_QUERY, 'origins.csv'),
      tagSets: await write(UNKNOWN_TAG_SETS_QUERY, 'tags.csv'),
    };
    return { files: { charges, singles, skuDays, origins }, totals };
  } finally {
    session.close();
  }
}

async function openArchive(session: DuckDbSession, work: StagingWork): Promise<Bill> {
  try {
    return await openBill(session, work.archivePath, work.fileName);
  } catch (error) {
    if (!(error instanceof Error) || !/No files found|Cannot open file/.test(error.message)) throw error;
    throw new AppError(
      'bill_unreadable',
      `The archive of ${work.fileName} is gone: there is no ${work.archivePath}. Ingest the file again.`,
      { cause: error },
    );
  }
}
