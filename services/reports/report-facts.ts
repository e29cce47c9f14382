/**
 * What every report is framed by and no request changes: settings, closed months, how far each bill reaches, which months are estimates,
 * the pods. Whatever changes any of it raises figures_version, so that facts hold for as long as their version is the current one.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { isFinalSql } from '../billing/load-finality.ts';
import type { IsoDate } from '../kernel/period.ts';
import {
  type ClosedMonth,
  closedMonthRows,
  type DateRange,
  type StandingStatement,
  standingRows,
} from '../periods/closed-months.ts';

/** A month is final this long after its end, where its source does not say otherwise. */
const SETTLE_AFTER_DEFAULT = 'P5D';

/** A load whose figures count. */
export interface Delivery {
  readonly sourceId: string;
  readonly start: IsoDate;
  /** Exclusive. */
  readonly end: IsoDate;
  /** Its last complete day; null where it does not say how far its usage reaches. */
  readonly completeThrough: IsoDate | null;
  /** RFC 3339. */
  readonly dataAsOf: string | null;
}

/** A month with a load that is not its provider's last word. */
export interface EstimatedMonth {
  readonly month: IsoDate;
  /** Its cost is an estimate until then. RFC 3339. */
  readonly settlesAt: string;
}

/** A pod, and what it holds from one date up to, not including, another; `-infinity` and `infinity` where nothing ends it. */
export interface HeldPod {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly portfolioId: string | null;
  readonly validFrom: string;
  readonly validUntil: string;
}

/** What the sums of a closed month are of. */
export interface StandingMonth {
  readonly statementId: number;
  readonly revenueBasis: string;
  readonly currencies: readonly string[];
}

export type ReportFacts = Pick<
  Selectable<DB['organisation']>,
  | 'reporting_currency'
  | 'cost_metric'
  | 'revenue_basis'
  | 'rulebook_id'
  | 'fiscal_year_start_month'
  | 'fiscal_year_named_by'
> & {
  /** The counter of the figures that these facts are of. */
  readonly figures_version: string;
  /** All closed months, ascending. */
  readonly closed: readonly ClosedMonth[];
  /** The statements that stand, of whatever period. */
  readonly standing: readonly (StandingStatement & DateRange)[];
  readonly deliveries: readonly Delivery[];
  readonly estimates: readonly EstimatedMonth[];
  /** The billing currencies of the current figures, by month. */
  readonly billed: readonly { readonly month: IsoDate; readonly currency: string }[];
  /** The currencies of recognised value, by month, as now known. */
  readonly valued: readonly { readonly month: IsoDate; readonly currency: string }[];
  /** The days at which reports cut a month whose sums of value before them are kept. */
  readonly value_cuts: readonly IsoDate[];
  /** The closed months whose statements are added up (standing_month). */
  readonly standing_months: readonly StandingMonth[];
  /** One per pod and holding. */
  readonly pods: readonly HeldPod[];
};

/** Reads them in one statement; of what the reading role may see. */
export async function readReportFacts(db: Kysely<DB>): Promise<ReportFacts> {
  const { rows } = await sql<ReportFacts>`${PREPARED}
    select figures_version::text as figures_version, reporting_currency, cost_metric, revenue_basis, rulebook_id, fiscal_year_start_month,
      fiscal_year_named_by,
      (select coalesce(json_agg(month order by month.start), '[]') from (${closedMonthRows()}) as month) as closed,
      (select coalesce(json_agg(statement), '[]') from (${standingRows()}) as statement) as standing,
      (select coalesce(json_agg(delivery), '[]') from (
        select source_id as "sourceId", billing_period_start as start, billing_period_end as end,
          (usage_until at time zone 'UTC')::date - 1 as "completeThrough",
          to_char(data_as_of at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "dataAsOf"
        from load where state = 'published') as delivery) as deliveries,
      (select coalesce(json_agg(estimate order by estimate.month), '[]') from (
        select month::date as month, to_char(max(month + interval '1 month' + coalesce(source.settle_after, ${SETTLE_AFTER_DEFAULT})::interval),
          'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "settlesAt"
        from load join source on source.id = load.source_id
        cross join generate_series(date_trunc('month', billing_period_start::timestamp), billing_period_end - 1, interval '1 month') as month
        where load.state = 'published' and not ${isFinalSql('load')} group by month) as estimate) as estimates,
      (select coalesce(json_agg(billed), '[]') from (
        select distinct charge_month as month, billing_currency as currency from pod_month) as billed) as billed,
      (select coalesce(json_agg(valued), '[]') from (
        select distinct recognition_month as month, currency from value_month where currency is not null) as valued) as valued,
      (select coalesce(json_agg(cut_on), '[]') from value_cut) as value_cuts,
      (select coalesce(json_agg(json_build_object('statementId', statement_id, 'revenueBasis', revenue_basis, 'currencies', currencies)), '[]')
        from standing_month) as standing_months,
      (select coalesce(json_agg(holding), '[]') from (
        select pod.id, pod.name, pod.kind, holder.portfolio_id as "portfolioId", holder.valid_from as "validFrom",
          holder.valid_until as "validUntil"
        from pod join dated_pod as holder on holder.pod_id = pod.id) as holding) as pods
    from organisation
  `.execute(db);
  const [facts] = rows;
  if (facts === undefined) throw new Error('the organisation has its row');
  return facts;
}
