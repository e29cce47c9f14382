/**
 * What moved the cost of the quarter most: pods and their services, ten up and ten down, at the rates of the cost bridge, so that the
 * movers and everything else add up to the bridge's change before exchange rates.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, decimal, subtract, sum } from '../kernel/decimal.ts';
import { METRIC_COLUMNS } from '../reports/report-frame.ts';
import { costCells } from './cost-cells.ts';
import type { FixedRates } from './cost-steps.ts';
import type { Quarter } from './quarter.ts';

export interface Mover {
  /** Null: unattributed. */
  readonly podId: string | null;
  readonly providerName: string | null;
  readonly serviceName: string | null;
  readonly before: Decimal;
  readonly after: Decimal;
  readonly change: Decimal;
  readonly driver: 'new' | 'ended' | 'more' | 'less';
}

export interface Movers {
  readonly up: readonly Mover[];
  readonly down: readonly Mover[];
  /** Of all that is not named. */
  readonly rest: Decimal;
  /** All changes together: the bridge's, without FX. */
  readonly change: Decimal;
}

const MOVERS_MAX = 10;

/** The movers from one quarter to the next, both as they are reported. */
export async function readMovers(
  db: Kysely<DB>,
  quarters: { before: Quarter; after: Quarter; rates: FixedRates },
): Promise<Movers> {
  const { before, after, rates } = quarters;
  const metric = sql.ref(METRIC_COLUMNS[after.frame.costMetric]);
  const { rows } = await sql<{ up: Mover[]; down: Mover[]; change: string }>`
    with figure as (
      select 0 as side, * from (${costCells(before.frame)}) as former union all select 1, * from (${costCells(after.frame)}) as current
    ), valued as (
      select side, pod_id, provider_name, service_name, billing_currency, sum(${metric}) as cost
      from figure group by 1, 2, 3, 4, 5
    ), mover as (
      select pod_id as "podId", provider_name as "providerName", service_name as "serviceName",
        coalesce(sum(cost * rate) filter (where side = 0), 0) as before, coalesce(sum(cost * rate) filter (where side = 1), 0) as after,
        bool_or(side = 0) as was, bool_or(side = 1) as is_still
      from valued join unnest(${[...rates.keys()]}::text[], ${[...rates.values()]}::text[]) as given (currency, text_rate)
        on given.currency = valued.billing_currency
      cross join lateral (select text_rate::numeric as rate) as fixed
      group by 1, 2, 3
    ), told as (
      select "podId", "providerName", "serviceName", trim_scale(before)::text as before, trim_scale(after)::text as after,
        trim_scale(after - before)::text as change, after - before as amount,
        case when not was then 'new' when not is_still then 'ended' when after > before then 'more' else 'less' end as driver
      from mover where after <> before
    ), up as (
      select * from told where amount > 0 order by amount desc, "podId" collate "C", "providerName" collate "C", "serviceName" collate "C" limit ${MOVERS_MAX}
    ), down as (
      select * from told where amount < 0 order by amount, "podId" collate "C", "providerName" collate "C", "serviceName" collate "C" limit ${MOVERS_MAX}
    )
    select (select coalesce(json_agg(to_jsonb(up) - 'amount' order by up.amount desc), '[]') from up) as up,
      (select coalesce(json_agg(to_jsonb(down) - 'amount' order by down.amount), '[]') from down) as down,
      (select trim_scale(coalesce(sum(amount), 0))::text from told) as change
  `.execute(db);
  const [found] = rows;
  if (found === undefined) throw new Error('the movers are one row');
  return withRest(found.up, found.down, decimal(found.change));
}

function withRest(up: readonly Mover[], down: readonly Mover[], change: Decimal): Movers {
  return { up, down, change, rest: subtract(change, sum([...up, ...down].map((mover) => mover.change))) };
}
