/**
 * Takes a private copy of a delivered file and its SHA-256 in one pass, decompressing on the way where asked. What is parsed later is
 * this copy, so it is what was hashed; a file that changes while it is read is refused. gzip goes through zlib and not through DuckDB,
 * whose reader accepts a file that lost its last bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { AppError } from '../kernel/errors.ts';
import type { ProgressStep } from './child-protocol.ts';

const CHUNK_BYTES = 1024 * 1024;
/** DuckDB's own limit for a record; a longer line is no bill's and would only cost memory. */
export const LINE_BYTES_MAX = 2 * 1024 * 1024;
/** A file touched this shortly before is hashed twice: within a clock tick of the file system a change leaves no other trace. */
const RECENT_MS = 10_000;
const NEWLINE = 10;

export interface CopyOptions {
  readonly path: string;
  /** What messages call the file. */
  readonly name: string;
  readonly to: string;
  readonly gunzip: boolean;
  /** Refuses NUL bytes and lines longer than LINE_BYTES_MAX while they pass. */
  readonly isText: boolean;
  readonly report: (step: ProgressStep) => void;
}

export interface PrivateCopy {
  /** Of the file as delivered. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Copies.
 * @throws AppError bill_changed_while_read, or bill_unreadable (not there, gzip cut off or damaged, no text, a line without end).
 */
export async function takeCopy(options: CopyOptions): Promise<PrivateCopy> {
  const before = await statBill(options);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      options.report({ label: `reading ${options.name}`, done: sizeBytes, total: Number(before.size), unit: 'bytes' });
      done(null, chunk);
    },
  });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const source = createReadStream(options.path, { highWaterMark: CHUNK_BYTES });
  const stages = [...(options.gunzip ? [gunzip] : []), ...(options.isText ? [guardText(options.name)] : [])];
  try {
    await pipeline([source, count, ...stages, createWriteStream(options.to)]);
  } catch (error) {
    throw describeReadFailure(error, options);
  }
  if (options.gunzip) await refuseTrailingBytes(options, gunzip, sizeBytes);
  const sha256 = hash.digest('hex');
  await refuseChange(options, before, { sha256, sizeBytes });
  return { sha256, sizeBytes };
}

async function statBill({ path, name }: CopyOptions) {
  try {
    return await stat(path, { bigint: true });
  } catch (cause) {
    throw new AppError(
      'bill_unreadable',
      `${name} cannot be read: there is no ${path} any more, or it may not be opened.`,
      { cause },
    );
  }
}

async function refuseChange(
  options: CopyOptions,
  before: Awaited<ReturnType<typeof statBill>>,
  copy: PrivateCopy,
): Promise<void> {
  const after = await statBill(options);
  const isSame =
    after.ino === before.ino &&
    after.size === before.size &&
    after.mtimeNs === before.mtimeNs &&
    after.ctimeNs === before.ctimeNs;
  const isRecent = (await stat(options.to)).mtimeMs - Number(after.ctimeMs) < RECENT_MS;
  if (isSame && Number(after.size) === copy.sizeBytes && !(isRecent && (await hashFile(options.path)) !== copy.sha256))
    return;
  throw new AppError(
    'bill_changed_while_read',
    `${options.name} changed while it was read (${before.size} bytes before, ${after.size} after). Nothing was loaded. ` +
      'Wait until its writer is done, or let it write to another name and rename the file at the end.',
    { faults: [{ file: options.name, reason: 'the file changed while it was read' }] },
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), hash);
  return hash.digest('hex');
}

/** zlib stops without a word at bytes after the last member; zeros are padding, anything else is a member it did not recognise. */
async function refuseTrailingBytes(options: CopyOptions, gunzip: Gunzip, sizeBytes: number): Promise<void> {
  const handle = await open(options.path, 'r');
  const buffer = Buffer.alloc(CHUNK_BYTES);
  try {
    for (let position = gunzip.bytesWritten; position < sizeBytes; ) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) return;
      if (buffer.subarray(0, bytesRead).some((byte) => byte !== 0)) {
        throw unreadable(
          options.name,
          `has bytes after byte ${gunzip.bytesWritten} that are not gzip`,
          'Download it again.',
        );
      }
      position += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

function guardText(name: string): Transform {
  let line = 1;
  let lengthSoFar = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.includes(0)) return done(unreadable(name, 'is not text: it has NUL bytes', 'Save it as CSV in UTF-8.'));
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        if (lengthSoFar + end - start > LINE_BYTES_MAX) return done(longLine(name, line));
        lengthSoFar = 0;
        start = end + 1;
        line += 1;
      }
      lengthSoFar += chunk.length - start;
      return lengthSoFar > LINE_BYTES_MAX ? done(longLine(name, line)) : done(null, chunk);
    },
  });
}

function longLine(name: string, line: number): AppError {
  const reason = `the line is longer than ${LINE_BYTES_MAX / CHUNK_BYTES} MiB`;
  return new AppError(
    'bill_unreadable',
    `${name} line ${line}: ${reason}. No bill has such lines; the file is damaged, or it is no CSV.`,
    { faults: [{ file: name, line, reason }] },
  );
}

function describeReadFailure(error: unknown, { name, path }: CopyOptions): Error {
  if (error instanceof AppError || !(error instanceof Error)) return error as Error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'Z_BUF_ERROR')
    return unreadable(name, 'is cut off: its gzip data ends in the middle', 'Download it again.', error);
  if (code === 'Z_DATA_ERROR')
    return unreadable(name, `is damaged gzip, or none at all (${error.message})`, 'Download it again.', error);
  if (code === 'EACCES' || code === 'ENOENT' || code === 'EISDIR') {
    return unreadable(name, `cannot be opened (${error.message})`, `Check ${path}.`, error);
  }
  return error;
}

function unreadable(name: string, what: string, fix: string, cause?: Error): AppError {
  return new AppError('bill_unreadable', `${name} ${what}. ${fix}`, {
    faults: [{ file: name, reason: what, fix }],
    ...(cause === undefined ? {} : { cause }),
  });
}
