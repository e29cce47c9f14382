/** The months of pod_day: written from it whenever days of theirs were written, in the same transaction. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
const SUMS = METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)})`);

/** Replaces pod_month of the charge months (`YYYY-MM-01`) by the sums of their days. */
export async function sumPodMonths(trx: Kysely<DB>, months: readonly IsoDate[]): Promise<void> {
  await sql`delete from pod_month where charge_month = any(${months}::date[])`.execute(trx);
  await sql`
    insert into pod_month (charge_month, pod_id, kind, billing_currency, ${sql.join(METRICS)})
    select month.charge_month, day.pod_id, day.kind, day.billing_currency, ${sql.join(SUMS)}
    from unnest(${months}::date[]) as month (charge_month)
    join pod_day as day on day.charge_date >= month.charge_month
      and day.charge_date < (month.charge_month + interval '1 month')::date
    group by month.charge_month, day.pod_id, day.kind, day.billing_currency
  `.execute(trx);
}
