/**
 * Lists what an export holds: one file for each day of each invoice month, and each month with all of its files. Which days can have
 * changed since they were fetched BigQuery's own record of partitions tells, whatever day a late row belongs to and however late it is; only
 * those are counted anew. Where that record may not be read every day is counted: the columns of the count, not the rows.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { type IsoDate, isIsoDate, monthOf } from '../../services/kernel/period.ts';
import type { ConnectionContext, DeliveredFile, Listing, ListRequest, Manifest } from '../connector.ts';
import type { BigQuerySession } from './bigquery-session.ts';
import { type DayContent, type KnownDay, keyOf, readKnownDay, versionOf } from './day-version.ts';
import { tableName } from './export-place.ts';
import type { ExportTable } from './export-table.ts';

interface Partition {
  readonly rows: number;
  readonly changedMicros: string;
}

interface Partitions {
  readonly byDay: ReadonlyMap<IsoDate, Partition>;
  /** Rows that BigQuery has not put into a day yet. */
  readonly unsorted: number;
}

interface CountedDay extends DayContent {
  readonly month: string | null;
  readonly day: IsoDate | null;
}

const MICROS_PER_MS = 1000n;
/** The least that a query of INFORMATION_SCHEMA bills is 10 MiB; a dry run of it tells no more. */
const PARTITIONS_MARGIN = 2;
const DAYS_NAMED_MAX = 3;

export async function listDays(
  session: BigQuerySession,
  table: ExportTable,
  { known, range }: ListRequest,
  { logger }: Pick<ConnectionContext, 'logger'>,
): Promise<Listing> {
  const { tableId } = table.place;
  const before = [...known].flatMap(([key, { version }]) => readKnownDay(tableId, key, version) ?? []);
  const partitions = table.isPartitioned ? await readPartitions(session, table, logger) : null;
  // A backfill asks anew for what it is about.
  const changed = partitions === null || range !== undefined ? undefined : changedDays(partitions, before);
  const months = range === undefined ? undefined : monthsOf(range);
  const counted = changed?.length === 0 ? [] : await countDays(session, table, { changed, months });

  const isAsked = (day: IsoDate) => changed === undefined || changed.includes(day);
  const isInRange = (month: string) => months === undefined || months.includes(month);
  const files = new Map<string, Map<IsoDate, KnownDay>>();
  const waiting: string[] = [];
  const put = (day: KnownDay) =>
    files.set(day.month, (files.get(day.month) ?? new Map<IsoDate, KnownDay>()).set(day.day, day));
  for (const day of before) if (isInRange(day.month) && !isAsked(day.day)) put(day);
  for (const { month, day, ...content } of counted) {
    if (month === null || day === null) waiting.push(unplaced(month, content.rows));
    else if (isAsked(day)) put(freshDay({ month, day, content }, partitions, before));
  }
  if (partitions !== null && partitions.unsorted > 0) {
    waiting.push(`${partitions.unsorted} rows that BigQuery is still loading`);
  }
  const missing = Map.groupBy(
    before.filter(({ month, day }) => isInRange(month) && files.get(month)?.has(day) !== true),
    ({ month }) => month,
  );
  for (const [month, days] of missing) {
    // A month that is gone as a whole has expired; there is nothing to say about it.
    if (files.has(month)) waiting.push(gone(table, month, days));
    files.delete(month);
  }
  const manifests = [...files].sort(([left], [right]) => (left < right ? -1 : 1));
  return { manifests: manifests.map(([month, days]) => manifestOf(table, month, [...days.values()])), waiting };
}

/** Null where the record of partitions may not be read, as in a dataset that Google shares. */
async function readPartitions(
  session: BigQuerySession,
  table: ExportTable,
  logger: ConnectionContext['logger'],
): Promise<Partitions | null> {
  try {
    const rows = await session.rows({ sql: table.partitionsQuery(), margin: PARTITIONS_MARGIN });
    const byDay = new Map<IsoDate, Partition>();
    let unsorted = 0;
    for (const [id, count, changedMicros] of rows) {
      const day = dayOf(id ?? null);
      if (day === null) unsorted += Number(count ?? 0);
      else byDay.set(day, { rows: Number(count ?? 0), changedMicros: changedMicros ?? '0' });
    }
    return { byDay, unsorted };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'source_refused') throw error;
    logger.warn(
      { table: tableName(table.place), message: error.message },
      'the partitions of an export cannot be asked',
    );
    return null;
  }
}

async function countDays(
  session: BigQuerySession,
  table: ExportTable,
  { changed, months }: { changed: readonly IsoDate[] | undefined; months: readonly string[] | undefined },
): Promise<CountedDay[]> {
  const filter = { ...(changed === undefined ? {} : { days: changed }), ...(months === undefined ? {} : { months }) };
  const rows = await session.rows({ sql: table.daysQuery(filter) });
  return rows.map(([month, day, count, exportedMicros, sum]) => ({
    month: month !== null && month !== undefined && /^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? month : null,
    day: dayOf(day ?? null),
    rows: Number(count),
    exportedMicros: exportedMicros ?? '',
    sum: sum ?? '',
  }));
}

/** Rows are only ever added: a day that has as many as were fetched, and was not changed since, is the same. */
function changedDays({ byDay }: Partitions, before: readonly KnownDay[]): IsoDate[] {
  const fetched = Map.groupBy(before, ({ day }) => day);
  const isSame = (day: IsoDate, { rows, changedMicros }: Partition) => {
    const files = fetched.get(day) ?? [];
    const rowsFetched = files.reduce((count, file) => count + file.rows, 0);
    return rowsFetched === rows && files.some((file) => file.changedMicros === changedMicros);
  };
  const changed = [...byDay].filter(([day, partition]) => partition.rows > 0 && !isSame(day, partition));
  const vanished = [...fetched.keys()].filter((day) => (byDay.get(day)?.rows ?? 0) === 0);
  return [...changed.map(([day]) => day), ...vanished];
}

function freshDay(
  { month, day, content }: { month: string; day: IsoDate; content: DayContent },
  partitions: Partitions | null,
  before: readonly KnownDay[],
): KnownDay {
  const known = before.find((one) => one.month === month && one.day === day);
  const { rows, exportedMicros, sum } = content;
  const isSame = known?.rows === rows && known.exportedMicros === exportedMicros && known.sum === sum;
  if (known !== undefined && isSame) return known;
  const changedMicros = partitions?.byDay.get(day)?.changedMicros ?? '0';
  return { month, day, ...content, changedMicros, version: versionOf(content, changedMicros) };
}

function manifestOf(table: ExportTable, month: string, days: readonly KnownDay[]): Manifest {
  const { start, end } = monthOf(`${month}-01`);
  const files = days.toSorted((left, right) => (left.day < right.day ? -1 : 1)).map((day) => fileOf(table, day));
  const newest = days.flatMap(({ exportedMicros, changedMicros }) => [
    BigInt(exportedMicros || 0),
    BigInt(changedMicros),
  ]);
  const micros = newest.reduce((left, right) => (left > right ? left : right), 0n);
  return {
    billingPeriod: { start, end },
    deliveredAt: micros === 0n ? null : new Date(Number(micros / MICROS_PER_MS)),
    files,
  };
}

function fileOf(table: ExportTable, { month, day, version }: KnownDay): DeliveredFile {
  return {
    key: keyOf(table.place.tableId, month, day),
    name: `${table.place.tableId}-${month}-of-${day}.csv.gz`,
    version,
    sizeBytes: null,
  };
}

function monthsOf({ start, end }: { start: IsoDate; end: IsoDate }): string[] {
  const months: string[] = [];
  for (let month = monthOf(start); month.start < end; month = monthOf(month.end)) months.push(month.id);
  return months;
}

function dayOf(id: string | null): IsoDate | null {
  const day = id === null || !/^\d{8}$/.test(id) ? '' : `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6)}`;
  return isIsoDate(day) ? day : null;
}

function unplaced(month: string | null, rows: number): string {
  return month === null ? `${rows} rows without an invoice month` : `${rows} rows of ${month} that are in no day yet`;
}

function gone(table: ExportTable, month: string, days: readonly KnownDay[]): string {
  const named = days
    .slice(0, DAYS_NAMED_MAX)
    .map(({ day }) => day)
    .sort();
  const more = days.length > DAYS_NAMED_MAX ? ` and ${days.length - DAYS_NAMED_MAX} more days` : '';
  return `${month} stays as it was published: ${tableName(table.place)} no longer has its rows of ${named.join(', ')}${more}. Take the expiration off its partitions; a table that was made anew gets a source of its own`;
}
