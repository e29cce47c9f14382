/**
 * Makes the exported file of its pieces. CSV has the texts as they are, nothing as an empty cell. Parquet has real types: decimals as wide as
 * the values need, so that no digit is lost; where 38 digits are not enough the column stays text.
 */
import { countOf, type DuckDbSession, identifier, literal } from '../billing/duckdb-session.ts';
import type { ExportColumn } from './focus-12.ts';

const DECIMAL_DIGITS_MAX = 38;
const DECIMAL_DIGITS_MIN = 18;

/** The COPY statement that writes the file. */
export async function finishedFile(
  session: DuckDbSession,
  {
    pieces,
    columns,
    to,
    format,
  }: { pieces: string; columns: readonly ExportColumn[]; to: string; format: 'csv' | 'csv.gz' | 'parquet' },
): Promise<string> {
  const source = `read_parquet(${literal(pieces)})`;
  if (format !== 'parquet') {
    const compression = format === 'csv.gz' ? ', compression gzip' : '';
    return `copy (select * from ${source}) to ${literal(to)} (format csv, header true, delimiter ',', nullstr ''${compression})`;
  }
  const types = await decimalTypes(session, source, columns);
  const cells = columns.map(({ name, type }) => {
    const cell = identifier(name);
    const sqlType = type === 'moment' ? 'timestamptz' : types.get(name);
    return sqlType === undefined ? cell : `cast(${cell} as ${sqlType}) as ${cell}`;
  });
  return `copy (select ${cells.join(', ')} from ${source}) to ${literal(to)} (format parquet, compression zstd)`;
}

async function decimalTypes(
  session: DuckDbSession,
  source: string,
  columns: readonly ExportColumn[],
): Promise<ReadonlyMap<string, string>> {
  const names = columns.filter(({ type }) => type === 'decimal').map(({ name }) => name);
  const measures = names.flatMap((name, index) => [
    `max(length(split_part(${identifier(name)}, '.', 2))) as scale_${index}`,
    `max(length(ltrim(split_part(${identifier(name)}, '.', 1), '-'))) as whole_${index}`,
  ]);
  const [row] = await session.rows(`select ${measures.join(', ')} from ${source}`);
  return new Map(
    names.flatMap((name, index): [string, string][] => {
      const [scale, whole] = [countOf(row?.[`scale_${index}`]), countOf(row?.[`whole_${index}`])];
      const precision = Math.max(DECIMAL_DIGITS_MIN, whole + scale);
      return precision > DECIMAL_DIGITS_MAX ? [] : [[name, `decimal(${precision}, ${scale})`]];
    }),
  );
}
