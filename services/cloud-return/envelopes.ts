/**
 * What was approved for the quarter against what was spent: envelopes of exactly the quarter as `outturn envelopes` gives them, and pods' as
 * their value report has them.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type ListedEnvelope, listEnvelopes } from '../envelopes/list-envelopes.ts';
import { compare, type Decimal, ratio, sum, ZERO } from '../kernel/decimal.ts';
import type { Period } from '../kernel/period.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';

export type ScopeEnvelope = Pick<
  ListedEnvelope,
  | 'envelopeId'
  | 'scope'
  | 'limit'
  | 'actual'
  | 'used'
  | 'currency'
  | 'counts'
  | 'state'
  | 'approvedBy'
  | 'approvedForPods'
  | 'headroom'
>;

/** What the quarter's cost is held against. */
export interface Scope {
  /** pods: the envelopes of pods together, where the organisation has none of its own. */
  readonly of: 'organisation' | 'pods';
  /** Of pods: how many of them have one. */
  readonly pods: number | null;
  /** Of pods: how many have one in another currency, which is not added to these. */
  readonly podsOtherwise: number | null;
  readonly limit: Decimal;
  readonly actual: Decimal;
  /** actual ÷ limit, to 4 decimals. */
  readonly used: string | null;
}

/** Envelopes of the organisation, portfolios and the unattributed for exactly this period. */
export async function readScopeEnvelopes(db: Kysely<DB>, period: Period, at: Date): Promise<ScopeEnvelope[]> {
  const listed = await listEnvelopes(db, { at, period });
  return listed.flatMap((one) => (one.envelopeId === null || one.scope.kind === 'pod' ? [] : [withoutDetails(one)]));
}

function withoutDetails(envelope: ListedEnvelope): ScopeEnvelope {
  const { envelopeId, scope, limit, actual, used, currency, counts, state, approvedBy, approvedForPods, headroom } =
    envelope;
  return { envelopeId, scope, limit, actual, used, currency, counts, state, approvedBy, approvedForPods, headroom };
}

/** The organisation's envelope, else those of its pods together, in the report's currency; null where there is neither. */
export function approvedOf(report: ValuePerPod, scopes: readonly ScopeEnvelope[]): Scope | null {
  const whole = scopes.find((one) => one.scope.kind === 'organisation' && one.currency === report.currency);
  if (whole !== undefined && whole.limit !== null && whole.actual !== null) {
    return {
      of: 'organisation',
      pods: null,
      podsOtherwise: null,
      limit: whole.limit,
      actual: whole.actual,
      used: whole.used,
    };
  }
  const ofPods = report.pods.flatMap(({ envelope }) =>
    envelope === null || envelope.actual === null || envelope.currency !== report.currency
      ? []
      : [{ limit: envelope.limit, actual: envelope.actual }],
  );
  if (ofPods.length === 0) return null;
  const otherwise = report.pods.filter(({ envelope }) => envelope !== null && envelope.currency !== report.currency);
  const [limit, actual] = [sum(ofPods.map((one) => one.limit)), sum(ofPods.map((one) => one.actual))];
  return {
    of: 'pods',
    pods: ofPods.length,
    podsOtherwise: otherwise.length,
    limit,
    actual,
    used: compare(limit, ZERO) === 0 ? null : ratio(actual, limit),
  };
}

/** Pods that cost something and have no envelope of the quarter. */
export function podsWithoutEnvelope(report: ValuePerPod): string[] {
  return report.pods
    .filter(({ envelope, cost }) => envelope === null && compare(cost.total, ZERO) > 0)
    .map(({ podId }) => podId);
}
