/** The months of pod_day, and what they had before the days at which reports cut them: written from it whenever days of theirs were written, in the same transaction. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';

const METRICS = METRIC_COLUMNS.map((column) => sql.ref(column));
const SUMS = METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)})`);

/** Replaces pod_month of the charge months (`YYYY-MM-01`), and pod_cut of the cuts in them, by the sums of their days. */
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
  await sumPodCuts(
    trx,
    sql`select cut_on from value_cut where date_trunc('month', cut_on::timestamp)::date = any(${months}::date[])`,
  );
  await sql`delete from pod_cut where date_trunc('month', cut_on::timestamp)::date = any(${months}::date[])
    and cut_on not in (select cut_on from value_cut)`.execute(trx);
}

/** Replaces pod_cut of these cuts, rows of cut_on. Whoever calls it holds the locks of their months. */
export async function sumPodCuts(trx: Kysely<DB>, cuts: RawBuilder<unknown>): Promise<void> {
  await sql`delete from pod_cut where cut_on in (${cuts})`.execute(trx);
  await sql`
    insert into pod_cut (cut_on, pod_id, kind, billing_currency, ${sql.join(METRICS)})
    select cut.cut_on, day.pod_id, day.kind, day.billing_currency, ${sql.join(SUMS)}
    from (${cuts}) as cut
    join pod_day as day on day.charge_date >= date_trunc('month', cut.cut_on::timestamp)::date and day.charge_date < cut.cut_on
    where day.kind <> 'owned' group by cut.cut_on, day.pod_id, day.kind, day.billing_currency
  `.execute(trx);
}
