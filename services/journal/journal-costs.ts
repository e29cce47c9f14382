/**
 * The exact costs a journal is made of, by entity, pod and cost centre on the charge date: of a closed month as its statement froze them,
 * with the adjustments it booked; of an open one as now known. Entities are the billing accounts of the charges; what split cost a
 * pod bears of each follows the accounts' parts of the load and rule. Held against the month's figures before anything is booked.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { type Decimal, isZero } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from '../reports/report-frame.ts';
import type { JournalCost } from './compose-journal.ts';

export interface JournalScope {
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  /** Null: the month is open. */
  readonly statementId: number | null;
  readonly rulebookId: number;
  readonly costMetric: CostMetric;
}

interface Row {
  readonly part: 'cost' | 'adjustment' | 'difference';
  readonly entity: string | null;
  readonly currency: string;
  readonly pod_id: string | null;
  readonly cost_centre: string | null;
  readonly adjusts_id: string | null;
  readonly adjusts_period: string | null;
  readonly cost: Decimal;
}

/** How many decimals a part of split cost is cut at, where several entities have a part in it. */
const SPLIT_PLACES = 15;

/**
 * One statement, hence one snapshot: the charges of the month's loads once, and the month's figures to hold them against.
 * @throws AppError conservation_broken where the two differ.
 */
export async function readJournalCosts(trx: Transaction<DB>, scope: JournalScope): Promise<JournalCost[]> {
  const { statementId, rulebookId } = scope;
  const metric = sql.ref(METRIC_COLUMNS[scope.costMetric]);
  const isInMonth = sql`charge_date >= ${scope.start}::date and charge_date < ${scope.end}::date`;
  const sharedCost = statementId === null ? sql`shared_cost` : sql`statement_shared_cost`;
  const podDay = statementId === null ? sql`pod_day` : sql`statement_pod_day`;
  const ofStatement = statementId === null ? sql`true` : sql`statement_id = ${statementId}::integer`;
  const { rows } = await sql<Row>`
    with charged as materialized (
      select charge.load_id, origin.billing_account_id as entity, charge.charge_date, charge.billing_currency as currency,
        given.kind, given.rule_id, given.pod_id, sum(charge.cost) as cost
      from (
        select load_id, origin_id, charge_date, billing_currency, sum(${metric}) as cost from charge
        where load_id = any(array(${loadIds(scope)})) and ${isInMonth} group by 1, 2, 3, 4
      ) as charge
      join attributed_origin as given on given.rulebook_id = ${rulebookId} and given.origin_id = charge.origin_id
        and given.valid_from <= charge.charge_date and given.valid_until > charge.charge_date
      join origin on origin.id = charge.origin_id
      group by 1, 2, 3, 4, 5, 6, 7
    ), to_split as (
      select load_id, rule_id, currency, entity, sum(cost) as cost, sum(sum(cost)) over whole as whole_cost,
        count(*) over whole as entities
      from charged where kind = 'split' group by load_id, rule_id, currency, entity
      window whole as (partition by load_id, rule_id, currency)
    ), bearer as (
      select load_id, rule_id, billing_currency as currency, pod_id, cost_centre, sum(${metric}) as cost,
        count(*) over (partition by load_id, rule_id, billing_currency) as bearers
      from ${sharedCost} as part ${centreOf('part')} where ${ofStatement} and ${isInMonth}
      group by load_id, rule_id, billing_currency, pod_id, cost_centre
    ), cut as (
      -- One entity bears its split cost as it was split; several bear their parts of it.
      select to_split.load_id, to_split.rule_id, currency, entity, pod_id, cost_centre, to_split.cost as entity_cost,
        case when entities = 1 then bearer.cost
          when whole_cost = 0 then round(to_split.cost / bearers, ${sql.lit(SPLIT_PLACES)})
          else round(to_split.cost * bearer.cost / whole_cost, ${sql.lit(SPLIT_PLACES)}) end as cost
      from to_split join bearer using (load_id, rule_id, currency)
    ), shared as (
      -- The first bearer takes what cutting left, so that an entity's parts add up to its cost.
      select entity, currency, pod_id, cost_centre, cost + case
        when row_number() over part_of_entity = 1 then entity_cost - sum(cost) over whole_entity else 0 end as cost
      from cut
      window whole_entity as (partition by load_id, rule_id, currency, entity),
        part_of_entity as (partition by load_id, rule_id, currency, entity order by pod_id collate "C", cost_centre collate "C")
    ), borne as (
      select entity, currency, pod_id, cost_centre, cost from charged ${centreOf('charged')} where kind <> 'split'
      union all
      select entity, currency, pod_id, cost_centre, cost from shared
    )
    select 'cost' as part, entity, currency, pod_id, cost_centre, null as adjusts_id, null as adjusts_period,
      trim_scale(sum(cost)) as cost
    from borne group by entity, currency, pod_id, cost_centre having sum(cost) <> 0
    union all
    select 'difference', null, currency, null, null, null, null, trim_scale(sum(cost)) from (
      select currency, cost from borne
      union all
      select billing_currency, -${metric} from ${podDay} as day where ${ofStatement} and ${isInMonth} and kind <> 'owned'
    ) as held group by currency having sum(cost) <> 0
    union all
    ${adjustments(scope)}
  `.execute(trx);
  const broken = rows.find((row) => row.part === 'difference');
  if (broken !== undefined) {
    throw new AppError(
      'conservation_broken',
      `The journal of ${scope.start} to ${scope.end} does not add up: in ${broken.currency} it differs from the month's ${scope.costMetric} by ${broken.cost}. Nothing was exported. This is a fault of Outturn; please report it with this message.`,
    );
  }
  return withEntities(rows);
}

function loadIds({ start, end, statementId, rulebookId }: JournalScope): RawBuilder<unknown> {
  if (statementId !== null) return sql`select load_id from statement_load where statement_id = ${statementId}::integer`;
  return sql`
    select id from load where state = 'published' and exists (
      select from rollup_cost where rollup_cost.load_id = load.id and rulebook_id = ${rulebookId}
        and charge_date >= ${start}::date and charge_date < ${end}::date)`;
}

/** The cost centre of a row's pod on its charge date, as cost_centre. */
function centreOf(alias: string): RawBuilder<unknown> {
  const pod = sql.ref(`${alias}.pod_id`);
  const date = sql.ref(`${alias}.charge_date`);
  return sql`left join (select pod_id as dated_pod_id, valid_from, valid_until, cost_centre from dated_pod) as dated
    on dated.dated_pod_id = ${pod} and dated.valid_from <= ${date} and dated.valid_until > ${date}`;
}

/** Corrections of closed months that this statement booked; bills do not say to which account a difference belongs. */
function adjustments({ statementId, costMetric }: JournalScope): RawBuilder<unknown> {
  const metric = sql.ref(`part.${METRIC_COLUMNS[costMetric]}`);
  return sql`
    select 'adjustment', null, part.currency, part.pod_id, dated.cost_centre, adjusted.id::text, adjusted.period_id,
      trim_scale(sum(${metric}))
    from (
      select adjusted_statement_id, adjusted_on as charge_date, pod_id, currency, billed_cost, effective_cost, list_cost, contracted_cost
      from statement_adjustment where statement_id = ${statementId}::integer and kind in ('direct', 'shared')
    ) as part
    join statement as adjusted on adjusted.id = part.adjusted_statement_id ${centreOf('part')}
    group by part.currency, part.pod_id, dated.cost_centre, adjusted.id, adjusted.period_id having sum(${metric}) <> 0`;
}

/** An adjustment belongs to the only entity that is billed in its currency; where there are several, to none. */
function withEntities(rows: readonly Row[]): JournalCost[] {
  const entities = Map.groupBy(
    rows.filter((row) => row.part === 'cost' && !isZero(row.cost)),
    (row) => row.currency,
  );
  return rows.map((row) => {
    const billed = new Set((entities.get(row.currency) ?? []).map((one) => one.entity));
    const [only = null] = billed;
    return {
      entity: row.part === 'adjustment' ? (billed.size === 1 ? only : null) : row.entity,
      currency: row.currency,
      podId: row.pod_id,
      costCentre: row.cost_centre,
      adjusts:
        row.adjusts_id === null || row.adjusts_period === null
          ? null
          : { statementId: row.adjusts_id, periodId: row.adjusts_period },
      cost: row.cost,
    };
  });
}
