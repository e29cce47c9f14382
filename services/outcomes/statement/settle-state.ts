/**
 * Whether a statement may ask for the verification of its outcome, and whose agreement it brings. Whoever sends it speaks for themselves:
 * a name in it is nobody's verification and nobody's agreement. Where it has no right to what it asks, it lands as a claim, and a note
 * says why. That it verifies only what somebody else recorded is known once that is read (plan-outcomes.ts); what else gates a
 * verification is looked at where it is written (save-outcomes.ts).
 */
import type { CheckedOutcome, OutcomeContext } from './checked-outcome.ts';
import { isSamePerson } from '../outcome.ts';
import type { RawOutcome } from './raw-outcome.ts';
import { dependenceOf } from '../gates/verification-gates.ts';

/** Verified only where finance says so in person and is independent; else claimed, with the reason. */
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
  if (obstacle === null) return { state: 'verified', verifiedBy: context.principal.id, notes: [] };
  return { state: 'claimed', verifiedBy: null, notes: [`lands as claimed: ${obstacle}`] };
}

/**
 * Who agreed to which share: whoever states it. What finance states it settles; anybody else speaks for pods of their own, by naming
 * themselves. Another name is said to count for nothing. A pod alone need not be asked.
 */
export function settleShares(
  raw: RawOutcome,
  { principal, pods }: OutcomeContext,
): Pick<CheckedOutcome, 'agreements' | 'notes'> {
  if (raw.shares.length < 2) return { agreements: [], notes: [] };
  const notes: string[] = [];
  const agreements = raw.shares.flatMap(({ pod, agreedBy }) => {
    const isFinance = principal.role === 'finance';
    if (isFinance && agreedBy !== '' && !isSamePerson(agreedBy, principal.id))
      notes.push(
        `that ${agreedBy} agreed to the share of pod "${pod}" is the word of ${principal.id}, who settles it; ${agreedBy} agrees in person`,
      );
    if (isFinance) return [{ podId: pod, agreedBy: principal.id }];
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
  if (raw.verifiedBy !== '' && !isSamePerson(raw.verifiedBy, principal.id))
    return `the name ${raw.verifiedBy} verifies nothing; whoever it is does so with a token of their own`;
  const dependence = dependenceOf(principal.id, {
    ownerEmail: raw.ownerEmail,
    claimedBy: [],
    pods: [...raw.shares.map((share) => share.pod), ...principal.pods],
    podsOf,
  });
  return dependence === null ? null : `${dependence}; somebody else of role finance does`;
}
