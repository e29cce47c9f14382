/**
 * Reads the head of a CSV bill: which delimiter it uses and what its columns are called. Whatever is no CSV at all is recognised here
 * and refused with what it seems to be.
 */
import { open } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { AppError } from '../kernel/errors.ts';
import { FOCUS_SPELLINGS } from './focus-columns.ts';
import { looksLikeFocus } from './match-columns.ts';

const HEAD_BYTES = 1024 * 1024;
const SIGNATURE_BYTES = 16;
const SHOWN_CHARACTERS = 80;
const DELIMITERS = [',', ';', '\t'] as const;

export interface CsvShape {
  readonly delimiter: string;
  readonly header: readonly string[];
}

const SIGNATURES: readonly (readonly [bytes: readonly number[], what: string, fix: string])[] = [
  [[0x1f, 0x8b], 'gzip', 'Name it .csv.gz.'],
  [[0x50, 0x41, 0x52, 0x31], 'Parquet', 'Name it .parquet.'],
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive or an Excel workbook', 'Unpack it, or save it as CSV.'],
  [[0xff, 0xfe], 'text in UTF-16', 'Save it as CSV in UTF-8.'],
  [[0xfe, 0xff], 'text in UTF-16', 'Save it as CSV in UTF-8.'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF', 'Export the bill as FOCUS CSV or Parquet.'],
];

/**
 * Refuses what is no CSV by its first bytes, before anything else is read.
 * @throws AppError bill_unreadable
 */
export async function refuseForeignFile(path: string, name: string): Promise<void> {
  const head = await readHead(path, SIGNATURE_BYTES).catch((cause: unknown) => {
    throw new AppError('bill_unreadable', `${name} cannot be opened. Check that ${path} is there and may be read.`, {
      cause,
    });
  });
  const found = SIGNATURES.find(([bytes]) => bytes.every((byte, index) => head[index] === byte));
  if (found === undefined) return;
  throw new AppError('bill_unreadable', `${name} is not a CSV file: it is ${found[1]}. ${found[2]}`, {
    faults: [{ file: name, reason: `not a CSV file: it is ${found[1]}`, fix: found[2] }],
  });
}

/**
 * Reads the header of the CSV at `path` under the delimiter that shows most FOCUS columns.
 * @throws AppError bill_unreadable where it is empty or no CSV with a header.
 */
export async function readCsvShape(path: string, name: string): Promise<CsvShape> {
  const head = (await readHead(path, HEAD_BYTES)).toString('utf8');
  if (head.trim() === '') throw noCsv(name, 'is empty: it has not even a header', 'Deliver it again.');
  const shapes = DELIMITERS.flatMap((delimiter) => {
    const header = readHeader(head, delimiter);
    return header === null
      ? []
      : [{ delimiter, header, known: header.filter((column) => FOCUS_SPELLINGS.includes(column)).length }];
  });
  const best = shapes.sort((left, right) => right.known - left.known || right.header.length - left.header.length)[0];
  if (best !== undefined && (looksLikeFocus(best.header) || best.header.length > 1)) {
    return { delimiter: best.delimiter, header: best.header };
  }
  const firstLine = /^[^\r\n]*/.exec(head.replace(/^\uFEFF/, '').trimStart())?.[0] ?? '';
  const shown = firstLine.length > SHOWN_CHARACTERS ? `${firstLine.slice(0, SHOWN_CHARACTERS)}…` : firstLine;
  throw noCsv(
    name,
    `is not a CSV file with a header: it begins with ${JSON.stringify(shown)}`,
    'Export the bill as FOCUS CSV or Parquet.',
  );
}

function readHeader(head: string, delimiter: string): string[] | null {
  try {
    const [header] = parse(head, {
      delimiter,
      bom: true,
      to: 1,
      relax_column_count: true,
      skip_empty_lines: true,
    });
    return header === undefined ? null : header.map((column) => column.trim());
  } catch (error) {
    if (error instanceof CsvError) return null; // Not under this delimiter; the caller tries the others.
    throw error;
  }
}

async function readHead(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function noCsv(name: string, what: string, fix: string): AppError {
  return new AppError('bill_unreadable', `${name} ${what}. ${fix}`, { faults: [{ file: name, reason: what, fix }] });
}
