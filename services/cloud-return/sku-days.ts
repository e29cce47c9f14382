/**
 * The days of SKUs of a window as a query: of open days those of the current loads, of closed days those of the loads their statements are
 * made of. Together they are the window's whole cost, attributed or not.
 */
import { type RawBuilder, sql } from 'kysely';
import type { DateRange } from '../periods/closed-months.ts';
import { openDays, type ReportFrame } from '../reports/report-frame.ts';

const COLUMNS = sql`provider_name, service_name, charge_category, is_commitment, sku_id, consumed_unit, billing_currency,
  consumed_quantity, billed_cost, effective_cost, list_cost, contracted_cost`;

/** Rows of load_sku_day without load and day, found by load_sku_day_load_id_charge_date_idx. */
export function skuDays(frame: ReportFrame): RawBuilder<unknown> {
  const ofLoads = (loads: RawBuilder<unknown>, { start, end }: DateRange) => sql`
    select ${COLUMNS} from (${loads}) as counted (load_id) join load_sku_day using (load_id)
    where charge_date >= ${start}::date and charge_date < ${end}::date`;
  const parts = [
    sql`select ${COLUMNS} from load_sku_day where false`,
    ...openDays(frame).map((days) => ofLoads(sql`select id from load where state = 'published'`, days)),
    ...frame.closed.map((month) =>
      ofLoads(sql`select load_id from statement_load where statement_id = ${month.statementId}`, month),
    ),
  ];
  return sql.join(parts, sql` union all `);
}
