/**
 * Sums a bill's lines to charges in DuckDB: one per origin, UTC charge date and the charge's own attributes. Attributes are grouped by
 * hashes of four small sets of columns (17 wide text keys cost three times as much); each set's distinct rows are compared with its
 * distinct hashes, so a collision is found and never merges two origins. The hash is DuckDB's own and never leaves this process.
 */
import assert from 'node:assert';
import { carryTail, something, textOfDecimal, textOfParts } from './cell-sql.ts';
import { countOf, type DuckDbSession } from './duckdb-session.ts';
import { CHARGE_TEXT_COLUMNS, type FocusColumn, MONEY_COLUMNS, ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import type { Bill } from './open-bill.ts';
import { canonicalTags, jsonOfTags, readTags } from './read-tags.ts';

/** Nearly every line has its own; kept from the other attributes of an origin, which combine in few ways. */
const RESOURCE_COLUMNS = new Set(['ResourceId', 'ResourceName']);
const ORIGIN_KEYS = 'place_key, resource_key, tag_key';

const SETS: Readonly<Record<'place' | 'resource' | 'detail', readonly FocusColumn[]>> = {
  place: ORIGIN_TEXT_COLUMNS.filter((column) => !RESOURCE_COLUMNS.has(column.focus)),
  resource: ORIGIN_TEXT_COLUMNS.filter((column) => RESOURCE_COLUMNS.has(column.focus)),
  detail: CHARGE_TEXT_COLUMNS,
};

export const DECIMALS: readonly string[] = ['ConsumedQuantity', ...MONEY_COLUMNS.map((column) => column.focus)];

/** Queries whose columns are those of `CHARGE_COPY_COLUMNS`, in the order of origins but for where two threads met. */
export interface ChargeQueries {
  readonly charges: string;
  /** Lines that are charges of their own; null where there are none. */
  readonly singles: string | null;
}

/** `where …` over the archive's lines: those of one billing period. Empty where the file has no other. */
export type LineFilter = string;

/** Fills the temporary tables `origin`, `place_set`, `resource_set` and `tag_set`, and returns the queries that write charges. */
export async function groupCharges(bill: Bill, filter: LineFilter, unfitCount: number): Promise<ChargeQueries> {
  const { session } = bill;
  for (const name of ['place', 'resource', 'detail'] as const) await collectSet(bill, name, filter);
  await collectTags(bill, filter);
  const keys = `${keyOf(bill, 'place')} as place_key, ${keyOf(bill, 'resource')} as resource_key,
    hash(${bill.tags}) as tag_key, ${keyOf(bill, 'detail')} as detail_key, cast(${bill.at('ChargePeriodStart')} as date) as charge_date`;
  const texts = DECIMALS.map((focus) => `${orZero(focus, `trim(${bill.decimal(focus).text})`)} as ${focus}`).join(', ');
  const columns = unfitCount === 0 ? keys : `${keys}, ${texts}`;
  const lines = (fits: boolean) => `select * from (${linesWithValues(bill, columns, ['ChargePeriodStart'], filter)})
    ${unfitCount === 0 ? '' : `where ${fits ? '' : 'not '}fits`}`;
  await session.run(`create or replace temp table grouped as
    select *${carriedOf(bill)} from (
      select place_key, resource_key, tag_key, detail_key, charge_date, ${sumsOf(bill)}, count(*) as line_count
      from (${lines(true)}) group by all)`);
  if (unfitCount > 0) await session.run(`create or replace temp table single as ${lines(false)}`);
  const ofSingles = unfitCount > 0 ? `union select distinct ${ORIGIN_KEYS} from single` : '';
  await collectOrigins(session, `select distinct ${ORIGIN_KEYS} from grouped ${ofSingles}`);
  return {
    charges: chargesFrom('grouped', chargeTexts(bill).join(', '), 'line_count'),
    singles: unfitCount === 0 ? null : chargesFrom('single', DECIMALS.join(', '), '1'),
  };
}

/**
 * Finds the origins of lines without summing them: fills `origin` (id by `place_key`, `resource_key`, `tag_key`), `place_set` and
 * `tag_read` (JSON by `tag_key`), and returns the select list of these keys for a line.
 */
export async function identifyOrigins(bill: Bill, filter: LineFilter): Promise<string> {
  const { session } = bill;
  for (const name of ['place', 'resource'] as const) await collectSet(bill, name, filter);
  await collectTags(bill, filter);
  const keys = `${keyOf(bill, 'place')} as place_key, ${keyOf(bill, 'resource')} as resource_key, hash(${bill.tags}) as tag_key`;
  await collectOrigins(session, `select distinct ${keys} ${bill.from([])} ${filter}`);
  return keys;
}

/** The columns of `charge` that the queries of `groupCharges` give, in order; load_id has the table's default. */
export const CHARGE_COPY_COLUMNS: readonly string[] = [
  'origin_id',
  'charge_date',
  ...CHARGE_TEXT_COLUMNS.map((column) => column.sql),
  'consumed_quantity',
  ...MONEY_COLUMNS.map((column) => column.sql),
  'line_count',
];

/**
 * `select …` over the lines that `filter` leaves: the given columns, the values for summing (`v_` native, or `h_` head and `t_` tail)
 * and `fits`, true where each value has its head and tail. One level per step, because the columns of a level are computed once.
 */
export function linesWithValues(bill: Bill, columns: string, moments: readonly string[], filter: LineFilter): string {
  const cells = DECIMALS.map((focus) => ({ focus, cell: bill.decimal(focus) }));
  const sources = cells.map(({ focus, cell }) =>
    cell.kind === 'native' ? `${cell.value} as v_${focus}` : `${cell.source} as s_${focus}`,
  );
  const parts = cells.flatMap(({ focus, cell }) => (cell.kind === 'native' ? [] : [{ focus, reader: cell.reader }]));
  const quick = parts.map(({ focus, reader }) => `, ${reader.quick(`s_${focus}`)} as q_${focus}`);
  const plain = parts.map(({ focus, reader }) => `, ${reader.plain(`s_${focus}`, `q_${focus}`)} as p_${focus}`);
  const halves = parts.map(
    ({ focus, reader }) =>
      `, ${reader.head(`q_${focus}`, `p_${focus}`)} as h_${focus}, ${reader.tail(`q_${focus}`, `p_${focus}`)} as t_${focus}`,
  );
  const fits = parts.map(({ focus }) => `(s_${focus} is null or (h_${focus} is not null and t_${focus} is not null))`);
  return `select *, ${fits.length === 0 ? 'true' : fits.join(' and ')} as fits from (
    select *${halves.join('')} from (select *${plain.join('')} from (
      select *${quick.join('')} from (select ${columns}, ${sources.join(', ')} ${bill.from(moments)} ${filter}))))`;
}

/** Sums of the values of `linesWithValues`, under the same names. */
export function sumsOf(bill: Bill): string {
  return DECIMALS.map((focus) =>
    bill.decimal(focus).kind === 'native'
      ? `sum(v_${focus}) as v_${focus}`
      : `sum(h_${focus}) as h_${focus}, sum(t_${focus}) as t_${focus}`,
  ).join(', ');
}

/** The columns that `sumText` reads beside those of `sumsOf`: `, … as c_<focus>, … as r_<focus>`. */
export function carriedOf(bill: Bill): string {
  return DECIMALS.map((focus) => {
    const cell = bill.decimal(focus);
    if (cell.kind === 'native') return '';
    const { carried, rest } = carryTail(`h_${focus}`, `t_${focus}`, cell.scale);
    return `, ${carried} as c_${focus}, ${rest} as r_${focus}`;
  }).join('');
}

/** The exact text of a sum. */
export function sumText(bill: Bill, focus: string): string {
  const { kind, scale } = bill.decimal(focus);
  return kind === 'native' ? textOfDecimal(`v_${focus}`, scale) : textOfParts(`c_${focus}`, `r_${focus}`, scale);
}

/** The texts of the sums of `carriedOf`: the quantity, then the costs. */
export function chargeTexts(bill: Bill): string[] {
  return DECIMALS.map((focus) => orZero(focus, sumText(bill, focus)));
}

/** An empty cost counts as zero; an empty quantity stays empty. */
function orZero(focus: string, text: string): string {
  return focus === 'ConsumedQuantity' ? text : `coalesce(${text}, '0')`;
}

function keyOf(bill: Bill, name: keyof typeof SETS): string {
  return `hash(${SETS[name].map((column) => bill.cell(column.focus)).join(', ')})`;
}

async function collectSet(bill: Bill, name: keyof typeof SETS, filter: LineFilter): Promise<void> {
  const columns = SETS[name];
  await bill.session.run(`create or replace temp table ${name}_raw as
    select distinct ${keyOf(bill, name)} as key, ${columns.map((column) => `${bill.cell(column.focus)} as ${column.sql}`).join(', ')}
    ${bill.from([])} ${filter}`);
  await assertUnique(bill.session, `${name}_raw`);
  const cells = columns.map(
    (column) =>
      `${column.focus === 'BillingCurrency' ? `trim(${column.sql})` : something(column.sql)} as ${column.sql}`,
  );
  await bill.session.run(
    `create or replace temp table ${name}_set as select key as ${name}_key, ${cells.join(', ')} from ${name}_raw`,
  );
  await bill.session.run(`drop table ${name}_raw`);
}

async function collectTags(bill: Bill, filter: LineFilter): Promise<void> {
  const { session } = bill;
  await session.run(
    `create or replace temp table tag_raw as select distinct hash(${bill.tags}) as key, ${bill.tags} as tags ${bill.from([])} ${filter}`,
  );
  await assertUnique(session, 'tag_raw');
  await session.run('create or replace temp table tag_read (tag_key ubigint, canonical varchar, json varchar)');
  const appender = await session.connection.createAppender('tag_read');
  for await (const rows of session.chunks('select key, tags from tag_raw')) {
    for (const row of rows) {
      const tags = readTags(typeof row['tags'] === 'string' ? row['tags'] : null);
      assert(tags !== null && typeof row['key'] === 'bigint', 'inspection let tags pass that are none');
      appender.appendUBigInt(row['key']);
      appender.appendVarchar(canonicalTags(tags));
      appender.appendVarchar(jsonOfTags(tags));
      appender.endRow();
    }
  }
  appender.closeSync();
  await session.run('drop table tag_raw');
  await session.run(`create or replace temp table tag_set as
    select row_number() over () as tag_set_id, canonical, any_value(json) as json from tag_read group by canonical`);
}

/** Identity of an origin: MD5 over every attribute a rule can test, each as length and value, nothing as a dash. */
async function collectOrigins(session: DuckDbSession, seen: string): Promise<void> {
  const fields = ORIGIN_TEXT_COLUMNS.map(
    ({ sql }) => `case when ${sql} is null then '-' else length(${sql}) || ':' || ${sql} end`,
  );
  await session.run(`create or replace temp table origin as
    with seen as (${seen}),
    described as (
      select seen.*, tag_set_id, concat(${fields.join(', ')}, canonical) as canonical
      from seen join place_set using (place_key) join resource_set using (resource_key)
      join tag_read using (tag_key) join tag_set using (canonical))
    select * exclude (canonical), cast(md5_number_lower(canonical) >> 1 as bigint) as id, cast(md5(canonical) as uuid) as digest
    from described`);
  const [counts] = await session.rows(
    'select count(distinct id) as ids, count(distinct digest) as digests from origin',
  );
  assert(countOf(counts?.['ids']) === countOf(counts?.['digests']), 'two origins of one bill have the same id');
}

/** Sorted before the texts are put in: rows of fixed width take a fifth of the memory, and of the disk where they spill. */
function chargesFrom(table: string, decimals: string, lineCount: string): string {
  return `select id, charge_date, ${CHARGE_TEXT_COLUMNS.map(({ sql }) => sql).join(', ')}, ${decimals}, ${lineCount}
    from (select origin.id, ${table}.* from ${table} join origin using (${ORIGIN_KEYS}) order by origin.id)
    join detail_set using (detail_key)`;
}

async function assertUnique(session: DuckDbSession, table: string): Promise<void> {
  const [counts] = await session.rows(`select count(*) as all_rows, count(distinct key) as keys from ${table}`);
  assert(countOf(counts?.['all_rows']) === countOf(counts?.['keys']), `two rows of ${table} have the same hash`);
}
