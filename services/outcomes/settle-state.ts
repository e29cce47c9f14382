/**
 * Whether a statement may ask for the verification of its outcome: finance says so, by a named person who neither owns or states the
 * outcome nor belongs to a pod that receives or states it. Where not, it lands as a claim, and a note says why. What else gates a
 * verification is looked at where it is written: save-outcomes.ts.
 */
import type { CheckedOutcome, OutcomeContext } from './checked-outcome.ts';
import { isSamePerson } from './outcome.ts';
import type { RawOutcome } from './raw-outcome.ts';
import { dependenceOf } from './verification-gates.ts';

/** Verified only where finance says so by somebody independent; else claimed, with the reason. */
export function settleState(
  raw: RawOutcome,
  context: OutcomeContext,
): Pick<CheckedOutcome, 'state' | 'verifiedBy' | 'notes'> {
  if (raw.state !== 'verified') {
    const isRiskWithoutRange = raw.basis === 'risk_reduced' && raw.amount !== '' && raw.amountLow === '';
    const notes = isRiskWithoutRange ? ['a reduced risk without a range: give one before it is verified'] : [];
    return { state: 'claimed', verifiedBy: null, notes };
  }
  const obstacle = obstacleToVerification(raw, context);
  if (obstacle === null) return { state: 'verified', verifiedBy: raw.verifiedBy, notes: [] };
  return { state: 'claimed', verifiedBy: null, notes: [`lands as claimed: ${obstacle}`] };
}

/**
 * Who agreed to which share. What finance states it settles; anybody else speaks for pods of their own, by naming themselves. A pod alone
 * need not be asked.
 */
export function settleShares(
  raw: RawOutcome,
  { principal, pods }: OutcomeContext,
): Pick<CheckedOutcome, 'agreements' | 'notes'> {
  if (raw.shares.length < 2) return { agreements: [], notes: [] };
  const notes: string[] = [];
  const agreements = raw.shares.flatMap(({ pod, agreedBy }) => {
    if (principal.role === 'finance') return [{ podId: pod, agreedBy: agreedBy === '' ? principal.id : agreedBy }];
    const isOwn = principal.pods.includes(pod) || isSamePerson(principal.id, pods.get(pod)?.ownerEmail ?? '');
    if (agreedBy === '' && !principal.pods.includes(pod)) return [];
    if (isOwn && (agreedBy === '' || isSamePerson(agreedBy, principal.id)))
      return [{ podId: pod, agreedBy: principal.id }];
    notes.push(
      `${principal.id} cannot say that ${agreedBy} agreed to the share of pod "${pod}"; its owner agrees, or finance settles it`,
    );
    return [];
  });
  return { agreements, notes };
}

function obstacleToVerification(raw: RawOutcome, context: OutcomeContext): string | null {
  const { principal, podsOf } = context;
  if (principal.role !== 'finance') return `verified needs the role finance, not ${principal.role}`;
  if (raw.verifiedBy === '') return 'verified needs the name of who verified it';
  const dependence = dependenceOf(raw.verifiedBy, {
    ownerEmail: raw.ownerEmail,
    claimedBy: [principal.id],
    pods: [...raw.shares.map((share) => share.pod), ...principal.pods],
    podsOf,
  });
  return dependence === null ? null : `${dependence}; somebody else of role finance does`;
}
