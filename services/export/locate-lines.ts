/**
 * One archived file of a load in DuckDB: each line that is exported with its origin and the attribution of its charge date, and the
 * line again as FOCUS 1.2 with whose it is. The archive holds what was delivered; what a line means is read as ingestion reads it.
 */
import { something } from '../billing/cell-sql.ts';
import { type DuckDbSession, identifier, literal, textOf } from '../billing/duckdb-session.ts';
import { FOCUS_COLUMNS } from '../billing/focus-columns.ts';
import { identifyOrigins } from '../billing/group-charges.ts';
import { type Bill, openBill } from '../billing/open-bill.ts';
import { filterOfPeriod } from '../billing/period-filter.ts';
import { decimal, isDecimalText } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { PART_COLUMNS } from './cut-lines.ts';
import {
  type ExportColumn,
  FALLBACKS,
  FOCUS_12_COLUMNS,
  OWN_COLUMNS,
  SPLIT_COSTS,
  SPLIT_QUANTITIES,
} from './focus-12.ts';

export interface ExportedFile {
  /** Its place among the load's files, from 1. */
  readonly number: number;
  readonly name: string;
  readonly archivePath: string;
}

export interface ExportedLoad {
  readonly loadId: string;
  readonly sourceId: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly files: readonly ExportedFile[];
}

const KNOWN = new Map(FOCUS_COLUMNS.map((column) => [column.focus, column]));
const OWN_NAMES: ReadonlySet<string> = new Set(OWN_COLUMNS.map(({ name }) => name.toLowerCase()));
const MOMENTS = ['BillingPeriodStart', 'BillingPeriodEnd', 'ChargePeriodStart', 'ChargePeriodEnd'];
/** How an opened bill reads a column that it lacks. */
const ABSENT = 'null::varchar';
/** Numbers that are plain already, which is nearly all of them. */
const PLAIN = String.raw`-?(0|[1-9]\d*)(\.\d+)?`;

const DECIMAL_NAMES = FOCUS_12_COLUMNS.filter(({ type }) => type === 'decimal').map(({ name }) => name);

export interface LocatedFile {
  readonly bill: Bill;
  /** The decimal columns with numbers that are not written plainly; `odd_number` has what they mean. */
  readonly odd: ReadonlySet<string>;
  readonly splitLines: string;
}

/**
 * Fills `odd_number`: numbers with an exponent, a plus sign or stray zeros, by their text. They are few, so they are read once each and
 * digit by digit, not by a cast that would round; what is no number means nothing.
 */
async function readOddNumbers(session: DuckDbSession, bill: Bill): Promise<ReadonlySet<string>> {
  const cells = DECIMAL_NAMES.flatMap((name) => {
    const raw = rawCell(bill, name);
    return raw === null ? [] : [{ name, raw }];
  });
  await session.run('create or replace temp table odd_number (raw varchar, plain varchar)');
  const odd = new Set<string>();
  const known = new Set<string>();
  const appender = await session.connection.createAppender('odd_number');
  for (const { name, raw } of cells) {
    const query = `select distinct raw from (select ${raw} as raw ${bill.from([])}) where not ${isPlain('raw')}`;
    for await (const rows of session.chunks(query)) {
      for (const row of rows) {
        odd.add(name);
        const text = textOf(row['raw']) ?? '';
        if (known.has(text) || !isDecimalText(text.trim())) continue;
        known.add(text);
        appender.appendVarchar(text);
        appender.appendVarchar(decimal(text.trim()));
        appender.endRow();
      }
    }
  }
  appender.closeSync();
  return odd;
}

function isPlain(text: string): string {
  return `regexp_full_match(${text}, '${PLAIN}')`;
}

function joinOdd(odd: ReadonlySet<string>, names: readonly string[], bill: Bill): string {
  return names
    .filter((name) => odd.has(name))
    .map((name) => ` left join odd_number as odd_${name} on odd_${name}.raw = ${rawCell(bill, name) ?? ABSENT}`)
    .join('');
}

/**
 * Fills `located` (record, origin_id, charge_date, kind, rule_id, pod_id) with the file's lines of the load's billing period on charge
 * dates of [from, until); null bounds take all. `attribution` is in the session. Gives the opened bill, and the lines of splits as a
 * query in the order of SPLIT_LINE_COLUMNS.
 */
export async function locateLines(
  session: DuckDbSession,
  load: ExportedLoad,
  file: ExportedFile,
  dates: { readonly from: IsoDate; readonly until: IsoDate } | null,
): Promise<LocatedFile> {
  const bill = await openBill(session, file.archivePath, file.name);
  const filter = await filterOfPeriod(bill, load);
  const keys = await identifyOrigins(bill, filter);
  const odd = await readOddNumbers(session, bill);
  const numbers = [...SPLIT_COSTS, ...SPLIT_QUANTITIES].map(
    (name) => `${valueOf({ bill, odd }, columnOf(name))} as ${name}`,
  );
  const within =
    dates === null ? '' : `where charge_date >= ${literal(dates.from)} and charge_date < ${literal(dates.until)}`;
  await session.run(`create or replace temp table located as
    select line.record, origin.id as origin_id, line.charge_date, line.billing_currency, attribution.kind, attribution.rule_id,
      attribution.pod_id, ${[...SPLIT_COSTS, ...SPLIT_QUANTITIES].map((name) => `case when attribution.kind = 'split' then line.${name} end as ${name}`).join(', ')}
    from (
      select file_row_number + 1 as record, ${keys}, ${bill.at('ChargePeriodStart')}::date as charge_date,
        trim(${bill.cell('BillingCurrency')}) as billing_currency, ${numbers.join(', ')}
      ${bill.from(['ChargePeriodStart'])}${joinOdd(odd, [...SPLIT_COSTS, ...SPLIT_QUANTITIES], bill)} ${filter}
    ) as line
    join origin using (place_key, resource_key, tag_key)
    join attribution on attribution.origin_id = origin.id
      and line.charge_date >= attribution.valid_from and line.charge_date < attribution.valid_until
    ${within}`);
  return {
    bill,
    odd,
    splitLines: `select ${file.number}, record, origin_id, charge_date, rule_id, billing_currency,
      ${SPLIT_COSTS.map((name) => `coalesce(${name}, '0')`).join(', ')}, ${SPLIT_QUANTITIES.join(', ')}
      from located where kind = 'split'`,
  };
}

/**
 * The lines of `located` as rows of the given columns, all as text: a split line once for each pod that `part` names, every other one as
 * it is. The bill and `located` must be of the same file.
 */
export function exportedLines(
  { bill, odd }: Pick<LocatedFile, 'bill' | 'odd'>,
  load: ExportedLoad,
  file: ExportedFile,
  {
    columns,
    rulebookId,
    statementId,
  }: { columns: readonly ExportColumn[]; rulebookId: number; statementId: number | null },
): string {
  const delivered = columns.filter((column) => column.name !== 'Tags' && !OWN_COLUMNS.includes(column));
  const cells = delivered.map((column) => `${valueOf({ bill, odd }, column)} as ${identifier(column.name)}`);
  const own: Readonly<Record<string, string>> = {
    x_PodId: 'coalesce(part.pod_id, located.pod_id)',
    x_AttributionKind: `case when part.pod_id is not null then 'shared' when located.pod_id is not null then 'direct' else 'unattributed' end`,
    x_AttributionRuleId: 'located.rule_id',
    x_Share: `case when part.pod_id is null then '1' else part.share end`,
    x_RulebookId: literal(String(rulebookId)),
    x_StatementId: statementId === null ? 'null::varchar' : literal(String(statementId)),
    x_SourceId: literal(load.sourceId),
    x_LoadId: literal(load.loadId),
    x_FileName: literal(file.name),
    x_Record: 'line.record::varchar',
  };
  const shared: readonly string[] = [...SPLIT_COSTS, ...SPLIT_QUANTITIES];
  const outputs = columns.map(({ name }) => {
    const mine = own[name];
    const cell = `line.${identifier(name)}`;
    const place = shared.indexOf(name);
    const value =
      mine ??
      (place === -1
        ? withFallback(name, cell)
        : `case when part.pod_id is null then ${cell} else part.${PART_COLUMNS[4 + place] ?? ''} end`);
    return `${value} as ${identifier(name)}`;
  });
  return `
    select ${outputs.join(', ')}
    from (
      select file_row_number + 1 as record, hash(${bill.tags}) as tag_key, ${cells.join(', ')} ${bill.from(MOMENTS)}${joinOdd(odd, DECIMAL_NAMES, bill)}
    ) as line
    join located on located.record = line.record
    left join tag_read on tag_read.tag_key = line.tag_key
    left join part on part.file_number = ${file.number} and part.record = line.record and located.kind = 'split'`;
}

/** The columns of FOCUS 1.2 that a bill brings. */
export function columnsOf(bill: Bill): ReadonlySet<string> {
  return new Set(FOCUS_12_COLUMNS.map(({ name }) => name).filter((name) => rawCell(bill, name) !== null));
}

/** The columns that a provider added to FOCUS, as the file spells them; those that we write ourselves are ours. */
export function providerColumnsOf(bill: Bill): string[] {
  return bill.names.filter((name) => /^x_/i.test(name) && !OWN_NAMES.has(name.toLowerCase()));
}

function columnOf(name: string): ExportColumn {
  const column = FOCUS_12_COLUMNS.find((one) => one.name === name);
  if (column === undefined) throw new Error(`${name} is no column of FOCUS 1.2`);
  return column;
}

/** A cell's text as delivered; null where the bill lacks the column. */
function rawCell(bill: Bill, name: string): string | null {
  const known = KNOWN.get(name);
  if (known === undefined) return bill.further(name);
  const isNumber = known.type === 'money' || known.type === 'quantity';
  const cell = known.type === 'tags' ? bill.tags : isNumber ? bill.decimal(name).text : bill.cell(name);
  return cell === ABSENT ? null : cell;
}

/** A cell as FOCUS 1.2 writes it: nothing is null, numbers are plain, instants in UTC to the second, JSON an object. */
function valueOf({ bill, odd }: Pick<LocatedFile, 'bill' | 'odd'>, column: ExportColumn): string {
  const raw = rawCell(bill, column.name);
  if (raw === null) return ABSENT;
  switch (column.type) {
    case 'text':
      return column.name === 'BillingCurrency' ? `trim(${raw})` : something(raw);
    case 'moment':
      return `strftime(${bill.at(column.name)}, '%Y-%m-%dT%H:%M:%SZ')`;
    case 'json':
      return `case when json_valid(${raw}) and json_type(${raw}) = 'OBJECT' then ${raw} end`;
    case 'decimal': {
      const otherwise = odd.has(column.name) ? ` else odd_${column.name}.plain` : '';
      const number = `case when ${isPlain(raw)} then ${raw}${otherwise} end`;
      return SPLIT_COSTS.some((name) => name === column.name) ? `coalesce(${number}, '0')` : number;
    }
  }
}

function withFallback(name: string, cell: string): string {
  const fallback = FALLBACKS[name];
  if (name === 'Tags') return `tag_read.json`;
  if (fallback === undefined) return cell;
  return `coalesce(${cell}, ${fallback.startsWith("'") ? fallback : `line.${fallback}`})`;
}
