/**
 * What the names of files tell where no manifest does: which of them are bills, which are still being written, whose billing period they
 * are of, and which of several deliveries of it is the newest. The conventions are those of the writers: Hive's partitions, the hidden
 * folders of Hadoop, Spark's `_temporary`, the commit marks of Databricks.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { type IsoDate, parsePeriod } from '../../services/kernel/period.ts';
import type { PlacedFile } from './bill-place.ts';

const BILL = /\.(csv|csv\.gz|parquet)$/i;
/** As copying programs call what they have not written whole: rsync, Hadoop, browsers, WinSCP. */
const UNFINISHED = /\.(csv|csv\.gz|parquet)(\.(tmp|temp|part|partial|filepart|crdownload)|\._COPYING_)$/i;
/** What is left of an upload that never ends is not worth telling for ever. */
const UNFINISHED_TOLD_MS = 86_400_000;
const PERIOD = /(?:^|\/)billing_?period(?:_?start)?=(\d{4}-(?:0[1-9]|1[0-2]))(?:-01)?(?:T[^/]*)?\//i;
/** The folder of one delivery among others: named by its time or by a number of its own. */
const DELIVERY =
  /^(?:\d{4}-?\d{2}-?\d{2}T[^/]*|\d{14}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\//i;
/** Several files of one delivery appear one after the other. */
const DELIVERY_SETTLED_MS = 600_000;

export interface FoundBills {
  readonly bills: readonly FoundBill[];
  /** What is being written, in words. */
  readonly waiting: readonly string[];
}

export interface FoundBill {
  readonly file: PlacedFile;
  /** Null: its lines tell. */
  readonly period: { readonly start: IsoDate; readonly end: IsoDate } | null;
}

/** Whether a name is that of a bill, by its ending. */
export function isBillName(name: string): boolean {
  return BILL.test(name);
}

/** The bills among the files, the newest delivery of each period. @throws AppError source_refused for the folder of a Delta or Iceberg table. */
export function findBills(files: readonly PlacedFile[], now: Date): FoundBills {
  refuseTables(files);
  const open = openTransactions(files);
  const bills: FoundBill[] = [];
  const waiting: string[] = [];
  for (const file of files) {
    const { name, modifiedAt } = file;
    const isRecent = now.getTime() - modifiedAt.getTime() < UNFINISHED_TOLD_MS;
    if (isRecent && (UNFINISHED.test(name) || /(^|\/)_temporary\/.*[^/]$/.test(name))) {
      waiting.push(`${name} is still being written`);
    }
    if (!isBillName(name) || isHidden(name)) continue;
    if (open.some((id) => name.includes(`tid-${id}`))) {
      waiting.push(`${name} is not committed yet`);
      continue;
    }
    if (file.sizeBytes === 0) {
      waiting.push(`${name} holds nothing yet (0 bytes)`);
      continue;
    }
    bills.push({ file, period: periodOf(name) });
  }
  const chosen = newestDeliveries(bills, now);
  return { bills: chosen.bills, waiting: [...waiting, ...chosen.waiting] };
}

/** Hadoop's convention: what begins with a dot, or lies in a folder that begins with an underscore, is no data. */
function isHidden(name: string): boolean {
  const parts = name.split('/');
  return parts.some((part) => part.startsWith('.')) || parts.slice(0, -1).some((part) => part.startsWith('_'));
}

/** Such a folder also holds files that are no longer part of the table: read together, they would count twice. */
function refuseTables(files: readonly PlacedFile[]): void {
  const table = files.find(({ name }) => /(^|\/)(_delta_log\/|metadata\/[^/]+\.metadata\.json$)/.test(name));
  if (table === undefined) return;
  const kind = table.name.includes('_delta_log/') ? 'Delta' : 'Iceberg';
  throw new AppError(
    'source_refused',
    `${table.name} shows that this is the folder of a ${kind} table, which also holds files that are no longer part of it. Let a job write the table's rows as plain Parquet or CSV files into a folder of their own, and name that one.`,
  );
}

/** Databricks writes `_started_ID` first and `_committed_ID` last. */
function openTransactions(files: readonly PlacedFile[]): string[] {
  const idsOf = (mark: RegExp) => files.flatMap(({ name }) => mark.exec(name)?.[1] ?? []);
  const committed = new Set(idsOf(/(?:^|\/)_committed_(\d+)$/));
  return idsOf(/(?:^|\/)_started_(\d+)$/).filter((id) => !committed.has(id));
}

/** The billing period of the folder it lies in. */
export function periodOf(name: string): FoundBill['period'] {
  const month = PERIOD.exec(name)?.[1];
  return month === undefined ? null : parsePeriod(month);
}

/** Where each delivery of a period lies in a folder of its own, only the newest counts, and only when nothing is added to it any more. */
function newestDeliveries(found: readonly FoundBill[], now: Date): FoundBills {
  const newest = new Map<string, Map<string, number>>();
  for (const { file } of found) {
    const delivery = deliveryOf(file.name);
    if (delivery === null) continue;
    const times = newest.get(delivery.period) ?? new Map<string, number>();
    times.set(delivery.folder, Math.max(times.get(delivery.folder) ?? 0, file.modifiedAt.getTime()));
    newest.set(delivery.period, times);
  }
  const waiting: string[] = [];
  const chosen = new Set<string>();
  for (const [period, times] of newest) {
    const byTime = [...times].sort(([, left], [, right]) => right - left);
    const settled = byTime.filter(([, at]) => now.getTime() - at >= DELIVERY_SETTLED_MS);
    const [first] = byTime;
    if (first !== undefined && first !== settled[0]) waiting.push(`${period}${first[0]} was written to just now`);
    if (settled[0] !== undefined) chosen.add(`${period}${settled[0][0]}`);
  }
  const bills = found.filter(({ file }) => {
    const delivery = deliveryOf(file.name);
    return delivery === null || chosen.has(`${delivery.period}${delivery.folder}`);
  });
  return { bills, waiting };
}

/** The folder of its period and, within it, that of its delivery. */
function deliveryOf(name: string): { period: string; folder: string } | null {
  const match = PERIOD.exec(name);
  if (match === null) return null;
  const period = name.slice(0, match.index + match[0].length);
  const folder = DELIVERY.exec(name.slice(period.length))?.[0];
  return folder === undefined ? null : { period, folder };
}
