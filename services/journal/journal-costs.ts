/**
 * The exact costs a journal is made of, by entity, pod and cost centre on the charge date: of a closed month as its statement froze them,
 * with the adjustments it booked; of an open one as now known. Entities are the billing accounts of the charges (entity-costs.ts). Held
 * against the month's figures before anything is booked.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { entityCosts } from '../periods/entity-costs.ts';
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

/**
 * One statement, hence one snapshot: the charges of the month's loads once, and the month's figures to hold them against.
 * @throws AppError conservation_broken where the two differ.
 */
export async function readJournalCosts(trx: Transaction<DB>, scope: JournalScope): Promise<JournalCost[]> {
  const { statementId, rulebookId, start, end } = scope;
  const metric = METRIC_COLUMNS[scope.costMetric];
  const podDay =
    statementId === null
      ? sql`pod_day where true`
      : sql`statement_pod_day where statement_id = ${statementId}::integer`;
  const { rows } = await sql<Row>`
    with borne as materialized (
      select borne.entity, borne.currency, borne.pod_id, cost_centre, borne.cost
      from (${entityCosts({ month: { start, end }, statementId, rulebookId, metric })}) as borne ${centreOf('borne')}
    )
    select 'cost' as part, entity, currency, pod_id, cost_centre, null as adjusts_id, null as adjusts_period,
      trim_scale(sum(cost)) as cost
    from borne group by entity, currency, pod_id, cost_centre having sum(cost) <> 0
    union all
    select 'difference', null, currency, null, null, null, null, trim_scale(sum(cost)) from (
      select currency, cost from borne
      union all
      select billing_currency, -${sql.ref(metric)} from ${podDay}
        and charge_date >= ${start}::date and charge_date < ${end}::date and kind <> 'owned'
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
  return rows.map((row) => ({
    entity: row.entity,
    currency: row.currency,
    podId: row.pod_id,
    costCentre: row.cost_centre,
    adjusts:
      row.adjusts_id === null || row.adjusts_period === null
        ? null
        : { statementId: row.adjusts_id, periodId: row.adjusts_period },
    cost: row.cost,
  }));
}

/** The cost centre of a row's pod on its charge date, as cost_centre. */
function centreOf(alias: string): RawBuilder<unknown> {
  const pod = sql.ref(`${alias}.pod_id`);
  const date = sql.ref(`${alias}.charge_date`);
  return sql`left join (select pod_id as dated_pod_id, valid_from, valid_until, cost_centre from dated_pod) as dated
    on dated.dated_pod_id = ${pod} and dated.valid_from <= ${date} and dated.valid_until > ${date}`;
}

/** Corrections of closed months that this statement booked, by the accounts it booked them to; what it booked to none has none. */
function adjustments({ statementId, costMetric }: JournalScope): RawBuilder<unknown> {
  const metric = sql.ref(METRIC_COLUMNS[costMetric]);
  const key = sql`adjusted_statement_id, adjusted_on as charge_date, pod_id, currency`;
  return sql`
    select 'adjustment', part.entity, part.currency, part.pod_id, dated.cost_centre, adjusted.id::text, adjusted.period_id,
      trim_scale(sum(part.cost))
    from (
      select ${key}, entity, cost from statement_adjustment_entity where statement_id = ${statementId}::integer
      union all
      select ${key}, null, ${metric} from statement_adjustment where statement_id = ${statementId}::integer and kind in ('direct', 'shared')
      union all
      select ${key}, null, -cost from statement_adjustment_entity where statement_id = ${statementId}::integer
    ) as part
    join statement as adjusted on adjusted.id = part.adjusted_statement_id ${centreOf('part')}
    group by part.entity, part.currency, part.pod_id, dated.cost_centre, adjusted.id, adjusted.period_id having sum(part.cost) <> 0`;
}
