/**
 * Walks a CSV bill record by record, only after something was found wrong with it: finds the ragged or broken records that DuckDB
 * refused, and the physical line of a record (a quoted cell may span lines). Records are counted as in the archive: blank lines are none.
 */
import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import type { InputFault } from '../kernel/errors.ts';
import type { CsvShape } from './csv-shape.ts';
import { LINE_BYTES_MAX } from './take-copy.ts';

export const FAULTS_MAX = 20;

interface WalkedRecord {
  readonly ordinal: number;
  readonly line: number;
  readonly cells: readonly string[];
}

/** The first FAULTS_MAX records that have not as many cells as the header, or the place where the file stops being CSV. */
export async function findRaggedRecords(
  path: string,
  name: string,
  shape: CsvShape,
): Promise<{ faults: InputFault[]; total: number }> {
  const faults: InputFault[] = [];
  let total = 0;
  try {
    for await (const record of walk(path, shape)) {
      if (record.cells.length === shape.header.length) continue;
      total += 1;
      if (faults.length >= FAULTS_MAX) continue;
      faults.push({
        file: name,
        line: record.line,
        record: record.ordinal,
        reason: `the record has ${record.cells.length} cells, the header has ${shape.header.length}`,
        fix: 'Quote cells that hold a delimiter or a line break, or deliver the file again.',
      });
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? { line: error['lines'] } : {};
    return {
      faults: [...faults, { file: name, ...line, reason: `no CSV from here on: ${error.message}` }],
      total: total + 1,
    };
  }
  return { faults, total };
}

/** How many cells every record has; null where they differ, where one record alone could be a cut-off one, or the file is no CSV. */
export async function commonWidth(path: string, shape: CsvShape): Promise<number | null> {
  let width: number | null = null;
  let records = 0;
  try {
    for await (const { cells } of walk(path, shape)) {
      width ??= cells.length;
      if (cells.length !== width) return null;
      records += 1;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return null;
  }
  return records > 1 ? width : null;
}

/** The physical line (1 is the header's) on which each of these records starts. */
export async function findLines(
  path: string,
  shape: CsvShape,
  ordinals: ReadonlySet<number>,
): Promise<Map<number, number>> {
  const lines = new Map<number, number>();
  for await (const record of walk(path, shape)) {
    if (ordinals.has(record.ordinal)) lines.set(record.ordinal, record.line);
    if (lines.size === ordinals.size) break;
  }
  return lines;
}

async function* walk(path: string, shape: CsvShape): AsyncGenerator<WalkedRecord> {
  const parser = createReadStream(path).pipe(
    parse({
      delimiter: shape.delimiter,
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 2 * LINE_BYTES_MAX,
    }),
  );
  let ordinal = 0;
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
    const breaks = record.reduce((count, cell) => count + (cell.split('\n').length - 1), 0);
    if (ordinal > 0) yield { ordinal, line: info.lines - breaks, cells: record };
    ordinal += 1;
  }
}
