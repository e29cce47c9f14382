/** Published rows of Google Cloud's export, saved as CSV by a Python script, as BigQuery's own tables hold them. */
import { DuckDBInstance } from '@duckdb/node-api';

const NUMBERS = new Set(['cost', 'currency_conversion_rate', 'usage.amount', 'usage.amount_in_pricing_units']);
const LISTS = new Set(['project.labels', 'labels', 'system_labels', 'credits']);

export async function readExportedSample(path: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const result = await connection.runAndReadAll(
      `select * from read_csv('${path}', header = true, all_varchar = true)`,
    );
    const rows = result.getRowObjectsJS() as Record<string, string | null>[];
    return rows.map((cells) => {
      const row: Record<string, unknown> = {};
      for (const [name, cell] of Object.entries(cells)) put(row, name.split('.'), valueOf(name, cell));
      return row;
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function valueOf(name: string, cell: string | null): unknown {
  if (LISTS.has(name)) return JSON.parse((cell ?? '[]').replaceAll("'", '"').replaceAll('None', 'null')) as unknown;
  if (NUMBERS.has(name)) return cell === null ? null : Number(cell);
  return cell === null ? null : cell.replace('+00:00', '');
}

function put(row: Record<string, unknown>, [name = '', ...inner]: string[], value: unknown): void {
  if (inner.length === 0) row[name] = value;
  else put((row[name] ??= {}) as Record<string, unknown>, inner, value);
}
