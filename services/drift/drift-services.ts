/** Which services are behind a drift: what each cost a day in the trailing three weeks against the baseline's days, per month. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { metricColumn } from '../envelopes/envelope-figures.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { TRAILING_DAYS } from './drift-line.ts';

const SERVICES_MAX = 5;
/** Days of a month, on the average. */
const MONTH_DAYS = sql`365 / 12.0`;

export interface DriftService {
  readonly drift_id: string;
  readonly place: number;
  readonly service_name: string | null;
  readonly per_month: Decimal;
}

/** The largest of each episode; reads the rollups' cells of both stretches of days. */
export async function readDriftServices(db: Kysely<DB>, driftIds: readonly string[]): Promise<DriftService[]> {
  const costs = sql`billed_cost, effective_cost, list_cost, contracted_cost`;
  const dates = sql`exists (select from asked where charge_date between days_from and days_last or charge_date between trailing_from and through)`;
  const { rows } = await sql<DriftService>`
    with asked as materialized (
      select drift.id, drift.pod_id, drift.through, drift.through - ${TRAILING_DAYS - 1}::integer as trailing_from, baseline.act_on, baseline.counts,
        baseline.cost_metric, baseline.currency, baseline.days_from, baseline.days_until - 1 as days_last,
        baseline.days_until - baseline.days_from as days
      from drift join drift_baseline as baseline on baseline.id = drift.baseline_id
      where drift.id = any (${[...driftIds]}::bigint[])
    ),
    line as (
      select charge_date, pod_id, 'direct' as kind, billing_currency, service_name, ${costs} from rollup_cost
      where kind = 'direct' and pod_id in (select pod_id from asked) and ${dates}
        and load_id = any (array(select id from load where state = 'published'))
        and rulebook_id = (select rulebook_id from organisation)
      union all
      select charge_date, pod_id, 'shared', billing_currency, service_name, ${costs} from shared_cost
      where pod_id in (select pod_id from asked) and ${dates}
      union all
      select charge_date, owner_pod_id, 'owned', billing_currency, service_name, ${costs} from shared_cost
      where owner_pod_id in (select pod_id from asked) and ${dates}
    ),
    moved as (
      select asked.id, line.service_name,
        coalesce(sum(line.cost) filter (where line.charge_date >= asked.trailing_from), 0) / ${TRAILING_DAYS}
          - coalesce(sum(line.cost) filter (where line.charge_date <= asked.days_last and line.charge_date >= asked.days_from), 0)
          / min(asked.days) as per_day
      from asked
      cross join lateral (
        select line.charge_date, line.service_name,
          ${metricColumn('line', sql`asked.cost_metric`)} * case when line.billing_currency = asked.currency then 1 else kept.rate end as cost
        from line
        left join drift_rate as kept on kept.pod_id = asked.pod_id and kept.act_on = asked.act_on and kept.currency = asked.currency
          and kept.from_currency = line.billing_currency
        where line.pod_id = asked.pod_id and line.kind in ('direct', case asked.counts when 'controlled' then 'owned' else 'shared' end)
      ) as line
      group by 1, 2
    ),
    ranked as (
      select id, service_name, per_day, row_number() over (partition by id order by per_day desc, service_name) as place
      from moved where per_day > 0
    )
    select id as drift_id, place::integer as place, service_name, round(per_day * ${MONTH_DAYS}, 2) as per_month
    from ranked where place <= ${SERVICES_MAX} order by 1, 2
  `.execute(db);
  return rows;
}
