/**
 * Rewrites a CSV bill as the Parquet of the archive: every cell as the text it was, in file order, so that a row's number is the
 * record's ordinal. DuckDB parses it once, strictly; nothing is padded, skipped or guessed.
 */
import { AppError } from '../kernel/errors.ts';
import { findRaggedRecords } from './csv-faults.ts';
import type { CsvShape } from './csv-shape.ts';
import { type DuckDbSession, literal } from './duckdb-session.ts';
import { LINE_BYTES_MAX } from './take-copy.ts';

/**
 * Writes `to` from the CSV at `path`.
 * @throws AppError invalid_bill with the records that have more or fewer cells than the header, or bill_unreadable where it is no CSV.
 */
export async function csvToParquet(
  session: DuckDbSession,
  { path, name, shape, to }: { path: string; name: string; shape: CsvShape; to: string },
): Promise<void> {
  const columns = nameColumns(shape.header)
    .map((column) => `${literal(column)}: 'VARCHAR'`)
    .join(', ');
  const reader = `read_csv(${literal(path)}, columns = {${columns}}, header = true, auto_detect = false, delim = ${literal(shape.delimiter)},
    quote = '"', escape = '"', strict_mode = true, null_padding = false, ignore_errors = false, max_line_size = ${LINE_BYTES_MAX})`;
  try {
    await session.run(`copy (select * from ${reader}) to ${literal(to)} (format parquet, compression snappy)`);
  } catch (error) {
    throw await describeFailure(error, path, name, shape);
  }
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
  if (!(error instanceof Error) || !/CSV/.test(error.message)) return error as Error;
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
