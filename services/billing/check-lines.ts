/**
 * Checks every line of a bill in one vectorised pass that only counts; only where a count is not zero, a second pass finds the first
 * faulty lines. The same pass yields the billing periods with their line counts and how far their usage reaches.
 */
import { AppError, describeFault, type InputFault } from '../kernel/errors.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { isNothing } from './cell-sql.ts';
import { FAULTS_MAX } from './csv-faults.ts';
import { countOf, type DuckDbRow, literal, textOf } from './duckdb-session.ts';
import { FOCUS_COLUMNS, MONEY_COLUMNS } from './focus-columns.ts';
import type { Bill } from './open-bill.ts';
import { readTags } from './read-tags.ts';
import type { ColumnOrigins } from './translate-bill.ts';

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));
/** BillingCurrency is checked by its own list. */
const MANDATORY_TEXTS = FOCUS_COLUMNS.filter(
  (column) => column.needsValue && column.type === 'text' && column.focus !== 'BillingCurrency',
).map((column) => column.focus);
const CHARGE_MOMENTS = ['ChargePeriodStart', 'ChargePeriodEnd'] as const;
const BILLING_MOMENTS = ['BillingPeriodStart', 'BillingPeriodEnd'] as const;
const MOMENTS = [...CHARGE_MOMENTS, ...BILLING_MOMENTS];

export interface BillPeriod {
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  readonly rowCount: number;
  /** The latest ChargePeriodStart of a usage line, an RFC 3339 instant; null without usage. */
  readonly dataAsOf: string | null;
  /** The latest ChargePeriodEnd of a usage line. */
  readonly usageUntil: string | null;
}

/** What a line can have against it. `isBad` is true of a faulty line of `from`, `value` is the text to show. */
interface Check {
  readonly column: string;
  readonly isBad: string;
  readonly value: string;
  readonly reason: (value: string | null) => string;
  readonly fix?: string;
}

/** Finds the physical lines of records; null where the file has none (Parquet). */
export type FindLines = ((ordinals: ReadonlySet<number>) => Promise<Map<number, number>>) | null;

/**
 * Checks and returns the billing periods, ascending. `origins` names the columns of a file that was translated.
 * @throws AppError invalid_bill with the first FAULTS_MAX faults and their total in `details.faultCount`.
 */
export async function checkLines(bill: Bill, findLines: FindLines, origins?: ColumnOrigins): Promise<BillPeriod[]> {
  const lineChecks = listLineChecks(bill);
  const counts = lineChecks.map((check, index) => `, count(*) filter (${check.isBad}) as bad_${index}`).join('');
  const groups = await bill.session.rows(`
    with grouped as (
      select ${momentKey(bill, 'BillingPeriodStart')} as start_key, ${momentKey(bill, 'BillingPeriodEnd')} as end_key,
        trim(${bill.cell('BillingCurrency')}) as currency, ${MANDATORY_TEXTS.map((focus) => `${bill.cell(focus)} as ${focus}`).join(', ')},
        count(*) as line_count, max(${bill.at('ChargePeriodStart')}) as last_start, max(${bill.at('ChargePeriodEnd')}) as last_end ${counts}
      ${bill.from(CHARGE_MOMENTS)} group by all)
    select currency, line_count, ChargeCategory as category, strftime(last_start, '%Y-%m-%dT%H:%M:%S.%fZ') as last_start, strftime(last_end, '%Y-%m-%dT%H:%M:%S.%fZ') as last_end,
      ${keyDate(bill, 'BillingPeriodStart', 'start_key')} as period_start, ${keyDate(bill, 'BillingPeriodEnd', 'end_key')} as period_end,
      (${MANDATORY_TEXTS.map((focus) => `${isNothing(focus)}`).join(' or ')}) as lacks_text
      ${lineChecks.map((_check, index) => `, bad_${index}`).join('')}
    from grouped`);
  const checks = [
    ...lineChecks.filter((_check, index) => groups.some((group) => countOf(group[`bad_${index}`]) > 0)),
    ...listGroupChecks(bill, groups),
    ...(await listTagChecks(bill)),
  ];
  const failed = checks.map((check) => ({ ...check, column: origins?.get(check.column) ?? check.column }));
  if (failed.length > 0) await refuse(bill, failed, findLines);
  return collectPeriods(groups);
}

function listLineChecks(bill: Bill): Check[] {
  const [start, end] = [bill.at('ChargePeriodStart'), bill.at('ChargePeriodEnd')];
  return [
    ...[...MONEY_COLUMNS.map((column) => column.focus), 'ConsumedQuantity'].map((focus) => ({
      column: focus,
      isBad: bill.decimal(focus).isBad,
      value: bill.decimal(focus).text,
      reason: (value: string | null) => (isEmpty(value) ? 'the cell is empty' : `${quote(value)} is not a number`),
      fix: 'Write a plain decimal such as 12.34 or 2.32E-9.',
    })),
    ...CHARGE_MOMENTS.map((focus) => momentCheck(bill, focus, `${bill.at(focus)} is null`)),
    {
      column: 'ChargePeriodEnd',
      isBad: `coalesce(${end} <= ${start}, false)`,
      value: `${end}::varchar || ' is not after ChargePeriodStart ' || ${start}::varchar`,
      reason: (value) => `${value}`,
      fix: 'A period is half-open: its end is later than its start.',
    },
  ];
}

function listGroupChecks(bill: Bill, groups: readonly DuckDbRow[]): Check[] {
  const unknown = [...new Set(groups.map((group) => textOf(group['currency'])))].filter(
    (currency) => !CURRENCIES.has(currency ?? ''),
  );
  const currency = `trim(${bill.cell('BillingCurrency')})`;
  const [start, end] = BILLING_MOMENTS.map((focus) => bill.at(focus));
  const hasBadStart = groups.some((group) => group['period_start'] === null);
  const hasBadEnd = groups.some((group) => group['period_end'] === null);
  const hasEmptyPeriod = groups.some(
    (group) => (textOf(group['period_start']) ?? '') >= (textOf(group['period_end']) ?? '9'),
  );
  return [
    ...(unknown.length === 0 ? [] : [currencyCheck(currency, unknown)]),
    ...(hasBadStart ? [momentCheck(bill, 'BillingPeriodStart', `${start} is null`)] : []),
    ...(hasBadEnd ? [momentCheck(bill, 'BillingPeriodEnd', `${end} is null`)] : []),
    ...(hasEmptyPeriod
      ? [
          {
            column: 'BillingPeriodEnd',
            isBad: `coalesce(${end}::date <= ${start}::date, false)`,
            value: `${end}::date::varchar || ' is not after BillingPeriodStart ' || ${start}::date::varchar`,
            reason: (value: string | null) => `${value}`,
            fix: 'A period is half-open: its end is the first day after it.',
          },
        ]
      : []),
    ...(groups.some((group) => group['lacks_text'] === true)
      ? MANDATORY_TEXTS.map((focus) => ({
          column: focus,
          isBad: isNothing(bill.cell(focus)),
          value: 'null::varchar',
          reason: () => 'the cell is empty',
          fix: 'FOCUS wants a value on every line.',
        }))
      : []),
  ];
}

function currencyCheck(currency: string, unknown: readonly (string | null)[]): Check {
  const texts = unknown.filter((value) => value !== null).map(literal);
  return {
    column: 'BillingCurrency',
    isBad: `(${currency} is null${texts.length === 0 ? '' : ` or ${currency} in (${texts.join(', ')})`})`,
    value: currency,
    reason: (value) => (isEmpty(value) ? 'the cell is empty' : `${quote(value)} is not a currency of ISO 4217`),
    fix: 'Write its code in capital letters, such as USD.',
  };
}

function momentCheck(bill: Bill, focus: string, isBad: string): Check {
  return {
    column: focus,
    isBad,
    value: bill.cell(focus),
    reason: (value) => {
      if (isEmpty(value)) return 'the cell is empty';
      if (/^\s*\d{1,2}\/\d{1,2}\/\d{2,4}/.test(value ?? '') && bill.slashOrder !== 'month-first') {
        return bill.slashOrder === 'day-first'
          ? `${quote(value)} is a date with the day first`
          : `${quote(value)} could have the month or the day first, and nothing in the file tells which`;
      }
      return `${quote(value)} is not an instant`;
    },
    fix: 'Write it in UTC, such as 2026-09-01T00:00:00Z.',
  };
}

/** Only text can be wrong; the distinct ones are few beside the lines. */
async function listTagChecks(bill: Bill): Promise<Check[]> {
  if (!bill.hasTextTags) return [];
  const bad: string[] = [];
  for await (const rows of bill.session.chunks(`select distinct ${bill.tags} as tags ${bill.from([])}`)) {
    for (const row of rows) {
      const text = textOf(row['tags']);
      if (bad.length < FAULTS_MAX && text !== null && readTags(text) === null) bad.push(text);
    }
  }
  if (bad.length === 0) return [];
  return [
    {
      column: 'Tags',
      isBad: `${bill.tags} in (${bad.map(literal).join(', ')})`,
      value: bill.tags,
      reason: (value) => `${quote(value)} is not a JSON object`,
      fix: 'Write tags as {"key": "value"}.',
    },
  ];
}

async function refuse(bill: Bill, checks: readonly Check[], findLines: FindLines): Promise<never> {
  const places = checks.map(
    (
      check,
      index,
    ) => `(select file_row_number + 1 as record, ${index} as check_index, ${check.value} as value, count(*) over () as bad_count
      ${bill.from(MOMENTS)} where ${check.isBad} order by 1 limit ${FAULTS_MAX})`,
  );
  const rows = await bill.session.rows(places.join(' union all '));
  const counts = new Map(rows.map((row) => [countOf(row['check_index']), countOf(row['bad_count'])]));
  const faultCount = [...counts.values()].reduce((total, count) => total + count, 0);
  const first = rows
    .map((row) => ({ ...row, record: countOf(row['record']) }))
    .sort((left, right) => left.record - right.record);
  const shown = first.slice(0, FAULTS_MAX);
  const lines =
    findLines === null ? new Map<number, number>() : await findLines(new Set(shown.map((row) => row.record)));
  const faults = shown.map((row): InputFault => {
    const check = checks[countOf((row as DuckDbRow)['check_index'])];
    const line = lines.get(row.record);
    return {
      file: bill.name,
      record: row.record,
      ...(line === undefined ? {} : { line }),
      column: check?.column ?? '',
      reason: check?.reason(textOf((row as DuckDbRow)['value'])) ?? '',
      ...(check?.fix === undefined ? {} : { fix: check.fix }),
    };
  });
  const [head] = faults;
  const sentence = head === undefined ? bill.name : describeFault({ ...head, reason: `${head.reason}.` });
  const others = faultCount === 1 ? '' : ` ${faultCount - 1} more ${faultCount === 2 ? 'cell is' : 'cells are'} wrong.`;
  throw new AppError('invalid_bill', `${sentence}${others} Nothing was loaded.`, { faults, details: { faultCount } });
}

function collectPeriods(groups: readonly DuckDbRow[]): BillPeriod[] {
  const periods = new Map<string, BillPeriod>();
  for (const group of groups) {
    const [start, end] = [textOf(group['period_start']) ?? '', textOf(group['period_end']) ?? ''];
    const key = billingPeriodName(start, end);
    const known = periods.get(key);
    const isUsage = textOf(group['category'])?.trim() === 'Usage';
    periods.set(key, {
      start,
      end,
      rowCount: (known?.rowCount ?? 0) + countOf(group['line_count']),
      dataAsOf: later(known?.dataAsOf ?? null, isUsage ? textOf(group['last_start']) : null),
      usageUntil: later(known?.usageUntil ?? null, isUsage ? textOf(group['last_end']) : null),
    });
  }
  return [...periods.values()].sort((left, right) =>
    `${left.start}${left.end}` < `${right.start}${right.end}` ? -1 : 1,
  );
}

/** Text billing periods are grouped as they stand and read afterwards: they are few. */
function momentKey(bill: Bill, focus: string): string {
  return bill.isTextMoment(focus) ? bill.cell(focus) : bill.at(focus);
}

function keyDate(bill: Bill, focus: string, key: string): string {
  const at = bill.isTextMoment(focus) ? `(select instant from moment where raw = ${key})` : key;
  return `strftime(${at}, '%Y-%m-%d')`;
}

function later(left: string | null, right: string | null): string | null {
  if (left === null || right === null) return left ?? right;
  return left > right ? left : right;
}

function isEmpty(value: string | null): boolean {
  return value === null || ['', 'null', '(null)'].includes(value.trim().toLowerCase());
}

const SHOWN_CHARACTERS = 60;

function quote(value: string | null): string {
  const text = value ?? '';
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}
