/**
 * The control total of a file: its own sums per currency, taken from the raw cells before anything is grouped. Lines whose values fit no
 * head and tail are counted here and added up one by one.
 */
import { add, type Decimal, decimal, ZERO } from '../kernel/decimal.ts';
import { countOf, textOf } from './duckdb-session.ts';
import { MONEY_COLUMNS } from './focus-columns.ts';
import { carriedOf, type LineFilter, linesWithValues, sumsOf, sumText } from './group-charges.ts';
import type { Bill } from './open-bill.ts';

export interface FileTotal {
  readonly billingCurrency: string;
  readonly rowCount: number;
  /** BilledCost, EffectiveCost, ListCost and ContractedCost, in the order of MONEY_COLUMNS. */
  readonly costs: readonly Decimal[];
}

/** Sums the lines that `filter` leaves; `unfitCount` is how many of them travel as single lines. */
export async function sumFile(bill: Bill, filter: LineFilter): Promise<{ totals: FileTotal[]; unfitCount: number }> {
  const currency = `trim(${bill.cell('BillingCurrency')})`;
  const rows = await bill.session.rows(`
    select billing_currency, lines, unfit, ${MONEY_COLUMNS.map(({ focus, sql }) => `coalesce(${sumText(bill, focus)}, '0') as ${sql}`).join(', ')}
    from (select *${carriedOf(bill)} from (select billing_currency, count(*) as lines, count(*) filter (not fits) as unfit, ${sumsWhereFits(bill)}
      from (${linesWithValues(bill, `${currency} as billing_currency`, [], filter)})
      group by billing_currency))
    order by billing_currency`);
  const unfitCount = rows.reduce((count, row) => count + countOf(row['unfit']), 0);
  const unfit = unfitCount === 0 ? new Map<string, Decimal[]>() : await sumUnfit(bill, filter, currency);
  const totals = rows.map((row) => {
    const billingCurrency = textOf(row['billing_currency']) ?? '';
    const further = unfit.get(billingCurrency);
    const costs = MONEY_COLUMNS.map(({ sql }, index) =>
      add(decimal(textOf(row[sql]) ?? '0'), further?.[index] ?? ZERO),
    );
    return { billingCurrency, rowCount: countOf(row['lines']), costs };
  });
  return { totals, unfitCount };
}

function sumsWhereFits(bill: Bill): string {
  return sumsOf(bill).replaceAll(/sum\((\w+)\)/g, 'sum($1) filter (fits)');
}

async function sumUnfit(bill: Bill, filter: LineFilter, currency: string): Promise<Map<string, Decimal[]>> {
  const sums = new Map<string, Decimal[]>();
  const texts = MONEY_COLUMNS.map(({ focus, sql }) => `trim(${bill.decimal(focus).text}) as ${sql}`).join(', ');
  const lines = `select * from (${linesWithValues(bill, `${currency} as billing_currency, ${texts}`, [], filter)}) where not fits`;
  for await (const rows of bill.session.chunks(lines)) {
    for (const row of rows) {
      const key = textOf(row['billing_currency']) ?? '';
      const known = sums.get(key) ?? MONEY_COLUMNS.map(() => ZERO);
      sums.set(
        key,
        MONEY_COLUMNS.map(({ sql }, index) => add(known[index] ?? ZERO, decimal(textOf(row[sql]) ?? '0'))),
      );
    }
  }
  return sums;
}
