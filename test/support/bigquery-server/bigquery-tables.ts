/**
 * The tables of the BigQuery double, kept in DuckDB: what is put in is what queries are answered from. BigQuery's SQL is read as far as
 * DuckDB's differs in spelling: quotes, some functions, the pseudo-column of partitions and their record in INFORMATION_SCHEMA.
 */
import { DuckDBInstance } from '@duckdb/node-api';

export interface Field {
  readonly name: string;
  readonly type: 'STRING' | 'FLOAT' | 'NUMERIC' | 'INTEGER' | 'BOOLEAN' | 'TIMESTAMP' | 'DATE' | 'RECORD';
  readonly mode?: 'NULLABLE' | 'REPEATED';
  readonly fields?: readonly Field[];
}

export interface TableOptions {
  /** TABLE unless it is a VIEW. */
  readonly type?: 'TABLE' | 'VIEW';
  readonly location?: string;
  /** By the time of loading unless null. */
  readonly partitioning?: { readonly type: string; readonly field?: string } | null;
  readonly expirationMs?: string;
}

export interface Table extends TableOptions {
  readonly name: string;
  readonly fields: readonly Field[];
}

export interface BigQueryTables {
  create(name: string, fields: readonly Field[], options?: TableOptions): Promise<void>;
  get(name: string): Table | undefined;
  /** Adds rows to the partition of a day (YYYY-MM-DD); null: not in one yet. Each is as BigQuery's JSON has it. */
  insert(name: string, day: string | null, rows: readonly object[], at: Date): Promise<void>;
  /** Adds the row so many times. */
  fill(name: string, day: string, row: object, count: number, at: Date): Promise<void>;
  removeDay(name: string, day: string): Promise<void>;
  /** How many rows the query reads, by the days it names. */
  rowsRead(sql: string): Promise<number>;
  /** Runs it and keeps its result, counting each row so many times. @returns its columns and the number of its rows. */
  run(
    jobId: string,
    sql: string,
    rowsRepeated: number,
  ): Promise<{ columns: { name: string; type: string }[]; rowCount: number }>;
  page(jobId: string, from: number, rowsMax: number): Promise<(string | null)[][]>;
  forget(jobId: string): Promise<void>;
  close(): void;
}

const TYPES = {
  STRING: 'VARCHAR',
  FLOAT: 'DOUBLE',
  NUMERIC: 'DECIMAL(38, 9)',
  INTEGER: 'BIGINT',
  BOOLEAN: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMP',
  DATE: 'DATE',
} as const;

const SETUP = [
  `set TimeZone = 'UTC'`,
  `create type bignumeric as decimal(38, 18)`,
  `create macro unix_micros(moment) as epoch_us(moment)`,
  `create macro to_json_string(cell) as cast(to_json(cell) as varchar)`,
  `create table partition (table_name varchar, partition_id varchar, total_rows bigint, last_modified_time timestamp,
    primary key (table_name, partition_id))`,
];

export async function openBigQueryTables(): Promise<BigQueryTables> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MB', threads: '1' });
  const connection = await instance.connect();
  for (const sql of SETUP) await connection.run(sql);
  const tables = new Map<string, Table>();
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS();
  const tableOf = (name: string) => {
    const table = tables.get(name);
    if (table === undefined) throw new Error(`there is no table ${name}`);
    return table;
  };

  async function touch(name: string, day: string | null, rows: number, at: Date): Promise<void> {
    const id = day?.replaceAll('-', '') ?? '__UNPARTITIONED__';
    await connection.run(
      `insert into partition values ('${name}', '${id}', ${rows}, timestamp '${at.toISOString().replace('Z', '')}')
        on conflict do update set total_rows = total_rows + excluded.total_rows, last_modified_time = excluded.last_modified_time`,
    );
  }

  return {
    create: async (name, fields, options = {}) => {
      tables.set(name, { name, fields, ...options });
      const columns = fields.map((field) => `"${field.name}" ${typeOf(field)}`);
      await connection.run(`create table "${name}" (${columns.join(', ')}, "_PARTITIONTIME" timestamp)`);
    },
    get: (name) => tables.get(name),
    insert: async (name, day, rows, at) => {
      const shape = JSON.stringify([
        Object.fromEntries(tableOf(name).fields.map((field) => [field.name, shapeOf(field)])),
      ]);
      await connection.run(
        `insert into "${name}" select line.*, ${day === null ? 'null' : `timestamp '${day}'`}
          from (select unnest(from_json($1, '${shape}')) as line)`,
        [JSON.stringify(rows)],
      );
      await touch(name, day, rows.length, at);
    },
    fill: async (name, day, row, count, at) => {
      const shape = JSON.stringify(
        Object.fromEntries(tableOf(name).fields.map((field) => [field.name, shapeOf(field)])),
      );
      await connection.run(
        `insert into "${name}" select line.*, timestamp '${day}' from (select from_json($1, '${shape}') as line), range(${count})`,
        [JSON.stringify(row)],
      );
      await touch(name, day, count, at);
    },
    removeDay: async (name, day) => {
      await connection.run(`delete from "${name}" where "_PARTITIONTIME" = timestamp '${day}'`);
      await connection.run(
        `delete from partition where table_name = '${name}' and partition_id = '${day.replaceAll('-', '')}'`,
      );
    },
    rowsRead: async (sql) => {
      const name = /from\s+`([^`]+)`(?!\.)/.exec(sql)?.[1];
      if (name === undefined) return 0;
      const days = [...sql.matchAll(/_PARTITIONTIME >= timestamp '([^']+)' and _PARTITIONTIME < timestamp '([^']+)'/g)];
      const tests = days.map(
        ([, from, to]) => `"_PARTITIONTIME" >= timestamp '${from}' and "_PARTITIONTIME" < timestamp '${to}'`,
      );
      const [row] = await rowsOf(
        `select count(*)::varchar from "${name}" ${tests.length === 0 ? '' : `where ${tests.join(' or ')}`}`,
      );
      return Number(row?.[0]);
    },
    run: async (jobId, sql, rowsRepeated) => {
      const counted = sql.replace(/count\(\*\)|sum\(total_rows\)/g, `($& * ${rowsRepeated})`);
      await connection.run(`create table "${jobId}" as ${translate(counted)}`);
      const described = await rowsOf(
        `select column_name::varchar, data_type::varchar from duckdb_columns() where table_name = '${jobId}' order by column_index`,
      );
      const [count] = await rowsOf(`select count(*)::varchar from "${jobId}"`);
      const columns = described.map(([name, type]) => ({
        name: textOf(name) ?? '',
        type: type === 'DOUBLE' ? 'FLOAT' : 'STRING',
      }));
      return { columns, rowCount: Number(count?.[0]) };
    },
    page: async (jobId, from, rowsMax) => {
      const rows = await rowsOf(
        `select * from "${jobId}" where rowid >= ${from} and rowid < ${from + rowsMax} order by rowid`,
      );
      return rows.map((row) => row.map(textOf));
    },
    forget: async (jobId) => {
      await connection.run(`drop table if exists "${jobId}"`);
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** BigQuery writes a FLOAT64 as Java does. */
function textOf(cell: unknown): string | null {
  if (typeof cell === 'string') return cell;
  if (typeof cell !== 'number') return null;
  return String(Number.isInteger(cell) ? cell.toFixed(1) : cell).replace('e', 'E');
}

function typeOf({ type, mode, fields = [] }: Field): string {
  const one =
    type === 'RECORD' ? `struct(${fields.map((field) => `"${field.name}" ${typeOf(field)}`).join(', ')})` : TYPES[type];
  return mode === 'REPEATED' ? `${one}[]` : one;
}

function shapeOf({ type, mode, fields = [] }: Field): unknown {
  const one = type === 'RECORD' ? Object.fromEntries(fields.map((field) => [field.name, shapeOf(field)])) : TYPES[type];
  return mode === 'REPEATED' ? [one] : one;
}

function translate(sql: string): string {
  return sql
    .replace(/`([^`]+)`\.INFORMATION_SCHEMA\.PARTITIONS\s+where table_name = '/, `partition where table_name = '$1.`)
    .replace(
      /format_(?:timestamp|date)\(('[^']*'), ((?:`[^`]+`\.?)+|_PARTITIONTIME)\)/g,
      (_all, format: string, cell: string) => {
        return `strftime(${cell}, ${format.replace('%E6S', '%S.%f')})`;
      },
    )
    .replaceAll('`', '"');
}
