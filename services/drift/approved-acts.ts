/**
 * What a pod's present cost was last approved by: its activation, an envelope whose limit a person set or changed, or finance's acceptance of
 * its drift. Renewing the same limit for the next period approves nothing new, or a drift would begin again with every month.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { type IsoDate, utcDate } from '../kernel/period.ts';

/** The newest act of a pod, and how its cost is measured since: as its envelope counts it. */
export interface ApprovedAct {
  readonly podId: string;
  readonly act: 'activation' | 'envelope' | 'accepted';
  readonly actOn: IsoDate;
  readonly approvedBy: string | null;
  readonly counts: 'controlled' | 'loaded';
  readonly costMetric: CostMetric;
  readonly currency: string;
  /** Of these days under the rulebook in force; null before they are there. */
  readonly baseline: { readonly baselineId: string; readonly perWeek: string } | null;
}

/** Of every pod in use that has one, by pod. */
export async function readApprovedActs(db: Kysely<DB>, at: Date): Promise<ApprovedAct[]> {
  const today = utcDate(at);
  const { rows } = await sql<ActRow>`
    with version as (
      select envelope.scope_id as pod_id, envelope.counts, version.cost_metric, version.currency, version.approved_by,
        version.created_at,
        case when version.version > 1 and version.approved_on <= lag(version.approved_on) over former
          then (version.created_at at time zone 'UTC')::date else version.approved_on end as act_on,
        (version.envelope_limit, version.currency, version.cost_metric) is distinct from
          (lag(version.envelope_limit) over former, lag(version.currency) over former, lag(version.cost_metric) over former) as is_new
      from envelope join envelope_version as version on version.envelope_id = envelope.id
      where envelope.scope_kind = 'pod' and envelope.withdrawn_at is null
      -- Months follow months, quarters quarters.
      window former as (partition by envelope.scope_id, envelope.counts, round((envelope.period_end - envelope.period_start) / 30.0)
        order by envelope.period_start, envelope.period_end, version.version)
    ),
    act as (
      select activation.pod_id, 'activation' as act, activation.activated_on as act_on,
        array_to_string(pattern.approved_by, ', ') as approved_by, activation.created_at, null as counts, null as cost_metric, null as currency
      from activation join pattern on pattern.id = activation.pattern_id where activation.removed_at is null
      union all
      select pod_id, 'envelope', act_on, approved_by, created_at, counts, cost_metric, currency
      from version where is_new and approved_by is not null
      union all
      select pod_id, 'accepted', accepted_on, accepted_by, created_at, null, null, null from drift_acceptance
    ),
    standing as (
      select distinct on (pod_id) pod_id, counts, cost_metric, currency from version order by pod_id, counts, created_at desc
    ),
    newest as (
      select distinct on (pod_id) * from act where act_on <= ${today}::date order by pod_id, act_on desc, created_at desc
    )
    select newest.pod_id, newest.act, newest.act_on, newest.approved_by, measure.counts, measure.cost_metric, measure.currency,
      baseline.id as baseline_id, baseline.per_week
    from newest
    join pod on pod.id = newest.pod_id and pod.removed_at is null and (pod.active_until is null or pod.active_until > ${today}::date)
    cross join organisation
    left join standing on standing.pod_id = newest.pod_id
    cross join lateral (
      select coalesce(newest.counts, standing.counts, 'controlled') as counts,
        coalesce(newest.cost_metric, standing.cost_metric, organisation.cost_metric) as cost_metric,
        coalesce(newest.currency, standing.currency, organisation.reporting_currency) as currency
    ) as measure
    left join drift_baseline as baseline on baseline.pod_id = newest.pod_id and baseline.act_on = newest.act_on
      and baseline.counts = measure.counts and baseline.cost_metric = measure.cost_metric
      and baseline.currency = measure.currency and baseline.rulebook_id = organisation.rulebook_id
    order by newest.pod_id
  `.execute(db);
  return rows.map((row) => ({
    podId: row.pod_id,
    act: row.act,
    actOn: row.act_on,
    approvedBy: row.approved_by,
    counts: row.counts,
    costMetric: row.cost_metric,
    currency: row.currency,
    baseline:
      row.baseline_id === null || row.per_week === null ? null : { baselineId: row.baseline_id, perWeek: row.per_week },
  }));
}

interface ActRow {
  pod_id: string;
  act: ApprovedAct['act'];
  act_on: IsoDate;
  approved_by: string | null;
  counts: ApprovedAct['counts'];
  cost_metric: CostMetric;
  currency: string;
  baseline_id: string | null;
  per_week: string | null;
}
