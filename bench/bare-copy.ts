/**
 * The yardstick: a bare, logged COPY of a bill's lines as CSV into one table of all columns, nothing read, checked, summed or
 * attributed. The table is created and committed beforehand and has no index, so that PostgreSQL does as little as it can.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { benchColumns } from './bill-generator-columns.ts';
import type { BenchPlace } from './bench-place.ts';
import type { BenchBill } from './bill-generator.ts';
import type { Turn } from './figures.ts';
import { processorMs } from './processor-time.ts';

/** `typed` is the table one would make by hand; `text` spares PostgreSQL even the parsing. */
export type BareTable = 'typed' | 'text';

const DATABASE = 'bench_bare';
const CHUNK_BYTES = 1024 * 1024;

/** Copies the CSV or CSV.GZ bill into a new table, which is gone afterwards; timed from COPY to its commit. */
export async function bareCopy(place: BenchPlace, bill: BenchBill, table: BareTable): Promise<Turn> {
  const databaseUrl = await place.createDatabase(DATABASE);
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  client.on('error', () => {}); // A broken connection fails the query below as well.
  await client.connect();
  try {
    const columns = benchColumns('csv', bill.billingPeriod).map(({ name }) => `"${name}" ${typeOf(name, table)}`);
    await client.query(`create table line (${columns.join(', ')})`);
    const gunzip = bill.path.endsWith('.gz') ? [createGunzip({ chunkSize: CHUNK_BYTES })] : [];
    const source = createReadStream(bill.path, { highWaterMark: CHUNK_BYTES });
    await place.checkpoint();
    const pids = [process.pid, place.serverPid];
    const [startedAt, usedBefore] = [performance.now(), processorMs(pids)];
    await pipeline([source, ...gunzip, client.query(copyFrom('copy line from stdin (format csv, header)'))]);
    return { elapsedMs: performance.now() - startedAt, processorMs: processorMs(pids) - usedBefore };
  } finally {
    await client.end();
    await place.dropDatabase(DATABASE);
  }
}

function typeOf(column: string, table: BareTable): string {
  if (table === 'text') return 'text';
  if (/(Cost|Quantity|Price)$/.test(column)) return 'numeric';
  if (/Period(Start|End)$/.test(column)) return 'timestamptz';
  return column === 'Tags' ? 'jsonb' : 'text';
}
