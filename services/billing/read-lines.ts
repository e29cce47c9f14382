/**
 * Reads single lines back from the archive: those of some origins, with their file and record ordinal, for the path from a figure to its
 * lines. An origin's own attributes find its lines. One pass over the column of resources finds the first records of all of them (5
 * million lines: half a second of processor time, where comparing every attribute of every line takes six); the few of the origins are
 * then told apart by all their attributes. Origins without a resource, and those lost among others of the same, take a pass of their own.
 */
import { isNothing } from './cell-sql.ts';
import { countOf, type DuckDbSession, literal, openDuckDb, textOf } from './duckdb-session.ts';
import { FOCUS_COLUMNS, ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { type Bill, openBill } from './open-bill.ts';
import { canonicalTags, readTags } from './read-tags.ts';
import { withWorkFolder } from './work-folder.ts';

/** The most lines of an origin that one reading returns. */
export const ARCHIVED_LINES_MAX = 1_000;
/** Of each resource so many lines are looked at before a pass of its own is made: usually all are of one origin. */
const TRIED_MIN = 100;

/** An origin whose lines are wanted. */
export interface WantedLines {
  readonly originId: string;
  /** The origin's attributes by SQL name, as in table `origin`; tags as JSON text. */
  readonly origin: Readonly<Record<string, string | null>>;
  /** Only lines of these charge dates, half-open; all of them without. */
  readonly dates?: { readonly start: string; readonly end: string };
}

/** A load's files, and whose lines are wanted of it. */
export interface LoadLines {
  readonly loadId: string;
  readonly files: readonly {
    readonly name: string;
    readonly archivePath: string;
    /** Lines of the load's billing period: where the file has more, it has those of other periods too. */
    readonly rowCount: number;
  }[];
  readonly billingPeriodStart: string;
  readonly billingPeriodEnd: string;
  readonly wanted: readonly WantedLines[];
}

export interface ReadLinesOptions {
  readonly loads: readonly LoadLines[];
  /** Of each origin and load, the first ones. */
  readonly limit: number;
  readonly workDir: string;
}

export interface ArchivedLine {
  readonly loadId: string;
  readonly originId: string;
  readonly file: string;
  /** 1 is the first record after the header. */
  readonly record: number;
  /** FOCUS columns as delivered, by FOCUS name; columns without a value are absent. */
  readonly columns: Readonly<Record<string, string>>;
}

interface FoundRecord {
  readonly originId: string;
  readonly record: number;
}

/** Does what `readArchivedLines` promises. */
export async function readLinesInChild({ loads, limit, workDir }: ReadLinesOptions): Promise<ArchivedLine[]> {
  return withWorkFolder(workDir, async (folder) => {
    const session = await openDuckDb(folder);
    try {
      const lines: ArchivedLine[] = [];
      for (const load of loads) lines.push(...(await readLoadLines(session, load, limit)));
      return lines;
    } finally {
      session.close();
    }
  });
}

async function readLoadLines(session: DuckDbSession, load: LoadLines, limit: number): Promise<ArchivedLine[]> {
  const found: ArchivedLine[] = [];
  const missing = ({ originId }: WantedLines) => limit - found.filter((line) => line.originId === originId).length;
  for (const file of load.files) {
    const wanted = load.wanted.filter((one) => missing(one) > 0);
    if (wanted.length === 0) break;
    const filter = { ...load, wanted, limit, isMixed: (await countLines(session, file.archivePath)) !== file.rowCount };
    const bill = await openBill(session, file.archivePath, file.name, momentsOf(filter));
    const records = await findRecords(bill, filter);
    const kept = wanted.flatMap((one) =>
      records.filter(({ originId }) => originId === one.originId).slice(0, missing(one)),
    );
    found.push(...(await readRecords(bill, load.loadId, kept)));
  }
  return load.wanted.flatMap(({ originId }) => found.filter((line) => line.originId === originId));
}

interface LineFilter extends LoadLines {
  readonly limit: number;
  /** The file has lines of other billing periods too. */
  readonly isMixed: boolean;
}

/** Instants written as text cost a pass over their column, so only those are read that something is compared with. */
function momentsOf({ wanted, isMixed }: LineFilter): string[] {
  return [
    ...(wanted.some(({ dates }) => dates !== undefined) ? ['ChargePeriodStart'] : []),
    ...(isMixed ? ['BillingPeriodStart', 'BillingPeriodEnd'] : []),
  ];
}

/** From the file's own footer. */
async function countLines(session: DuckDbSession, path: string): Promise<number> {
  return countOf((await session.rows(`select count(*) as n from read_parquet(${literal(path)})`))[0]?.['n']);
}

/** The first records of each origin, in the order of the file. */
async function findRecords(bill: Bill, filter: LineFilter): Promise<FoundRecord[]> {
  const tried = await findByResource(bill, filter);
  const rows = [...tried.values()].flatMap((found) => found.rows);
  const found = rows.length === 0 ? [] : await matchRecords(bill, filter, `file_row_number in (${rows.join(', ')})`);
  const records: FoundRecord[] = [];
  for (const one of filter.wanted) {
    const own = found.filter(({ originId }) => originId === one.originId);
    const isDone = own.length >= filter.limit || tried.get(one.origin['resource_id'] ?? null)?.isAll === true;
    records.push(...(isDone ? own : await matchRecords(bill, { ...filter, wanted: [one] }, narrowing(bill, one))));
  }
  return records;
}

interface TriedRecords {
  readonly rows: readonly number[];
  /** False where the resource has more lines than these. */
  readonly isAll: boolean;
}

/** The first rows of each resource. Nothing but the column of resources is read: DuckDB decodes the others of a line only for `=`. */
async function findByResource(bill: Bill, { wanted, limit }: LineFilter): Promise<Map<string | null, TriedRecords>> {
  const resources = [...new Set(wanted.map(({ origin }) => origin['resource_id'] ?? null))].filter((id) => id !== null);
  if (resources.length === 0) return new Map();
  const triedMax = Math.max(limit, TRIED_MIN);
  const cell = bill.cell('ResourceId');
  const rows = await bill.session.rows(`
    select ${cell} as resource, file_row_number as "row" ${bill.from([])} where ${cell} in (${resources.map(literal).join(', ')})
    qualify row_number() over (partition by resource order by "row") <= ${triedMax + 1} order by "row"`);
  return new Map(
    resources.map((resource) => {
      const own = rows.filter((row) => textOf(row['resource']) === resource).map((row) => countOf(row['row']));
      return [resource, { rows: own.slice(0, triedMax), isAll: own.length <= triedMax }];
    }),
  );
}

/** Those of the rows left by `condition` that are of an origin. Tags of one meaning have many spellings: each is read and compared. */
async function matchRecords(bill: Bill, filter: LineFilter, condition: string): Promise<FoundRecord[]> {
  const { wanted, limit, isMixed, billingPeriodStart, billingPeriodEnd } = filter;
  const ofPeriod = isMixed
    ? `and ${bill.at('BillingPeriodStart')}::date = ${literal(billingPeriodStart)}::date
       and ${bill.at('BillingPeriodEnd')}::date = ${literal(billingPeriodEnd)}::date`
    : '';
  const place = wanted.map((one, index) => `when ${isOfOrigin(bill, one)} then ${index}`).join(' ');
  const rows = await bill.session.rows(`
    select place, record, tags from (
      select case ${place} end as place, file_row_number + 1 as record, ${bill.tags} as tags
      ${bill.from(momentsOf(filter))} where ${condition} ${ofPeriod}
    ) where place is not null
    qualify row_number() over (partition by place, tags order by record) <= ${limit} order by record`);
  const tags = wanted.map(({ origin }) => canonicalTags(readTags(origin['tags'] ?? null) ?? []));
  return rows.flatMap((row) => {
    const index = countOf(row['place']);
    const one = wanted[index];
    if (one === undefined || canonicalTags(readTags(textOf(row['tags'])) ?? []) !== tags[index]) return [];
    return [{ originId: one.originId, record: countOf(row['record']) }];
  });
}

/** What must hold of a line's cells, as comparisons that the scan itself makes. */
function narrowing(bill: Bill, { origin }: WantedLines): string {
  const conditions = ORIGIN_TEXT_COLUMNS.flatMap(({ focus, sql }) => {
    const value = origin[sql] ?? null;
    return value === null ? [] : [`${bill.cell(focus)} = ${literal(value)}`];
  });
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

function isOfOrigin(bill: Bill, { origin, dates }: WantedLines): string {
  const isSame = ORIGIN_TEXT_COLUMNS.map(({ focus, sql }) => {
    const value = origin[sql] ?? null;
    return value === null ? isNothing(bill.cell(focus)) : `${bill.cell(focus)} = ${literal(value)}`;
  });
  if (dates === undefined) return isSame.join(' and ');
  const at = bill.at('ChargePeriodStart');
  return `${isSame.join(' and ')} and ${at} >= ${literal(dates.start)}::date and ${at} < ${literal(dates.end)}::date`;
}

async function readRecords(bill: Bill, loadId: string, records: readonly FoundRecord[]): Promise<ArchivedLine[]> {
  if (records.length === 0) return [];
  const cells = FOCUS_COLUMNS.map(({ focus, type }) => `${type === 'tags' ? bill.tags : bill.cell(focus)} as ${focus}`);
  const rows = await bill.session.rows(`
    select file_row_number + 1 as record, ${cells.join(', ')}
    ${bill.from([])} where file_row_number in (${records.map(({ record }) => record - 1).join(', ')}) order by 1`);
  const origins = new Map(records.map(({ record, originId }) => [record, originId]));
  return rows.map((row) => {
    const record = countOf(row['record']);
    const columns = FOCUS_COLUMNS.flatMap(({ focus }) => {
      const text = textOf(row[focus]);
      return text === null ? [] : [[focus, text] as const];
    });
    return {
      loadId,
      originId: origins.get(record) ?? '',
      file: bill.name,
      record,
      columns: Object.fromEntries(columns),
    };
  });
}
