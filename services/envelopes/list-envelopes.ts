/**
 * Envelopes as other people's scripts read them, from their last evaluation; and the pods that spend without one, because a gap
 * in what was approved is worth seeing too.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { compare, type Decimal, decimal, ratio } from '../kernel/decimal.ts';
import { type IsoDate, type Period, utcDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { toScope } from './envelope-versions.ts';

const ONE = decimal('1');

export interface ListedEnvelope {
  /** Null for a pod that spends in the current month without an envelope; its other figures are null too. */
  readonly envelopeId: string | null;
  readonly scope: EnvelopeScope;
  readonly period: string;
  readonly periodStart: IsoDate;
  readonly periodEnd: IsoDate;
  readonly version: number | null;
  readonly limit: Decimal | null;
  readonly currency: string | null;
  readonly costMetric: CostMetric | null;
  readonly counts: 'controlled' | 'loaded' | null;
  /** Null where it was never evaluated: see `held`. */
  readonly actual: Decimal | null;
  /** actual ÷ limit, four decimals. */
  readonly used: string | null;
  readonly rung: Decimal | null;
  readonly state: 'ok' | 'near' | 'over' | 'none';
  readonly method: 'granted' | 'asserted' | null;
  readonly approvedBy: string | null;
  readonly approval: string | null;
  readonly patterns: readonly string[];
  readonly dataAsOf: string | null;
  /** Why the figures wait, in a sentence; null where they are of the last evaluation. */
  readonly held: string | null;
}

/**
 * Envelopes by scope and period, those of one period where `period` names exactly it; then the pods with cost and no envelope
 * whose period meets the month of the latest charge up to `at` (or `period`).
 */
export async function listEnvelopes(db: Kysely<DB>, options: { at: Date; period?: Period }): Promise<ListedEnvelope[]> {
  return [...(await listApproved(db, options.period)), ...(await readPodsWithout(db, options))];
}

/** near: the highest rung below 1 has spoken; over: one at 1 or above has. */
export function levelOf(rung: Decimal | null): 'ok' | 'near' | 'over' {
  if (rung === null) return 'ok';
  return compare(rung, ONE) >= 0 ? 'over' : 'near';
}

/** The envelopes alone, without the pods that have none. */
export async function listApproved(db: Kysely<DB>, period?: Period): Promise<ListedEnvelope[]> {
  const { rows } = await sql<ListedRow>`
    select envelope.id, scope_kind, scope_id, period_id, period_start, period_end, counts, version.version,
      trim_scale(version.envelope_limit) as envelope_limit, version.currency, version.cost_metric, version.method,
      version.approved_by, version.approval, version.pattern_ids, trim_scale(state.actual) as actual, state.rung, state.data_as_of,
      state.held_reason
    from envelope
    join lateral (
      select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
    ) as version on true
    left join envelope_state as state on state.envelope_id = envelope.id
    where envelope.withdrawn_at is null
      and (${period?.start ?? null}::date is null
        or period_start = ${period?.start ?? null}::date and period_end = ${period?.end ?? null}::date)
    order by scope_kind, scope_id collate "C", period_start, period_end, counts
  `.execute(db);
  return rows.map((row) => ({
    envelopeId: row.id,
    scope: toScope(row.scope_kind, row.scope_id),
    period: row.period_id,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    version: row.version,
    limit: row.envelope_limit,
    currency: row.currency,
    costMetric: row.cost_metric,
    counts: row.counts,
    actual: row.actual,
    used: row.actual === null ? null : ratio(row.actual, row.envelope_limit),
    rung: row.rung,
    state: levelOf(row.rung),
    method: row.method,
    approvedBy: row.approved_by,
    approval: row.approval,
    patterns: row.pattern_ids,
    dataAsOf: row.data_as_of?.toISOString() ?? null,
    held: row.held_reason,
  }));
}

interface ListedRow {
  id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  period_start: IsoDate;
  period_end: IsoDate;
  counts: 'controlled' | 'loaded';
  version: number;
  envelope_limit: Decimal;
  currency: string;
  cost_metric: CostMetric;
  method: 'granted' | 'asserted';
  approved_by: string | null;
  approval: string | null;
  pattern_ids: string[];
  actual: Decimal | null;
  rung: Decimal | null;
  data_as_of: Date | null;
  held_reason: string | null;
}

/** The current month is the latest charge's, for a bill that lags or stopped; never one that has not begun. */
async function readPodsWithout(db: Kysely<DB>, options: { at: Date; period?: Period }): Promise<ListedEnvelope[]> {
  const { at, period } = options;
  const { rows } = await sql<{ pod_id: string; period_id: string; period_start: IsoDate; period_end: IsoDate }>`
    with latest as (
      select date_trunc('month', max(charge_date))::date as month from pod_day where charge_date <= ${utcDate(at)}::date
    ),
    span as (
      select coalesce(${period?.id ?? null}::text, to_char(month, 'YYYY-MM')) as period_id,
        coalesce(${period?.start ?? null}::date, month) as period_start,
        coalesce(${period?.end ?? null}::date, (month + interval '1 month')::date) as period_end
      from latest
    )
    select pod_day.pod_id, span.period_id, span.period_start, span.period_end
    from span
    join pod_day on pod_day.charge_date >= span.period_start and pod_day.charge_date < span.period_end
    where pod_day.pod_id is not null and pod_day.kind in ('direct', 'shared') and not exists (
      select 1 from envelope
      where envelope.scope_kind = 'pod' and envelope.scope_id = pod_day.pod_id and envelope.withdrawn_at is null
        and envelope.period_start < span.period_end and envelope.period_end > span.period_start)
    group by 1, 2, 3, 4
    order by pod_day.pod_id collate "C"
  `.execute(db);
  return rows.map((row) => ({
    envelopeId: null,
    scope: { kind: 'pod', id: row.pod_id },
    period: row.period_id,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    version: null,
    limit: null,
    currency: null,
    costMetric: null,
    counts: null,
    actual: null,
    used: null,
    rung: null,
    state: 'none',
    method: null,
    approvedBy: null,
    approval: null,
    patterns: [],
    dataAsOf: null,
    held: null,
  }));
}
