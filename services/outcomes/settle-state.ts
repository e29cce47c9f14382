/**
 * Whether a statement may verify its outcome: finance says so, by a named person who neither owns the outcome nor belongs to a
 * pod that receives or states it. Where not, it lands as a claim, and a note says why.
 */
import type { CheckedOutcome, OutcomeContext, RawOutcome } from './check-outcome.ts';

/** Verified only where finance says so by somebody independent; else claimed, with the reason. */
export function settleState(
  raw: RawOutcome,
  context: OutcomeContext,
): Pick<CheckedOutcome, 'state' | 'verifiedBy' | 'notes'> {
  const notes: string[] = [];
  if (raw.basis === 'risk_reduced' && raw.amount !== '' && raw.amountLow === '') {
    notes.push('a reduced risk without a range: give one through the API before it is verified');
  }
  if (raw.state !== 'verified') return { state: 'claimed', verifiedBy: null, notes };
  const obstacle = obstacleToVerification(raw, context);
  if (obstacle === null) return { state: 'verified', verifiedBy: raw.verifiedBy, notes };
  return { state: 'claimed', verifiedBy: null, notes: [...notes, `lands as claimed: ${obstacle}`] };
}

function obstacleToVerification(raw: RawOutcome, context: OutcomeContext): string | null {
  if (context.principal.role !== 'finance') return `verified needs the role finance, not ${context.principal.role}`;
  if (raw.verifiedBy === '') return 'verified needs the name of who verified it';
  if (isSamePerson(raw.verifiedBy, raw.ownerEmail)) return `${raw.verifiedBy} owns the outcome and cannot verify it`;
  const involved = [...raw.shares.map((share) => share.pod), ...context.principal.pods];
  const own = involved.find((pod) => isSamePerson(raw.verifiedBy, context.pods.get(pod)?.ownerEmail ?? ''));
  return own === undefined ? null : `${raw.verifiedBy} belongs to pod "${own}" and cannot verify its outcome`;
}

function isSamePerson(left: string, right: string): boolean {
  return left.trim().toLowerCase() === right.trim().toLowerCase();
}
