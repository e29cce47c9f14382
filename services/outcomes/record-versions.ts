/**
 * The history of outcomes: each act writes the whole record as it stands then, from the tables themselves, so that a version says
 * everything that decides what counts. Money is text in there. services/replay/known-facts.ts puts the tables together again from it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import { refreshOutcomeValue } from './sums/outcome-months.ts';

/** What a version is about. */
export type OutcomeActName =
  | 'stated'
  | 'claimed'
  | 'review-started'
  | 'verified'
  | 'rejected'
  | 'retracted'
  | 'superseded'
  | 'agreed'
  | 'duplicate-answered';

/**
 * Appends the current record of each outcome, whose version was raised before, and brings the sums of value up to date with it. `at` is later by what
 * `lockOutcomes` waited.
 */
export async function recordVersions(
  trx: Transaction<DB>,
  options: {
    acts: readonly { readonly outcomeId: string; readonly act: OutcomeActName }[];
    reason: string | null;
    principal: Principal;
    at: Date;
  },
): Promise<void> {
  const { acts, reason, principal, at } = options;
  await sql`
    insert into outcome_version (outcome_id, version, state, act, reason, at, principal, content)
    select outcome.id, version, state, acted.act, ${reason}::text,
      ${at.toISOString()}::timestamptz + make_interval(secs => coalesce(nullif(current_setting('outturn.waited_ms', true), ''), '0')::int / 1000.0),
      ${principal.id}, jsonb_build_object(
      'title', title, 'outcomeType', outcome_type, 'unit', unit, 'quantity', trim_scale(quantity)::text, 'basis', basis,
      'grossOrMargin', gross_or_margin, 'amount', trim_scale(amount)::text, 'amountLow', trim_scale(amount_low)::text,
      'amountHigh', trim_scale(amount_high)::text, 'currency', currency, 'deliveredOn', delivered_on, 'ownerEmail', owner_email,
      'baseline', baseline, 'baselineMeasure', case when baseline_value is not null then jsonb_build_object(
        'value', trim_scale(baseline_value)::text, 'from', baseline_from, 'until', baseline_until, 'source', baseline_source,
        'method', baseline_method) end,
      'isOwnBillBaseline', is_own_bill_baseline, 'evidenceUrl', evidence_url, 'effect', effect,
      'confidence', case when confidence is not null then jsonb_build_object('grade', confidence, 'reason', confidence_reason) end,
      'poolId', pool_id, 'reviewDueOn', review_due_on, 'claimedBy', claimed_by, 'claimedAt', claimed_at, 'verifiedBy', verified_by,
      'verifiedAt', verified_at, 'stateReason', state_reason, 'supersededBy', superseded_by::text,
      'contentDigest', content_digest, 'shares', (
        select coalesce(jsonb_agg(jsonb_build_object('podId', pod_id, 'basisPoints', basis_points, 'agreedBy', agreed_by,
          'agreedAt', agreed_at) order by pod_id), '[]') from outcome_share where outcome_id = outcome.id),
      'schedule', (
        select coalesce(jsonb_agg(jsonb_build_object('from', recognised_from, 'until', recognised_until,
          'amount', trim_scale(scheduled.amount)::text, 'verdict', verdict, 'verifiedAmount', trim_scale(verified_amount)::text)
          order by ordinal), '[]') from outcome_schedule as scheduled where outcome_id = outcome.id),
      'references', (
        select coalesce(jsonb_agg(jsonb_build_object('system', system, 'key', key, 'url', url) order by system, key), '[]')
        from outcome_reference where outcome_id = outcome.id),
      'enabledBy', (
        select coalesce(jsonb_agg(pod_id order by pod_id), '[]') from outcome_enabler where outcome_id = outcome.id))
    from outcome join jsonb_to_recordset(${JSON.stringify(acts)}::jsonb) as acted ("outcomeId" bigint, act text)
      on acted."outcomeId" = outcome.id
  `.execute(trx);
  await refreshOutcomeValue(
    trx,
    acts.map(({ outcomeId }) => outcomeId),
  );
}
