/**
 * Writes Larkfield's bills of four quarters: one file per cloud and billing month under `bills/`, about 250,000 FOCUS lines, the same
 * bytes on every run for the same day. Returns what the files must add up to, so that a reconciliation has something to be held against.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { addDays, type IsoDate, type Period } from '../../services/kernel/period.ts';
import { billFormat } from './bill-columns.ts';
import { buildLines } from './bill-lines.ts';
import type { Cloud } from './cloud-service.ts';
import { type SampleCalendar, sampleCalendar } from './sample-calendar.ts';

/** What one bill holds; costs are plain decimal strings without trailing zeros. */
export interface SampleBill {
  /** The source of the organisation file it belongs to. */
  readonly sourceId: Cloud;
  readonly provider: string;
  /** `YYYY-MM`. */
  readonly billingPeriod: string;
  readonly billingCurrency: string;
  readonly path: string;
  readonly lines: number;
  readonly billedCost: string;
  readonly effectiveCost: string;
  readonly listCost: string;
  readonly contractedCost: string;
}

export interface SampleBillsProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly linesDone: number;
}

const CLOUDS: readonly Cloud[] = ['aws', 'azure', 'gcp'];

/** An invoice is issued about five days after its month. */
const INVOICE_DELAY_DAYS = 35;

/**
 * @param folder the folder of the organisation file; `bills/aws`, `bills/azure` and `bills/gcp` in it are replaced.
 * @param today the UTC date to end at; the last charges are of the day before.
 * @param options.since only the billing months from this `YYYY-MM` on; all of them otherwise.
 */
export async function writeSampleBills(
  folder: string,
  today: IsoDate,
  options: { onProgress?: (progress: SampleBillsProgress) => void; since?: string } = {},
): Promise<SampleBill[]> {
  const calendar = sampleCalendar(today);
  const months = calendar.months.filter(({ id }) => id >= (options.since ?? ''));
  const filesTotal = months.length * 3;
  const bills: SampleBill[] = [];
  let linesDone = 0;
  const onBill = (bill: SampleBill): void => {
    bills.push(bill);
    linesDone += bill.lines;
    options.onProgress?.({ filesDone: bills.length, filesTotal, linesDone });
  };
  for (const cloud of CLOUDS) await rm(join(folder, 'bills', cloud), { recursive: true, force: true });
  // Two databases of one thread each use two cores and still write every file in one order. AWS has most of the lines.
  const share = Math.ceil((months.length * 3) / 4);
  await Promise.all([
    writeBills(folder, calendar, 'aws', months.slice(0, share), onBill),
    writeBills(folder, calendar, 'aws', months.slice(share), onBill)
      .then(() => writeBills(folder, calendar, 'azure', months, onBill))
      .then(() => writeBills(folder, calendar, 'gcp', months, onBill)),
  ]);
  return bills.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function writeBills(
  folder: string,
  calendar: SampleCalendar,
  cloud: Cloud,
  months: readonly Period[],
  onBill: (bill: SampleBill) => void,
): Promise<void> {
  if (months.length === 0) return;
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB' });
  const connection = await instance.connect();
  try {
    await buildLines(connection, calendar, cloud);
    for (const month of months) onBill(await writeBill(connection, folder, calendar, cloud, month.id));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function writeBill(
  connection: DuckDBConnection,
  folder: string,
  calendar: SampleCalendar,
  cloud: Cloud,
  billingPeriod: string,
): Promise<SampleBill> {
  const format = billFormat(cloud, addDays(calendar.end, -INVOICE_DELAY_DAYS));
  const path = join(folder, 'bills', cloud, billingPeriod, format.fileName(billingPeriod));
  const select = format.columns.map(([name, sql]) => `${sql} AS "${name}"`).join(',\n');
  const written = format.isCompressed ? path.replace(/\.gz$/, '') : path;
  await mkdir(dirname(path), { recursive: true });
  await connection.run(
    `COPY (
      SELECT ${select}
      FROM line LEFT JOIN resource ON line.n = resource.n LEFT JOIN fixed ON line.f = fixed.f
      WHERE line.month = DATE '${billingPeriod}-01'
      ORDER BY line.start, line.stop, line.n NULLS LAST, line.f NULLS LAST, line.category, line.class NULLS FIRST
    ) TO '${written.replaceAll("'", "''")}' (${format.copyOptions})`,
  );
  if (format.isCompressed) await compress(written, path);
  const sums = await connection.runAndReadAll(
    `SELECT count(*)::INTEGER AS lines, plain(money(sum(billed))) AS billed, plain(money(sum(effective))) AS effective,
      plain(money(sum(list))) AS list, plain(money(sum(contracted))) AS contracted
    FROM line WHERE month = DATE '${billingPeriod}-01'`,
  );
  const [lines, billedCost, effectiveCost, listCost, contractedCost] = sums.getRows()[0] ?? [];
  return {
    sourceId: cloud,
    provider: format.provider,
    billingPeriod,
    billingCurrency: format.billingCurrency,
    path,
    lines: Number(lines),
    billedCost: String(billedCost),
    effectiveCost: String(effectiveCost),
    listCost: String(listCost),
    contractedCost: String(contractedCost),
  };
}

/** DuckDB's own gzip takes several times as long. */
async function compress(from: string, to: string): Promise<void> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  await pipeline(createReadStream(from, { highWaterMark: 1 << 20 }), gzip, createWriteStream(to));
  await rm(from);
}
