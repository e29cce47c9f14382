/**
 * A window's cost by pod, provider and service as a query, in the billing currencies: whole months from the months of the rollups, closed
 * ones from those their statements stand on, and days where the window cuts a month. A pod of null is nobody.
 */
import { type RawBuilder, sql } from 'kysely';
import { type ClosedMonth, type DateRange, wholeMonths } from '../periods/closed-months.ts';
import { openDays, type ReportFrame } from '../reports/report-frame.ts';

const CELL = sql`pod_id, provider_name, service_name, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost`;

/** Rows of CELL: cost_month by its month, rollup_month by load and rulebook, days by load, rulebook and day. */
export function costCells(frame: ReportFrame): RawBuilder<unknown> {
  const { months, days } = wholeMonths(openDays(frame));
  const parts = [
    sql`select ${CELL} from cost_month where charge_month = any(${months}::date[])`,
    ...days.map((range) => cutMonth(frame, range)),
    ...frame.closed.map(closedCells),
  ];
  return sql.join(parts, sql` union all `);
}

function cutMonth({ rulebook }: ReportFrame, { start, end }: DateRange): RawBuilder<unknown> {
  return sql`
    select ${CELL} from load join rollup_cost as cell on cell.load_id = load.id and cell.rulebook_id = ${rulebook}::integer
    where load.state = 'published' and kind <> 'to_split' and charge_date >= ${start}::date and charge_date < ${end}::date
    union all
    select ${CELL} from shared_cost where charge_date >= ${start}::date and charge_date < ${end}::date`;
}

/** A closed month, or the part of one that the window has, as its statement stands. */
function closedCells({ statementId, rulebookId, start, end }: ClosedMonth): RawBuilder<unknown> {
  const ofStatement = sql`statement_id = ${statementId}`;
  const inDays = sql`charge_date >= ${start}::date and charge_date < ${end}::date`;
  const isWhole = wholeMonths([{ start, end }]).days.length === 0;
  const [cells, shared] = isWhole
    ? [sql`rollup_month using (load_id) where charge_month = ${start}::date`, sql`statement_shared_month where true`]
    : [sql`rollup_cost using (load_id) where ${inDays}`, sql`statement_shared_cost where ${inDays}`];
  return sql`
    select ${CELL} from statement_load join ${cells} and ${ofStatement} and rulebook_id = ${rulebookId}::integer and kind <> 'to_split'
    union all
    select ${CELL} from ${shared} and ${ofStatement}`;
}
