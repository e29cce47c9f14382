/**
 * Opens a bill's archive (always Parquet) for reading by DuckDB: which column holds what, in which form, and the SQL that reads each
 * cell. Inspection and staging both read through this, so that a line means the same to both.
 */
import {
  isNothing,
  isNumber,
  MONEY_SCALE,
  doubleParts,
  type PartsReader,
  textParts,
  QUANTITY_SCALE,
  something,
} from './cell-sql.ts';
import { countOf, type DuckDbSession, identifier, literal, textOf } from './duckdb-session.ts';
import { FOCUS_COLUMNS, type FocusColumn } from './focus-columns.ts';
import { type ColumnMatch, focusVersionOf, matchColumns } from './match-columns.ts';
import { isoParts, isSlashed, momentOfText, type SlashOrder, slashedDate, slashedNumber } from './moment-sql.ts';

/** A decimal column: native DECIMALs are summed as they are, everything else in parts; `text` is the cell's exact text. */
export type DecimalCell = { readonly text: string; readonly isBad: string; readonly scale: number } & (
  | { readonly kind: 'native'; readonly value: string }
  /** `source` is what the reader reads: null where the cell holds nothing. */
  | { readonly kind: 'parts'; readonly source: string; readonly reader: PartsReader }
);

export interface Bill {
  readonly session: DuckDbSession;
  /** What messages call the file. */
  readonly name: string;
  readonly rowCount: number;
  readonly focusVersion: string;
  readonly slashOrder: SlashOrder;
  /** `from …` over the archive's lines as `l`, with what `at` needs for these moment columns. */
  from(moments: readonly string[]): string;
  /** A text column's cell as VARCHAR, as delivered; null where the file lacks the column. */
  cell(focus: string): string;
  /** A moment column as UTC TIMESTAMP, null where the cell is none; the column must be among those given to `from`. */
  at(focus: string): string;
  /** True where an instant must be read from text. */
  isTextMoment(focus: string): boolean;
  decimal(focus: string): DecimalCell;
  /** Every column, as the file spells it. */
  readonly names: readonly string[];
  /** Any column by its name, in whatever case, as VARCHAR; null where the file lacks it. For what FOCUS_COLUMNS leaves to the archive. */
  further(name: string): string | null;
  /** Tags as JSON text (a MAP or STRUCT is turned into it). */
  readonly tags: string;
  /** True where tags are text, so that they may be no JSON. */
  readonly hasTextTags: boolean;
}

const MOMENTS = FOCUS_COLUMNS.filter((column) => column.type === 'moment').map((column) => column.focus);
const DECIMAL_TYPE = /^DECIMAL\((\d+),\s*(\d+)\)$/;
const INTEGER_TYPE = /^U?(TINY|SMALL|BIG)?INT(EGER)?$/;
/** With at most 28 digits, ten thousand million lines fit into the 38 digits of a sum. */
const SAFE_PRECISION = 28;
const SUM_DIGITS = 37;

/**
 * Opens the archive at `archivePath`. Creates the temporary table `moment`, which reads every distinct text of the given moment columns.
 * @throws AppError invalid_bill where mandatory columns are missing.
 */
export async function openBill(
  session: DuckDbSession,
  archivePath: string,
  name: string,
  moments: readonly string[] = MOMENTS,
): Promise<Bill> {
  const source = `read_parquet(${literal(archivePath)}, binary_as_string = true, file_row_number = true)`;
  const described = await session.rows(
    `select column_name::varchar as name, column_type::varchar as type from (describe select * from ${source})`,
  );
  const types = new Map(described.map((row) => [textOf(row['name']) ?? '', textOf(row['type']) ?? '']));
  types.delete('file_row_number');
  const match = matchColumns(name, [...types.keys()]);
  const rowCount = countOf((await session.rows(`select count(*) as n from ${source}`))[0]?.['n']);
  const columns = { match, types, source, rowCount };
  const slashOrder = await readMoments(session, columns, moments);
  const decimals = await describeDecimals(session, columns);
  const tagsName = match.get('Tags')?.[0];
  const hasTextTags = tagsName !== undefined && isTextType(types.get(tagsName) ?? '');
  return {
    session,
    name,
    rowCount,
    slashOrder,
    focusVersion: focusVersionOf(match),
    from: (moments) => `from ${source} as l${moments.map((focus) => momentJoin(columns, focus)).join('')}`,
    cell: (focus) => cellOf(columns, focus),
    at: (focus) => momentOf(columns, focus),
    isTextMoment: (focus) => isTextMoment(columns, focus),
    decimal: (focus) => decimals.get(focus) ?? absentDecimal(),
    names: [...types.keys()],
    further: (name) => {
      const own = types.has(name) ? name : [...types.keys()].find((one) => one.toLowerCase() === name.toLowerCase());
      const type = types.get(own ?? '');
      if (own === undefined || type === undefined) return null;
      return /^(MAP|STRUCT)|\[\d*\]$/.test(type) ? `to_json(${columnRef(own)})::varchar` : `${columnRef(own)}::varchar`;
    },
    hasTextTags,
    tags:
      tagsName === undefined
        ? 'null::varchar'
        : hasTextTags
          ? `${columnRef(tagsName)}::varchar`
          : `to_json(${columnRef(tagsName)})::varchar`,
  };
}

interface Columns {
  readonly match: ColumnMatch;
  readonly types: ReadonlyMap<string, string>;
  readonly source: string;
  readonly rowCount: number;
}

function columnRef(name: string): string {
  return `l.${identifier(name)}`;
}

function isTextType(type: string): boolean {
  return type === 'VARCHAR' || type === 'JSON' || type === 'BLOB' || type.startsWith('ENUM');
}

function typeOf(columns: Columns, focus: string): string {
  return columns.types.get(columns.match.get(focus)?.[0] ?? '') ?? '';
}

function cellOf(columns: Columns, focus: string): string {
  const cells = (columns.match.get(focus) ?? []).map((name) =>
    columns.types.get(name) === 'VARCHAR' ? columnRef(name) : `${columnRef(name)}::varchar`,
  );
  const [first, second] = cells;
  if (first === undefined) return 'null::varchar';
  return second === undefined ? first : `(case when ${isNothing(first)} then ${second} else ${first} end)`;
}

function isTextMoment(columns: Columns, focus: string): boolean {
  return isTextType(typeOf(columns, focus));
}

function momentOf(columns: Columns, focus: string): string {
  if (isTextMoment(columns, focus)) return `m_${focus}.instant`;
  const cell = columnRef(columns.match.get(focus)?.[0] ?? '');
  const utc = typeOf(columns, focus).includes('TIME ZONE')
    ? `(${cell} at time zone 'UTC')`
    : `try_cast(${cell} as timestamp)`;
  return `(case when isfinite(${utc}) then ${utc} end)`;
}

function momentJoin(columns: Columns, focus: string): string {
  return isTextMoment(columns, focus)
    ? ` left join moment as m_${focus} on m_${focus}.raw = ${cellOf(columns, focus)}`
    : '';
}

async function readMoments(session: DuckDbSession, columns: Columns, moments: readonly string[]): Promise<SlashOrder> {
  const texts = moments.filter((focus) => isTextMoment(columns, focus));
  const distinct = texts.map((focus) => `select distinct ${cellOf(columns, focus)} as raw from ${columns.source} as l`);
  await session.run(
    `create or replace temp table moment_text as
      select raw, trim(raw) as text from (${distinct.length === 0 ? 'select null::varchar as raw' : distinct.join(' union ')}) where raw is not null`,
  );
  const order = await findSlashOrder(session, columns);
  await session.run(
    `create or replace temp table moment as
      select raw, ${momentOfText('text', order)} as instant from (select *, ${isoParts('text')} as iso from moment_text)`,
  );
  return order;
}

/**
 * Month first or day first? A number above 12 proves it; else the shape of the billing periods does where only one order makes them
 * run from a first to a first of a month. One file has one order.
 */
async function findSlashOrder(session: DuckDbSession, columns: Columns): Promise<SlashOrder> {
  const [found] = await session.rows(`
    select count(*) filter (${slashedNumber('text', 2)} > 12) as month_first, count(*) filter (${slashedNumber('text', 1)} > 12) as day_first,
      count(*) as slashed from moment_text where ${isSlashed('text')}`);
  if (countOf(found?.['slashed']) === 0) return 'unproven';
  const monthFirst = countOf(found?.['month_first']) > 0;
  const dayFirst = countOf(found?.['day_first']) > 0;
  if (monthFirst !== dayFirst) return monthFirst ? 'month-first' : 'day-first';
  if (monthFirst) return 'unproven';
  if (!isTextMoment(columns, 'BillingPeriodStart') || !isTextMoment(columns, 'BillingPeriodEnd')) return 'unproven';
  const isMonths = (order: 'month-first' | 'day-first') => {
    const [start, end] = ['start_text', 'end_text'].map((text) => slashedDate(text, order));
    return `coalesce(bool_and(day(${start}) = 1 and day(${end}) = 1 and ${end} > ${start}), false)`;
  };
  const [shape] = await session.rows(`
    select ${isMonths('month-first')} as month_first, ${isMonths('day-first')} as day_first
    from (select distinct trim(${cellOf(columns, 'BillingPeriodStart')}) as start_text, trim(${cellOf(columns, 'BillingPeriodEnd')}) as end_text
      from ${columns.source} as l)`);
  if (shape?.['month_first'] === shape?.['day_first']) return 'unproven';
  return shape?.['month_first'] === true ? 'month-first' : 'day-first';
}

async function describeDecimals(session: DuckDbSession, columns: Columns): Promise<Map<string, DecimalCell>> {
  const decimals = new Map<string, DecimalCell>();
  for (const column of FOCUS_COLUMNS) {
    if (column.type !== 'money' && column.type !== 'quantity') continue;
    const name = columns.match.get(column.focus)?.[0];
    if (name !== undefined) decimals.set(column.focus, await describeDecimal(session, columns, column, name));
  }
  return decimals;
}

async function describeDecimal(
  session: DuckDbSession,
  columns: Columns,
  column: FocusColumn,
  name: string,
): Promise<DecimalCell> {
  const type = columns.types.get(name) ?? '';
  const cell = columnRef(name);
  const scale = column.type === 'money' ? MONEY_SCALE : QUANTITY_SCALE;
  const isNull = (absent: string) => (column.needsValue ? absent : 'false');
  const decimalType = DECIMAL_TYPE.exec(type);
  const text = `cast(${cell} as varchar)`;
  if (decimalType !== null) {
    const [precision, digits] = [Number(decimalType[1]), Number(decimalType[2])];
    const facts = { text, isBad: isNull(`${cell} is null`) };
    if (precision <= SAFE_PRECISION || (await canSum(session, columns, cell, digits))) {
      return { ...facts, kind: 'native', value: cell, scale: digits };
    }
    return { ...facts, kind: 'parts', scale, source: text, reader: textParts(scale) };
  }
  if (INTEGER_TYPE.test(type)) {
    return {
      kind: 'native',
      text,
      value: `cast(${cell} as decimal(20, 0))`,
      scale: 0,
      isBad: isNull(`${cell} is null`),
    };
  }
  if (type === 'DOUBLE' || type === 'FLOAT') {
    // A FLOAT is read through its own shortest text; widened to DOUBLE first, 0.1 would become 0.10000000149011612.
    const isBad = `coalesce(not isfinite(${cell}), ${column.needsValue})`;
    return type === 'DOUBLE'
      ? { kind: 'parts', text, isBad, scale, source: cell, reader: doubleParts(scale) }
      : { kind: 'parts', text, isBad, scale, source: text, reader: textParts(scale) };
  }
  const asText = type === 'VARCHAR' ? cell : text;
  const isBad = column.needsValue
    ? `(not ${isNumber(asText)})`
    : `(not ${isNothing(asText)} and not ${isNumber(asText)})`;
  const source = column.needsValue ? asText : something(asText);
  return { kind: 'parts', text: source, isBad, scale, source, reader: textParts(scale) };
}

/** Whether no sum over the lines can leave 38 digits. */
async function canSum(session: DuckDbSession, columns: Columns, cell: string, scale: number): Promise<boolean> {
  const [row] = await session.rows(
    `select coalesce(max(abs(cast(${cell} as double))), 0) * ${Math.max(columns.rowCount, 1)} < 1e${SUM_DIGITS - scale} as fits from ${columns.source} as l`,
  );
  return row?.['fits'] === true;
}

function absentDecimal(): DecimalCell {
  return {
    kind: 'native',
    text: 'null::varchar',
    value: 'null::decimal(18, 6)',
    scale: QUANTITY_SCALE,
    isBad: 'false',
  };
}
