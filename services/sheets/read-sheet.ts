/**
 * Reads a sheet that somebody sent beside the thread that answers requests: 15,000 rows take most of a second, and a file of a hundred
 * kilobytes may unpack to sixty megabytes. One at a time, with an end to its time and memory; the rows come over in pieces, so that taking
 * them holds nobody up either.
 */
import { Worker } from 'node:worker_threads';
import { AppError, TransientError } from '../kernel/errors.ts';
import type { SheetGrid, SheetRecord } from './sheet-grid.ts';
import { unreadable } from './xlsx-archive.ts';

export interface SentSheet {
  readonly fileName: string;
  /** A CSV, or the bytes of a workbook. */
  readonly content: string | Uint8Array;
  /** Of a workbook; the first that is not hidden if absent. */
  readonly sheetName?: string | undefined;
}

/** What the thread says: rows, of which more come when they are asked for; then the end, or why there is none. */
export type SheetPiece =
  | { readonly rows: readonly SheetRecord[] }
  | { readonly end: Omit<SheetGrid, 'rows'> }
  | { readonly refusal: string };

export interface ReadingLimits {
  readonly heapMb: number;
  readonly timeMs: number;
}

/** The largest sheets that are taken need a third of each. */
const LIMITS: ReadingLimits = { heapMb: 768, timeMs: 30_000 };
const WAITING_MAX = 8;
const RETRY_MS = 10_000;
const THREAD = new URL('sheet-thread.ts', import.meta.url);

let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * @throws AppError invalid_input for what cannot be read within the limits; TransientError where too many wait.
 */
export async function readSheet(sent: SentSheet, limits: ReadingLimits = LIMITS): Promise<SheetGrid> {
  if (waiting === WAITING_MAX) throw new TransientError('Other sheets are being read', RETRY_MS);
  waiting += 1;
  const reading = last.then(() => readInThread(sent, limits));
  last = reading.catch(() => null);
  try {
    return await reading;
  } finally {
    waiting -= 1;
  }
}

async function readInThread(sent: SentSheet, { heapMb, timeMs }: ReadingLimits): Promise<SheetGrid> {
  const thread = new Worker(THREAD, { workerData: sent, resourceLimits: { maxOldGenerationSizeMb: heapMb } });
  const { promise: outOfTime, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooMuch(sent, `more than ${timeMs / 1_000} seconds`)), timeMs);
  try {
    return await Promise.race([collect(thread), outOfTime]);
  } catch (error) {
    const isOutOfMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    throw isOutOfMemory ? tooMuch(sent, `more than ${heapMb} MB of memory`, error) : error;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

function collect(thread: Worker): Promise<SheetGrid> {
  const rows: SheetRecord[] = [];
  return new Promise((resolve, reject) => {
    thread
      .on('error', reject)
      .on('exit', () => reject(new Error('the thread that reads a sheet ended without a word')));
    thread.on('message', (piece: SheetPiece) => {
      if ('refusal' in piece) reject(new AppError('invalid_input', piece.refusal));
      else if ('end' in piece) resolve({ ...piece.end, rows });
      else {
        for (const row of piece.rows) rows.push(row);
        thread.postMessage('more');
      }
    });
  });
}

function tooMuch({ fileName }: SentSheet, much: string, cause?: unknown): AppError {
  return unreadable(fileName, `it takes ${much} to read`, 'Import it in parts.', cause);
}
