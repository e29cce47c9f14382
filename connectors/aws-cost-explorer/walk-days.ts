/**
 * The days of a range one after the other, each whole, for as few paid pages as possible. A range whose answer fits on one page is one
 * request for all its days; else it is asked for in parts of as many days as that page showed, and only a single day is read page by page.
 * So nothing depends on the order in which pages share out days, and a walk that ends half-way has whole days behind it.
 */
import { type Decimal, compare, decimal, subtract, sum } from '../../services/kernel/decimal.ts';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { addDays, daysBetween, type IsoDate } from '../../services/kernel/period.ts';
import type { CostQuery } from './cost-queries.ts';
import type { AnsweredDay, CostPage, CostRow, DayRange } from './explorer-calls.ts';
import { SERVICE } from './explorer-failure.ts';

/** A day of every query that is part of the whole. */
export interface CostDay {
  readonly day: IsoDate;
  readonly isEstimated: boolean;
  readonly rows: readonly (CostRow & { readonly query: CostQuery['name'] })[];
}

type Ask = (query: CostQuery, range: DayRange, page?: string) => Promise<CostPage>;

const RETRY_MS = 300_000;
const DAY_PAGES_MAX = 500;
/** A day is held in memory until it adds up: 0.3 GB of it. Two thousand accounts of fifty services each. */
const DAY_ROWS_MAX = 100_000;
/** AWS rounds each group and the whole by itself, at the tenth decimal; a refresh between two questions moves more than this. */
const ROUNDING_MAX = decimal('0.01');
const METRICS = ['unblendedCost', 'netAmortizedCost'] as const;

/**
 * Ascending; holds a page of each query and a day. `queries` has the whole first.
 * @throws as `ask`; TransientError where the parts of a day do not add up to it.
 */
export async function* walkDays(ask: Ask, queries: readonly CostQuery[], range: DayRange): AsyncGenerator<CostDay> {
  const answers = queries.map((query) => ({ query, days: answeredDays(ask, query, range) }));
  for (let day = range.start; day < range.end; day = addDays(day, 1)) {
    const parts: { query: CostQuery; answered: AnsweredDay }[] = [];
    for (const { query, days } of answers) {
      const next = await days.next();
      if (next.done !== true) parts.push({ query, answered: next.value });
    }
    const whole = parts.find(({ query }) => query.name === 'whole')?.answered;
    const rows = parts
      .filter(({ query }) => query.name !== 'whole')
      .flatMap(({ query, answered }) => answered.rows.map((row) => ({ ...row, query: query.name })));
    refuseOtherSum(day, whole?.rows ?? [], rows);
    yield { day, isEstimated: parts.some(({ answered }) => answered.isEstimated), rows };
  }
}

/** Each day of the range once, also those of which the answer says nothing. */
async function* answeredDays(ask: Ask, query: CostQuery, range: DayRange): AsyncGenerator<AnsweredDay> {
  const first = await ask(query, range);
  const length = daysBetween(range.start, range.end);
  if (first.nextPage !== undefined && length > 1) {
    // The last day a page shows may go on after it; and days may be shared out in another way altogether.
    const shown = new Set(first.days.map(({ day }) => day)).size;
    const step = Math.max(1, Math.min(shown - 1, Math.floor(length / 2)));
    for (let start = range.start; start < range.end; start = addDays(start, step)) {
      const end = addDays(start, step);
      yield* answeredDays(ask, query, { start, end: end < range.end ? end : range.end });
    }
    return;
  }
  const found = [...first.days];
  let { nextPage } = first;
  let rows = rowsIn(first);
  for (let page = 1; nextPage !== undefined; page += 1) {
    if (page >= DAY_PAGES_MAX) throw tooMuch(range.start, `${DAY_PAGES_MAX} pages`);
    const next: CostPage = await ask(query, range, nextPage);
    if (next.nextPage === nextPage) throw new TransientError(`${SERVICE} answered with one page twice.`, RETRY_MS);
    rows += rowsIn(next);
    if (rows > DAY_ROWS_MAX) throw tooMuch(range.start, `${DAY_ROWS_MAX} costs`);
    found.push(...next.days);
    nextPage = next.nextPage;
  }
  for (let day = range.start; day < range.end; day = addDays(day, 1)) {
    const parts = found.filter((answered) => answered.day === day);
    yield {
      day,
      isEstimated: parts.some(({ isEstimated }) => isEstimated),
      rows: parts.flatMap(({ rows }) => rows),
    };
  }
}

function rowsIn({ days }: CostPage): number {
  return days.reduce((count, { rows }) => count + rows.length, 0);
}

function tooMuch(day: IsoDate, what: string): AppError {
  return new AppError(
    'source_refused',
    `${day} has more than ${what} in ${SERVICE}. Let AWS export the bill (aws-data-export) instead.`,
  );
}

function refuseOtherSum(day: IsoDate, whole: readonly CostRow[], parts: readonly CostRow[]): void {
  for (const metric of METRICS) {
    const [expected, got] = [whole, parts].map((rows) => sum(rows.map((row) => decimal(row[metric]))));
    const difference = magnitude(subtract(expected ?? decimal('0'), got ?? decimal('0')));
    if (compare(difference, ROUNDING_MAX) <= 0) continue;
    throw new TransientError(
      `The costs of ${day} in ${SERVICE} add up to ${got}, not to the ${expected} it names as their whole. AWS may be refreshing them; they are asked for anew.`,
      RETRY_MS,
    );
  }
}

function magnitude(value: Decimal): Decimal {
  return value.startsWith('-') ? decimal(value.slice(1)) : value;
}
