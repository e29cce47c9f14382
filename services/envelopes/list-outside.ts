/**
 * Spend outside any envelope, because a gap in what was approved is worth seeing too: pods with cost and no envelope of their own, and the
 * unattributed where it has none. A portfolio's envelope covers none of its pods: it is what theirs are drawn from.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { type IsoDate, type Period, utcDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { metricColumn } from './envelope-figures.ts';

export interface SpendOutside {
  readonly scope: EnvelopeScope;
  readonly period: string;
  readonly periodStart: IsoDate;
  readonly periodEnd: IsoDate;
  /** A pod's direct cost and the shared cost it owns; of the unattributed all of it. */
  readonly spent: readonly { readonly billingCurrency: string; readonly cost: Decimal }[];
}

/**
 * Of `period`, else of the month of the latest charge up to `at`: the bill may lag or have stopped, and a month that has not begun is nobody's
 * gap. Pods by id, then the unattributed.
 */
export async function readSpendOutside(
  db: Kysely<DB>,
  options: { at: Date; period?: Period },
): Promise<SpendOutside[]> {
  const { at, period } = options;
  const { rows } = await sql<OutsideRow>`
    with latest as (
      select date_trunc('month', max(charge_date))::date as month from pod_day where charge_date <= ${utcDate(at)}::date
    ),
    span as (
      select coalesce(${period?.id ?? null}::text, to_char(month, 'YYYY-MM')) as period_id,
        coalesce(${period?.start ?? null}::date, month) as period_start,
        coalesce(${period?.end ?? null}::date, (month + interval '1 month')::date) as period_end
      from latest
    ),
    by_currency as (
      select pod_day.pod_id, span.period_id, span.period_start, span.period_end, pod_day.billing_currency,
        bool_or(pod_day.kind in ('direct', 'shared')) as is_charged,
        coalesce(sum(${metricColumn('pod_day', sql`organisation.cost_metric`)}) filter (
          where pod_day.kind = 'direct' or pod_day.kind = case when pod_day.pod_id is null then 'shared' else 'owned' end), 0) as cost
      from span
      join pod_day on pod_day.charge_date >= span.period_start and pod_day.charge_date < span.period_end
      cross join organisation
      where not exists (
        select 1 from envelope
        where envelope.scope_kind = case when pod_day.pod_id is null then 'unattributed' else 'pod' end
          and envelope.scope_id is not distinct from pod_day.pod_id and envelope.withdrawn_at is null
          and envelope.period_start < span.period_end and envelope.period_end > span.period_start)
      group by 1, 2, 3, 4, 5
    )
    select pod_id, period_id, period_start, period_end,
      coalesce(jsonb_agg(jsonb_build_object('billingCurrency', billing_currency, 'cost', trim_scale(cost)::text)
        order by billing_currency) filter (where cost <> 0), '[]') as spent
    from by_currency
    group by 1, 2, 3, 4
    having bool_or(is_charged) and (pod_id is not null or bool_or(cost <> 0))
    order by pod_id collate "C" nulls last
  `.execute(db);
  return rows.map((row) => ({
    scope: row.pod_id === null ? { kind: 'unattributed', id: null } : { kind: 'pod', id: row.pod_id },
    period: row.period_id,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    spent: row.spent,
  }));
}

interface OutsideRow {
  pod_id: string | null;
  period_id: string;
  period_start: IsoDate;
  period_end: IsoDate;
  spent: { billingCurrency: string; cost: Decimal }[];
}
