/** What a translated bill says in FOCUS: its archive read back as text, line by line, and its sums without a float. */
import { DuckDBInstance } from '@duckdb/node-api';
import { sum, decimal, type Decimal } from '../../services/kernel/decimal.ts';
import { inspect } from './billing.ts';

export interface TranslatedBill {
  readonly lines: readonly Readonly<Record<string, string | null>>[];
  readonly billed: Decimal;
  readonly effective: Decimal;
  sumOf(column: string): Decimal;
}

/** Inspects the file as every ingestion does and reads what the archive then holds. */
export async function translated(folder: string, path: string): Promise<TranslatedBill> {
  const { archivePath } = await inspect(folder, path);
  const lines = await readParquet(archivePath);
  const sumOf = (column: string) => sum(lines.map((line) => decimal(line[column] ?? '0')));
  return { lines, billed: sumOf('BilledCost'), effective: sumOf('EffectiveCost'), sumOf };
}

/** Writes rows as Parquet; `columns` are DuckDB expressions over the text columns of a CSV file. */
export async function writeParquet(csvPath: string, columns: string, to: string): Promise<void> {
  await writeParquetRows(`select ${columns} from read_csv('${csvPath}', header = true, all_varchar = true)`, to);
}

/** Writes what DuckDB selects as Parquet. */
export async function writeParquetRows(select: string, to: string): Promise<void> {
  await query(`copy (${select}) to '${to}' (format parquet)`);
}

async function readParquet(path: string): Promise<TranslatedBill['lines']> {
  return (await query(`select * from read_parquet('${path}')`)) as TranslatedBill['lines'];
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(`set TimeZone = 'UTC'`);
    return (await connection.runAndReadAll(sql)).getRowObjectsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
