/**
 * Envelopes as other people's scripts read them, from their last evaluation, with what portfolios have left; and what is spent outside any
 * (list-outside.ts).
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { compare, type Decimal, decimal, ratio } from '../kernel/decimal.ts';
import type { IsoDate, Period } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { toScope } from './envelope-versions.ts';
import { listHeadrooms } from './headroom.ts';
import { readSpendOutside, type SpendOutside } from './list-outside.ts';

const ONE = decimal('1');

export interface ListedEnvelope {
  /** Null for a pod, or the unattributed, that costs without an envelope; its other figures but `spent` are null too. */
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
  /** Of a portfolio's envelope: what is approved for its pods, in its currency, and what is left; null where a rate is missing, and of others. */
  readonly approvedForPods: Decimal | null;
  readonly headroom: Decimal | null;
  /** What is spent outside any envelope, in the organisation's cost metric by billing currency; empty where there is an envelope. */
  readonly spent: readonly { readonly billingCurrency: string; readonly cost: Decimal }[];
}

/**
 * Envelopes by scope and period, those of one period where `period` names exactly it; then pods, and the unattributed, with cost and no envelope
 * whose period meets the month of the latest charge up to `at` (or `period`).
 */
export async function listEnvelopes(db: Kysely<DB>, options: { at: Date; period?: Period }): Promise<ListedEnvelope[]> {
  const { period } = options;
  const approved = await listApproved(db, period);
  const headrooms = await listHeadrooms(db, period === undefined ? {} : { period });
  const byEnvelope = new Map(headrooms.map((headroom) => [headroom.envelopeId, headroom]));
  return [
    ...approved.map((envelope) => {
      const headroom = byEnvelope.get(envelope.envelopeId ?? '');
      return headroom === undefined
        ? envelope
        : { ...envelope, approvedForPods: headroom.approved, headroom: headroom.headroom };
    }),
    ...(await readSpendOutside(db, options)).map(withoutEnvelope),
  ];
}

function withoutEnvelope({ scope, period, periodStart, periodEnd, spent }: SpendOutside): ListedEnvelope {
  return { ...NO_ENVELOPE, scope, period, periodStart, periodEnd, spent };
}

const NO_ENVELOPE = {
  envelopeId: null,
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
  approvedForPods: null,
  headroom: null,
} as const;

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
    approvedForPods: null,
    headroom: null,
    spent: [],
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
