/** Which lines of a file belong to a billing period: a file may bill several. */
import type { IsoDate } from '../kernel/period.ts';
import { literal, textOf } from './duckdb-session.ts';
import type { LineFilter } from './group-charges.ts';
import type { Bill } from './open-bill.ts';

/** A file with several billing periods is read once for each; the lines are told by the raw cells of their period. */
export async function filterOfPeriod(bill: Bill, period: { start: IsoDate; end: IsoDate }): Promise<LineFilter> {
  const [start, end] = [bill.cell('BillingPeriodStart'), bill.cell('BillingPeriodEnd')];
  const moments = ['BillingPeriodStart', 'BillingPeriodEnd'];
  const rows = await bill.session.rows(`
    select start_cell, end_cell, bool_or(is_ours) as is_ours from (
      select distinct ${start} as start_cell, ${end} as end_cell,
        (${bill.at('BillingPeriodStart')}::date = ${literal(period.start)}::date and ${bill.at('BillingPeriodEnd')}::date = ${literal(period.end)}::date) as is_ours
      ${bill.from(moments)}) group by all`);
  if (rows.every((row) => row['is_ours'] === true)) return '';
  const ours = rows.filter((row) => row['is_ours'] === true);
  if (ours.length === 0) return 'where false';
  const pairs = ours.map(
    (row) => `(${literal(textOf(row['start_cell']) ?? '')}, ${literal(textOf(row['end_cell']) ?? '')})`,
  );
  return `where (${start}, ${end}) in (${pairs.join(', ')})`;
}
