/**
 * One in-memory DuckDB with fixed limits, for the child process that reads bills. 640 MB of DuckDB is about 1 GB resident; what
 * does not fit spills into the work folder. UTC always: a cast of a text with an offset depends on the session's zone.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, JS } from '@duckdb/node-api';

const MEMORY_LIMIT = '640MB';
const THREADS = '2';
/**
 * A file up to this size is one piece of work to DuckDB: a second thread finds nothing to do and spends a third more of processor time
 * with asking for it.
 */
const ONE_THREAD_BYTES_MAX = 4 * 1024 * 1024;

/** A value as DuckDB's JavaScript conversion gives it; callers cast to VARCHAR or BIGINT in SQL and narrow. */
export type DuckDbValue = JS;
export type DuckDbRow = Readonly<Record<string, DuckDbValue>>;

export interface DuckDbSession {
  readonly connection: DuckDBConnection;
  run(sql: string): Promise<void>;
  /** All rows; for results known to be small. */
  rows(sql: string): Promise<DuckDbRow[]>;
  /** Rows in the order of the result, a vector (2,048) at a time. */
  chunks(sql: string): AsyncIterable<DuckDbRow[]>;
  close(): void;
}

/** Waits for the next small file: to make one takes 20 ms of processor time, a sixth of what a small bill takes in all. */
let waiting: DuckDBInstance | undefined;

/** Opens a session that spills below `workDir`; for one `file`, as many threads as its size has work for. The caller closes it. */
export async function openDuckDb(workDir: string, file?: string): Promise<DuckDbSession> {
  const isOfSmallFile = file !== undefined && (await isSmall(file));
  const spillDir = join(workDir, 'spill');
  const { instance, connection } =
    (isOfSmallFile ? await takeWaiting(spillDir) : null) ?? (await create(isOfSmallFile ? '1' : THREADS, spillDir));
  await connection.run(`set TimeZone = 'UTC'`);
  return {
    connection,
    run: async (sql) => {
      await connection.run(sql);
    },
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJS(),
    chunks: async function* (sql) {
      const result = await connection.stream(sql);
      for await (const rows of result.yieldRowObjectJs()) yield rows;
    },
    close: () => {
      connection.closeSync();
      if (isOfSmallFile && waiting === undefined) waiting = instance;
      else instance.closeSync();
    },
  };
}

interface Opened {
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
}

async function create(threads: string, spillDir: string): Promise<Opened> {
  // Loaded here only: who merely names a task for the child process needs no 70 MB of native code.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: MEMORY_LIMIT,
    threads,
    temp_directory: spillDir,
  });
  return { instance, connection: await instance.connect() };
}

/** The one that waits, whose temporary tables went with the connection that made them. Null where none does, or where it has spilled. */
async function takeWaiting(spillDir: string): Promise<Opened | null> {
  const instance = waiting;
  if (instance === undefined) return null;
  waiting = undefined;
  const connection = await instance.connect();
  try {
    await connection.run(`set temp_directory = ${literal(spillDir)}`);
    return { instance, connection };
  } catch {
    connection.closeSync();
    instance.closeSync();
    return null;
  }
}

/** A file that is not there is for its reader to refuse. */
async function isSmall(file: string): Promise<boolean> {
  return stat(file).then(
    ({ size }) => size <= ONE_THREAD_BYTES_MAX,
    () => false,
  );
}

/** A text as a SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A value that SQL cast to VARCHAR. */
export function textOf(value: DuckDbValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** A count that SQL cast to BIGINT or left a HUGEINT; counts of lines are far below 2^53. */
export function countOf(value: DuckDbValue | undefined): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0;
}
