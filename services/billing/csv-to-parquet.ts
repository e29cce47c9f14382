/**
 * Rewrites a CSV bill as the Parquet of the archive: every cell as the text it was, in file order, so that a row's number is the
 * record's ordinal. DuckDB parses it once, strictly; nothing is padded, skipped or guessed.
 */
import { AppError } from '../kernel/errors.ts';
import { commonWidth, findRaggedRecords } from './csv-faults.ts';
import type { CsvShape } from './csv-shape.ts';
import { type DuckDbSession, identifier, literal } from './duckdb-session.ts';
import { LINE_BYTES_MAX } from './take-copy.ts';

/**
 * Writes `to` from the CSV at `path`.
 * @throws AppError invalid_bill with the records that have more or fewer cells than the header, or bill_unreadable where it is no CSV.
 */
export async function csvToParquet(
  session: DuckDbSession,
  { path, name, shape, to }: { path: string; name: string; shape: CsvShape; to: string },
): Promise<void> {
  const columns = nameColumns(shape.header);
  try {
    await copy(session, { path, shape, to }, columns);
  } catch (error) {
    // Real bills name columns at the end of their header that none of their records has: those stay empty. A single short record is cut off.
    const width = isCsvError(error) ? await commonWidth(path, shape) : null;
    if (width === null || width >= columns.length) throw await describeFailure(error, path, name, shape);
    await copy(session, { path, shape, to }, columns, width);
  }
}

async function copy(
  session: DuckDbSession,
  { path, shape, to }: { path: string; shape: CsvShape; to: string },
  columns: readonly string[],
  width = columns.length,
): Promise<void> {
  const typed = columns
    .slice(0, width)
    .map((column) => `${literal(column)}: 'VARCHAR'`)
    .join(', ');
  const absent = columns.slice(width).map((column) => `, null::varchar as ${identifier(column)}`);
  // A header of another width than its records is no header to DuckDB; it is skipped as a line.
  const header = absent.length === 0 ? 'header = true' : 'header = false, skip = 1';
  const reader = `read_csv(${literal(path)}, columns = {${typed}}, ${header}, auto_detect = false, delim = ${literal(shape.delimiter)},
    quote = '"', escape = '"', strict_mode = true, null_padding = false, ignore_errors = false, max_line_size = ${LINE_BYTES_MAX})`;
  await session.run(
    `copy (select *${absent.join('')} from ${reader}) to ${literal(to)} (format parquet, compression snappy)`,
  );
}

/** Names that DuckDB can tell apart: it folds case, and a header may repeat an extra column or leave its name out. */
function nameColumns(header: readonly string[]): string[] {
  const taken = new Set<string>();
  return header.map((column, index) => {
    let name = column === '' ? `column_${index + 1}` : column;
    while (taken.has(name.toLowerCase())) name = `${name}_`;
    taken.add(name.toLowerCase());
    return name;
  });
}

async function describeFailure(error: unknown, path: string, name: string, shape: CsvShape): Promise<Error> {
  if (!isCsvError(error)) return error as Error;
  if (/unicode|utf-8/i.test(error.message)) {
    const line = /Line: (\d+)/.exec(error.message)?.[1];
    const fault = {
      file: name,
      ...(line === undefined ? {} : { line: Number(line) }),
      reason: 'the text is not UTF-8',
    };
    return new AppError(
      'bill_unreadable',
      `${name}${line === undefined ? '' : ` line ${line}`} is not UTF-8. Save the file as CSV in UTF-8.`,
      {
        cause: error,
        faults: [fault],
      },
    );
  }
  const { faults, total } = await findRaggedRecords(path, name, shape);
  if (faults.length === 0) {
    const reason = error.message.split('\n').slice(0, 2).join(' ').trim();
    return new AppError(
      'bill_unreadable',
      `${name} is not a well-formed CSV file (RFC 4180, one kind of line end): ${reason}`,
      {
        cause: error,
        faults: [{ file: name, reason }],
      },
    );
  }
  const [first] = faults;
  return new AppError(
    'invalid_bill',
    `${name} has ${total === 1 ? 'a broken record' : `${total} broken records`}; the first is on line ${first?.line}: ${first?.reason}. Nothing was loaded.`,
    { cause: error, faults, details: { faultCount: total } },
  );
}

function isCsvError(error: unknown): error is Error {
  return error instanceof Error && /CSV/.test(error.message);
}
