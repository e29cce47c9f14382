/**
 * Opens a workbook's archive within limits: what it says it unpacks to is added up before anything is unpacked, and what it unpacks to
 * beyond that is cut off; so a small file cannot fill the memory.
 */
import { unzipSync } from 'fflate';
import { AppError } from '../kernel/errors.ts';

export const XLSX_BYTES_MAX = 16 * 1_048_576;
const UNPACKED_BYTES_MAX = 64 * 1_048_576;
const ENTRIES_MAX = 2_000;
const OLD_OR_LOCKED = Buffer.from('d0cf11e0a1b11ae1', 'hex');

export interface XlsxArchive {
  /** The text of a part, or nothing where there is no such part. */
  part(name: string): string | undefined;
}

/** @throws AppError invalid_input for what is no workbook or is too large. */
export function openXlsx(fileName: string, bytes: Uint8Array): XlsxArchive {
  if (OLD_OR_LOCKED.equals(bytes.subarray(0, OLD_OR_LOCKED.length))) {
    throw unreadable(fileName, 'it is an old .xls or has a password', 'Save it as .xlsx without a password.');
  }
  if (bytes.length > XLSX_BYTES_MAX) {
    throw unreadable(fileName, `it has more than ${XLSX_BYTES_MAX} bytes`, 'Import it in parts.');
  }
  measure(fileName, bytes);
  const texts = new Map<string, string | undefined>();
  return {
    part: (name) => {
      if (!texts.has(name)) texts.set(name, textOf(unpack(fileName, bytes, name)));
      return texts.get(name);
    },
  };
}

export function unreadable(fileName: string, reason: string, fix: string, cause?: unknown): AppError {
  const message = `${fileName} cannot be read as a workbook: ${reason}. ${fix}`;
  return new AppError('invalid_input', message, cause === undefined ? {} : { cause });
}

function measure(fileName: string, bytes: Uint8Array): void {
  let entries = 0;
  let unpacked = 0;
  eachEntry(fileName, bytes, ({ originalSize }) => {
    entries += 1;
    unpacked += originalSize;
    return false;
  });
  if (entries === 0 || entries > ENTRIES_MAX || unpacked > UNPACKED_BYTES_MAX) {
    throw unreadable(
      fileName,
      `it unpacks to ${entries} parts of ${unpacked} bytes`,
      'Save it anew as .xlsx, or import it in parts.',
    );
  }
}

function unpack(fileName: string, bytes: Uint8Array, name: string): Uint8Array | undefined {
  return eachEntry(fileName, bytes, (entry) => entry.name === name)[name];
}

function eachEntry(
  fileName: string,
  bytes: Uint8Array,
  filter: (entry: { name: string; originalSize: number }) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter });
  } catch (cause) {
    throw unreadable(fileName, 'it is not a whole archive', 'Save it anew as .xlsx, or as CSV.', cause);
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
