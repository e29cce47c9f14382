/**
 * Cost that belongs to nobody: by provider and service, since when without a break, and who answers for it. Together the rows are the
 * report's unattributed cost.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, subtract, sum } from '../kernel/decimal.ts';
import { METRIC_COLUMNS } from '../reports/report-frame.ts';
import { costCells } from './cost-cells.ts';
import type { FixedRates } from './cost-steps.ts';
import type { Quarter } from './quarter.ts';

export interface UnattributedRow {
  readonly providerName: string | null;
  readonly serviceName: string | null;
  /** In the report's currency; in other currencies' part at the average rate of the quarter. */
  readonly cost: Decimal;
  /** The first month (`2026-04`) since which there is some in every month, as now known. */
  readonly since: string | null;
  readonly months: number;
}

export interface Unattributed {
  readonly rows: readonly UnattributedRow[];
  /** Services that are not named, and what conversion by day makes of them all. */
  readonly rest: Decimal;
  readonly cost: Decimal;
  readonly verified: Decimal;
  readonly claimed: Decimal;
  /** Whoever approved an envelope of the unattributed of this quarter; null: nobody answers for it. */
  readonly owner: string | null;
}

const ROWS_MAX = 10;

/** The rows with the greatest cost, either way. */
export async function readUnattributed(
  db: Kysely<DB>,
  given: { quarter: Quarter; rates: FixedRates },
): Promise<Unattributed> {
  const { frame, report } = given.quarter;
  const metric = sql.ref(METRIC_COLUMNS[frame.costMetric]);
  const { rows } = await sql<UnattributedRow>`
    with cost as (
      select provider_name, service_name, sum(${metric} * rate::numeric) as cost
      from (${costCells(frame)}) as cell
      join unnest(${[...given.rates.keys()]}::text[], ${[...given.rates.values()]}::text[]) as given (currency, rate)
        on given.currency = cell.billing_currency
      where pod_id is null group by 1, 2
    ), chosen as (
      select * from cost where cost <> 0 order by abs(cost) desc, provider_name, service_name limit ${ROWS_MAX}
    ), month as (
      select provider_name, service_name, charge_month,
        row_number() over (partition by provider_name, service_name order by charge_month desc) as back
      from (select provider_name, service_name, charge_month from cost_month
        where pod_id is null and charge_month < ${frame.period.end}::date group by 1, 2, 3 having sum(${metric}) <> 0) as spent
    ), unbroken as (
      -- Months end to end keep their distance from their number.
      select provider_name, service_name, min(charge_month) as since, count(*)::int as months
      from month group by provider_name, service_name, (charge_month + back * interval '1 month') having min(back) = 1
    )
    select chosen.provider_name as "providerName", chosen.service_name as "serviceName", trim_scale(chosen.cost) as cost,
      to_char(since, 'YYYY-MM') as since, coalesce(months, 0) as months
    from chosen left join unbroken on unbroken.provider_name is not distinct from chosen.provider_name
      and unbroken.service_name is not distinct from chosen.service_name
    order by abs(chosen.cost) desc, chosen.provider_name, chosen.service_name
  `.execute(db);
  const { cost, verified, claimed } = report.unattributed;
  const rest = subtract(cost, sum(rows.map((row) => row.cost)));
  return { rows, rest, cost, verified, claimed, owner: await readOwner(db, given.quarter) };
}

async function readOwner(db: Kysely<DB>, { frame: { period } }: Quarter): Promise<string | null> {
  const { rows } = await sql<{ approved_by: string | null }>`
    select version.approved_by from envelope
    join lateral (select * from envelope_version where envelope_id = envelope.id order by version desc limit 1) as version on true
    where scope_kind = 'unattributed' and withdrawn_at is null and period_start < ${period.end}::date and period_end > ${period.start}::date
    order by period_start desc, envelope.id limit 1
  `.execute(db);
  return rows[0]?.approved_by ?? null;
}
