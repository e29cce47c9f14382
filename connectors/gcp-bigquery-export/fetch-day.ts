/**
 * Writes one day of one invoice month as CSV, compressed page by page: each page is a gzip member of its own, and a journal beside the file
 * says how many rows lie before which byte. A download that was cut off goes on at the last whole page, from the results that BigQuery still
 * has; the query is only run, and paid, again where it has them no more.
 */
import { appendFile, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { DeliveredFile, FetchTarget } from '../connector.ts';
import type { BigQuerySession, Row } from './bigquery-session.ts';
import { readKnownDay } from './day-version.ts';
import { type ExportColumn, type ExportTable, FOCUS_LABELS } from './export-table.ts';

const RETRY_MS = 60_000;
const compress = promisify(gzip);
/** Billing text shrinks to a tenth already at the quickest level. */
const LEVEL = 1;

interface Journal {
  readonly jobId: string;
  readonly bytes: number;
  readonly rows: number;
}

/** @throws AppError source_changed where the day has other rows by now; TransientError where it was cut off. */
export async function fetchDay(
  session: BigQuerySession,
  table: ExportTable,
  file: DeliveredFile,
  target: FetchTarget,
): Promise<void> {
  const day = readKnownDay(table.place.tableId, file.key, file.version);
  if (day === null) throw new AppError('source_changed', `${file.key} is no file of ${table.place.tableId}.`);
  const sql = table.rowsQuery(day.month, day.day);
  const begun = await readJournal(target);
  const isDone = begun !== null && (await writePages(session, table, { target, journal: begun, expected: day.rows }));
  if (isDone) return;
  const journal = { jobId: await session.start({ sql }), bytes: 0, rows: 0 };
  await writeFile(journalPath(target), `${journal.jobId}\n`);
  await writeFile(target.path, '');
  if (await writePages(session, table, { target, journal, expected: day.rows })) return;
  throw new TransientError(`BigQuery has no results of the query it just ran for ${file.name}.`, RETRY_MS);
}

/** False where BigQuery has the results no more. */
async function writePages(
  session: BigQuerySession,
  table: ExportTable,
  { target, journal, expected }: { target: FetchTarget; journal: Journal; expected: number },
): Promise<boolean> {
  const { path, report } = target;
  await truncate(path, journal.bytes);
  let { bytes, rows } = journal;
  const write = writerOf(table.columns);
  const out = await open(path, 'a');
  try {
    for await (const page of session.pages(journal.jobId, rows)) {
      if (page === null) return false;
      if (page.totalRows !== expected) throw await changed(target, expected, page.totalRows);
      const text = `${rows === 0 ? write.header : ''}${page.rows.map(write.line).join('')}`;
      const member = await compress(text, { level: LEVEL });
      await out.writeFile(member);
      bytes += member.length;
      rows += page.rows.length;
      await appendFile(journalPath(target), `${bytes} ${rows}\n`);
      report(bytes);
      if (rows === expected) return true;
    }
  } finally {
    await out.close();
  }
  if (rows === expected) return true;
  throw new TransientError(`BigQuery gave ${rows} of ${expected} rows of ${path}. It goes on from there.`, RETRY_MS);
}

async function changed(target: FetchTarget, expected: number, found: number): Promise<AppError> {
  await rm(target.path, { force: true });
  await rm(journalPath(target), { force: true });
  return new AppError(
    'source_changed',
    `A day of the export had ${expected} rows when it was listed and has ${found} now. The next look reads what is there then.`,
  );
}

/** The last whole page before `target.offset`; null where nothing of it can be gone on with. */
async function readJournal(target: FetchTarget): Promise<Journal | null> {
  if (target.offset === 0) return null;
  const text = await readFile(journalPath(target), 'utf8').catch(() => '');
  const [jobId = '', ...lines] = text.split('\n');
  const pages = lines.flatMap((line) => {
    const [, bytes, rows] = /^(\d+) (\d+)$/.exec(line) ?? [];
    return rows === undefined ? [] : [{ jobId, bytes: Number(bytes), rows: Number(rows) }];
  });
  return pages.findLast(({ bytes }) => bytes <= target.offset) ?? null;
}

function journalPath({ path }: FetchTarget): string {
  return `${path}.pages`;
}

interface Writer {
  readonly header: string;
  line(row: Row): string;
}

/** FOCUS' Tags are put together where Google's export leaves them in lists of its own. */
function writerOf(columns: readonly ExportColumn[]): Writer {
  const names = columns.map(({ name }) => name);
  const labels = FOCUS_LABELS.map((name) => names.indexOf(name)).filter((index) => index !== -1);
  const hasTags = names.includes('Tags') || labels.length === 0;
  const cell = (value: string | null, index: number) =>
    value === null ? '' : quoted(columns[index]?.isFloat === true ? shortest(value) : value);
  return {
    header: `${[...names, ...(hasTags ? [] : ['Tags'])].map(quoted).join(',')}\n`,
    line: (row) => `${[...row.map(cell), ...(hasTags ? [] : [quoted(joined(row, labels))])].join(',')}\n`,
  };
}

/** One list of key and value, those that count more behind. */
function joined(row: Row, labels: readonly number[]): string {
  const lists = labels.map((index) => (row[index] ?? '').trim().replace(/^\[(.*)\]$/s, '$1'));
  return `[${lists.filter((list) => list !== '' && list !== 'null').join(',')}]`;
}

/** A FLOAT64 is the number its shortest text names; to that text JavaScript, too, writes it. */
function shortest(text: string): string {
  const number = Number(text);
  return Number.isFinite(number) ? String(number) : text;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
