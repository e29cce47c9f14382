/** The thread of read-sheet.ts: reads the one sheet it is given and hands its rows over, piece by piece, as they are asked for. */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../kernel/errors.ts';
import { readCsv } from './read-csv.ts';
import type { SentSheet, SheetPiece } from './read-sheet.ts';
import { readXlsx } from './read-xlsx.ts';
import type { SheetGrid, SheetRecord } from './sheet-grid.ts';

/** What the other thread takes in two milliseconds. */
const CELLS_AT_ONCE = 20_000;

const port = parentPort;
if (port === null) throw new Error('this is the thread of another program');
const say = (piece: SheetPiece) => port.postMessage(piece);

try {
  const { rows, ...end } = read(workerData as SentSheet);
  for (const piece of piecesOf(rows)) {
    say({ rows: piece });
    await once(port, 'message');
  }
  say({ end });
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  say({ refusal: error.message });
}

function read({ fileName, content, sheetName }: SentSheet): SheetGrid {
  return typeof content === 'string' ? readCsv(fileName, content) : readXlsx(fileName, content, sheetName);
}

function* piecesOf(rows: readonly SheetRecord[]): Generator<SheetRecord[]> {
  let piece: SheetRecord[] = [];
  let cells = 0;
  for (const row of rows) {
    piece.push(row);
    cells += row.cells.length;
    if (cells < CELLS_AT_ONCE) continue;
    yield piece;
    piece = [];
    cells = 0;
  }
  if (piece.length > 0) yield piece;
}
