/**
 * A window's cost by billing currency, beside what the value report makes of it: from the same rows, at the same rates. And the one rate
 * at which two quarters are compared: the average of the first one's days, weighted by what each cost.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { rateJoins, rateOf } from '../periods/closed-rows.ts';
import { podCostRows } from '../reports/pod-costs.ts';
import { METRIC_COLUMNS, type ReportFrame } from '../reports/report-frame.ts';

export interface CurrencyTotal {
  readonly currency: string;
  readonly billed: Decimal;
  /** In the report's currency, each day at its own rate. */
  readonly converted: Decimal;
  /** The average rate at 15 decimals, by the size of what each row cost; null where nothing did. */
  readonly rate: Decimal | null;
}

/** Whole months of the report's own currency come from pod_month, all else from days; a few rows a pod and month. */
export async function readCurrencyTotals(db: Kysely<DB>, frame: ReportFrame): Promise<CurrencyTotal[]> {
  const metric = sql.ref(`day.${METRIC_COLUMNS[frame.costMetric]}`);
  const hasStatement = frame.closed.length > 0;
  const row = { alias: 'day', currency: 'billing_currency', date: 'charge_date', hasStatement };
  const rate = sql`case when day.billing_currency = ${frame.currency} then 1 else ${rateOf(hasStatement)} end`;
  const { rows } = await sql<CurrencyTotal>`
    select day.billing_currency as currency, trim_scale(sum(${metric})) as billed, trim_scale(sum(${metric} * ${rate})) as converted,
      case when sum(abs(${metric})) <> 0 then trim_scale(divide_half_even(sum(abs(${metric}) * ${rate}), sum(abs(${metric})), 15)) end as rate
    from ${podCostRows(frame, {}, true)} as day ${rateJoins(row, frame.currency)}
    where day.kind <> 'owned' group by 1 order by 1
  `.execute(db);
  return rows;
}
