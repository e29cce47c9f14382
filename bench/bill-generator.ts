/**
 * Writes one FOCUS 1.2 bill of one billing month with as many lines as asked for, shaped like a large AWS bill: of a hundred lines, 72 are
 * hours of one resource (24 to a charge per day) and 28 are charges of their own; about 20,000 origins per million lines. The lines are a
 * function of (lines, seed, edition), the same ones in each format. No cost reaches 1, so that a DOUBLE's shortest text is the exact decimal.
 * DuckDB's hash() makes the noise: stable within one version of DuckDB, which is all that a comparison within one run needs.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { daysBetween, monthOf } from '../services/kernel/period.ts';
import { type BenchColumn, type BenchFormat, benchColumns, csvCellSql, ORIGINS_SQL } from './bill-generator-columns.ts';

export interface BenchBillOptions {
  readonly folder: string;
  /** 1 to 20 million; 2 million unless given. */
  readonly lines?: number;
  readonly format: BenchFormat;
  readonly seed?: number;
  /** `YYYY-MM`; `2026-09` unless given. Bills of one seed and size have the same origins in every month. */
  readonly month?: string;
  /** Another edition has the same lines and origins at other quantities, as a restated bill does; 1 unless given. */
  readonly edition?: number;
}

export interface BenchBill {
  readonly path: string;
  readonly bytes: number;
  readonly lines: number;
  /** `YYYY-MM`. */
  readonly billingPeriod: string;
  readonly billingCurrency: string;
  /** Exact sums as plain decimal strings. */
  readonly billedCost: string;
  readonly effectiveCost: string;
  readonly listCost: string;
  readonly contractedCost: string;
  readonly elapsedMs: number;
}

const LINES_DEFAULT = 2_000_000;
const LINES_MAX = 20_000_000;
const MONTH_DEFAULT = '2026-09';
/** Gzip's fastest level: a provider's files are larger jobs to write than to read, and only the reading is measured. */
const GZIP_LEVEL = 1;

/**
 * Writes `bench-<month>-<lines>-<seed>-<edition>-<format>.<extension>` into the folder, replacing it.
 * @throws RangeError where `lines` is out of bounds.
 */
export async function writeBenchBill(options: BenchBillOptions): Promise<BenchBill> {
  const { folder, lines = LINES_DEFAULT, format, seed = 1, month = MONTH_DEFAULT, edition = 1 } = options;
  if (!Number.isInteger(lines) || lines < 1 || lines > LINES_MAX) {
    throw new RangeError(`A bench bill has 1 to ${LINES_MAX} lines, not ${lines}.`);
  }
  const startedAt = performance.now();
  await mkdir(folder, { recursive: true });
  const scratch = join(folder, `.scratch-${process.pid}-${format}`);
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', temp_directory: scratch });
  const connection = await instance.connect();
  try {
    const path = join(folder, `bench-${month}-${lines}-${seed}-${edition}-${format}.${extensionOf(format)}`);
    // Joins as written: lines on the left are streamed, the small table on the right is held.
    await connection.run(`SET disabled_optimizers = 'join_order,build_side_probe_side'`);
    await createSources(connection, { lines, seed, month, edition });
    await writeFormat(connection, { path, format, month });
    const [billedCost, effectiveCost, listCost, contractedCost] = await sumCosts(connection);
    const { size } = await stat(path);
    return {
      path,
      bytes: size,
      lines,
      billingPeriod: month,
      billingCurrency: 'USD',
      billedCost,
      effectiveCost,
      listCost,
      contractedCost,
      elapsedMs: Math.round(performance.now() - startedAt),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Tables small enough to join against, and the bare line numbers, as a table because only a table is read by several threads. */
async function createSources(
  connection: DuckDBConnection,
  { lines, seed, month, edition }: { lines: number; seed: number; month: string; edition: number },
): Promise<void> {
  const { start, end } = monthOf(`${month}-01`);
  const days = daysBetween(start, end);
  const hourlyOrigins = Math.ceil(lines / 125);
  const dailyOrigins = Math.ceil(lines / 80);
  const quantityNoise = edition === 1 ? 'x' : `hash(x, ${edition})`;
  await connection.run(
    `CREATE TABLE hour AS SELECT h, TIMESTAMP '${start}' + to_hours(h::INTEGER) AS start, start + INTERVAL 1 HOUR AS stop,
      strftime(start, '%Y-%m-%dT%H:%M:%S.000Z') AS startText, strftime(stop, '%Y-%m-%dT%H:%M:%S.000Z') AS stopText
    FROM (SELECT unnest(range(0, ${days * 24})) AS h)`,
  );
  await connection.run(
    `CREATE TABLE origin AS ${ORIGINS_SQL} FROM (SELECT unnest(range(0, ${hourlyOrigins + dailyOrigins}))::INTEGER AS o, hash(o, ${seed}) AS x)`,
  );
  await connection.run(`CREATE TABLE number AS SELECT range::INTEGER AS i FROM range(0, ${lines})`);
  await connection.run(`CREATE VIEW line AS
    WITH placed AS (
      SELECT i, hash(i, ${seed}) AS x, i % 100 AS place,
        CASE WHEN place < 72 THEN i // 100 % ${hourlyOrigins} ELSE ${hourlyOrigins} + x % ${dailyOrigins} END::INTEGER AS o,
        CASE WHEN place < 72 THEN (i // 100 * 72 + place) % ${days * 24} ELSE (x >> 20) % ${days * 24} END::INTEGER AS h
      FROM number
    ), measured AS (
      SELECT i, x, place, o, h,
        CASE WHEN place = 99 AND x % 4 = 0 THEN 'Credit' WHEN place = 98 AND x % 40 = 0 THEN 'Tax' ELSE 'Usage' END AS category,
        CASE category WHEN 'Credit' THEN -1 ELSE 1 END * (CAST(1 + (${quantityNoise} >> 8) % 899999 AS DECIMAL(6,0)) * 0.000001::DECIMAL(6,6))::DECIMAL(9,6) AS qty,
        category = 'Usage' AND x % 9 = 0 AS covered
      FROM placed
    )
    SELECT i, x, h, category, qty, covered, origin.*,
      (qty * listPrice)::DECIMAL(18,12) AS list, (qty * contractedPrice)::DECIMAL(18,12) AS contracted,
      CASE WHEN covered THEN 0 ELSE contracted END::DECIMAL(18,12) AS billed,
      CASE WHEN covered THEN qty * committedPrice ELSE contracted END::DECIMAL(18,12) AS effective
    FROM measured JOIN origin USING (o)`);
}

async function writeFormat(
  connection: DuckDBConnection,
  { path, format, month }: { path: string; format: BenchFormat; month: string },
): Promise<void> {
  const columns = benchColumns(format, month);
  if (format === 'parquet-decimal' || format === 'parquet-double') {
    const select = columns.map((column) => `${column.sql} AS "${column.name}"`).join(', ');
    await connection.run(
      `COPY (SELECT ${select} FROM line JOIN hour USING (h)) TO ${quoted(path)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    return;
  }
  const plainPath = format === 'csv' ? path : `${path}.plain`;
  await writeCsv(connection, plainPath, columns);
  if (plainPath === path) return;
  const chunkSize = 1 << 20;
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize });
  await pipeline(createReadStream(plainPath, { highWaterMark: chunkSize }), gzip, createWriteStream(path));
  await rm(plainPath);
}

/**
 * Each line is written as one text: what depends on the origin alone is put together once per origin. DuckDB's own CSV writer looks at
 * every cell of sixty columns, which took three times as long.
 */
async function writeCsv(connection: DuckDBConnection, path: string, columns: readonly BenchColumn[]): Promise<void> {
  const cells = (dependsOn: BenchColumn['dependsOn']): string =>
    columns
      .filter((column) => column.dependsOn === dependsOn)
      .map(csvCellSql)
      .join(` || ',' || `);
  await connection.run(
    `CREATE TABLE origin_text AS SELECT o, ${cells('origin')} || ',' || ${cells('nothing')} || ',' AS originText FROM origin`,
  );
  const header = columns.map((column) => column.name).join(',');
  await connection.run(
    `COPY (SELECT originText || ${cells('line')} AS "${header}" FROM line JOIN hour USING (h) JOIN origin_text USING (o))
    TO ${quoted(path)} (FORMAT csv, HEADER, DELIMITER '\x01', QUOTE '', ESCAPE '')`,
  );
}

async function sumCosts(connection: DuckDBConnection): Promise<[string, string, string, string]> {
  const reader = await connection.runAndReadAll(
    'SELECT sum(billed)::VARCHAR, sum(effective)::VARCHAR, sum(list)::VARCHAR, sum(contracted)::VARCHAR FROM line',
  );
  const [billed, effective, list, contracted] = (reader.getRows()[0] ?? []).map((value) => trimZeros(String(value)));
  return [billed ?? '0', effective ?? '0', list ?? '0', contracted ?? '0'];
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}

function extensionOf(format: BenchFormat): string {
  if (format === 'csv') return 'csv';
  return format === 'csv-gz' ? 'csv.gz' : 'parquet';
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "''")}'`;
}
