/**
 * What changed in the bills from one window to the next, in one statement: cost by families of like charges (provider, service, category,
 * SKU, unit and currency), at one rate per currency, each family's change given to exactly one step or to usage and rate together.
 * docs/cloud-return.md defines each.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { METRIC_COLUMNS, type ReportFrame } from '../reports/report-frame.ts';
import { skuDays } from './sku-days.ts';

export const FAMILY_STEPS = ['usage', 'rate', 'uncounted', 'new', 'ended', 'commitments'] as const;
export type FamilyStep = (typeof FAMILY_STEPS)[number];

/** What moved a step most; together the named and the rest are the step. */
export interface StepDriver {
  readonly providerName: string | null;
  readonly serviceName: string | null;
  readonly amount: Decimal;
}

export interface StepSum {
  readonly step: FamilyStep;
  readonly amount: Decimal;
  readonly drivers: readonly StepDriver[];
}

export interface CurrencyChange {
  readonly currency: string;
  /** In the billing currency. */
  readonly before: Decimal;
  readonly after: Decimal;
}

const DRIVERS_MAX = 3;
/** Of the quotient that usage is; what is cut there is in the rate. */
const PLACES = 12;

/** The rate per billing currency at which both windows are valued. */
export type FixedRates = ReadonlyMap<string, Decimal>;

/** The steps in their order, with nothing left out, and both windows by currency as the families have them. */
export async function readCostSteps(
  db: Kysely<DB>,
  windows: { before: ReportFrame; after: ReportFrame; rates: FixedRates },
): Promise<{ steps: StepSum[]; currencies: CurrencyChange[] }> {
  const { before, after, rates } = windows;
  const metric = sql.ref(METRIC_COLUMNS[after.costMetric]);
  const family = sql`provider_name, service_name, charge_category, is_commitment, sku_id, consumed_unit, billing_currency`;
  const { rows } = await sql<{ steps: StepSum[]; currencies: CurrencyChange[] }>`
    with charged as (
      select 0 as side, * from (${skuDays(before)}) as former
      union all
      select 1, * from (${skuDays(after)}) as current
    ), family as materialized (
      select ${family}, bool_or(side = 0) as was, bool_or(side = 1) as is_still,
        bool_and(consumed_quantity is not null) and sku_id is not null as is_counted,
        coalesce(sum(${metric}) filter (where side = 0), 0) as cost_0, coalesce(sum(${metric}) filter (where side = 1), 0) as cost_1,
        sum(consumed_quantity) filter (where side = 0) as quantity_0, sum(consumed_quantity) filter (where side = 1) as quantity_1
      from charged group by ${family}
    ), valued as (
      select family.*, fixed.rate, ${usageSql()} as usage,
        case when is_commitment or charge_category = 'Credit' then 'commitments' when not was then 'new' when not is_still then 'ended'
          when is_counted and quantity_0 > 0 and quantity_1 > 0 then 'counted' else 'uncounted' end as class
      from family join unnest(${[...rates.keys()]}::text[], ${[...rates.values()]}::text[]) as given (currency, rate)
        on given.currency = family.billing_currency
      cross join lateral (select given.rate::numeric as rate) as fixed
    ), part as (
      select class as step, provider_name, service_name, (cost_1 - cost_0) * rate as amount from valued where class <> 'counted'
      union all
      select 'usage', provider_name, service_name, usage * rate from valued where class = 'counted'
      union all
      select 'rate', provider_name, service_name, (cost_1 - cost_0 - usage) * rate from valued where class = 'counted'
    ), service as (
      select step, provider_name, service_name, sum(amount) as amount,
        row_number() over (partition by step order by abs(sum(amount)) desc, provider_name, service_name) as place
      from part group by step, provider_name, service_name
    ), walked as (
      select asked.step, trim_scale(coalesce(sum(amount), 0))::text as amount,
        coalesce(json_agg(json_build_object('providerName', provider_name, 'serviceName', service_name,
          'amount', trim_scale(amount)::text) order by place) filter (where place <= ${DRIVERS_MAX} and amount <> 0), '[]') as drivers
      from unnest(${[...FAMILY_STEPS]}::text[]) with ordinality as asked (step, ordinal) left join service using (step)
      group by asked.step, asked.ordinal order by asked.ordinal
    ), change as (
      select billing_currency as currency, trim_scale(sum(cost_0))::text as before, trim_scale(sum(cost_1))::text as after
      from family group by 1 order by 1
    )
    select (select json_agg(walked) from walked) as steps, (select coalesce(json_agg(change), '[]') from change) as currencies
  `.execute(db);
  const [found] = rows;
  if (found === undefined) throw new Error('the steps are one row');
  return found;
}

/** (Q1 − Q0) · P0, P0 being what a unit cost before. */
function usageSql(): RawBuilder<unknown> {
  return sql`case when quantity_0 > 0 and quantity_1 > 0
    then divide_half_even((quantity_1 - quantity_0) * cost_0, quantity_0, ${sql.lit(PLACES)}) end`;
}
