/**
 * Translates a provider's own bill into the archive's FOCUS Parquet: every cell as text, every line in its place, so that a record's
 * number is that of the delivered file.
 */
import { AppError } from '../kernel/errors.ts';
import type { Dialect, DialectHint } from './dialects/dialect.ts';
import { openSourceCells, type SourceCells } from './dialects/source-cells.ts';
import { type DuckDbSession, identifier, literal, textOf } from './duckdb-session.ts';

/** The file's own column that a FOCUS column is read from, for messages about it. */
export type ColumnOrigins = ReadonlyMap<string, string>;

export interface TranslateOptions {
  /** The delivered file as Parquet: as it came, or a CSV's cells as text. */
  readonly path: string;
  readonly name: string;
  readonly dialect: Dialect;
  readonly hint: DialectHint;
  readonly to: string;
}

/**
 * Writes `to`.
 * @throws AppError invalid_bill naming every column that the file lacks.
 */
export async function translateBill(session: DuckDbSession, options: TranslateOptions): Promise<ColumnOrigins> {
  const { dialect, hint } = options;
  const source = `read_parquet(${literal(options.path)}, binary_as_string = true, file_row_number = true)`;
  const described = await session.rows(
    `select column_name::varchar as name, column_type::varchar as type from (describe select * from ${source})`,
  );
  const types = new Map(described.map((row) => [textOf(row['name']) ?? '', textOf(row['type']) ?? '']));
  types.delete('file_row_number');
  const cells = openSourceCells(types);
  refuseMissingColumns(options.name, dialect, cells);
  const lines = () => `from (${cells.select(source)}) as line`;
  const columns = await dialect.translate({ name: options.name, session, cells, lines, hint });
  const selected = Object.entries(columns).map(([focus, { sql }]) => `${sql} as ${identifier(focus)}`);
  await session.run(
    `copy (select ${selected.join(', ')} ${lines()}) to ${literal(options.to)} (format parquet, compression snappy)`,
  );
  return new Map(Object.entries(columns).map(([focus, { from }]) => [focus, from ?? focus]));
}

function refuseMissingColumns(file: string, dialect: Dialect, cells: SourceCells): void {
  const missing = dialect.mandatory.filter((names) => cells.find(...names) === null).map((names) => names.join(' or '));
  if (missing.length === 0) return;
  const faults = missing.map((column) => ({ file, column, reason: 'the column is missing' }));
  throw new AppError(
    'invalid_bill',
    `${file} looks like ${dialect.title}, but lacks ${missing.length === 1 ? 'the column' : 'the columns'} ${missing.join(', ')}. Export it with ${missing.length === 1 ? 'it' : 'them'}.`,
    { faults },
  );
}
