/**
 * The chain of statements: each approval is hashed together with the one before, so that a statement that was changed, taken out or put
 * in later shows. The document is hashed as the text that was frozen.
 */
import { createHash } from 'node:crypto';

/** Everything the hash of an approval covers. Instants are RFC 3339. */
export interface Approval {
  readonly previousHash: string;
  readonly ordinal: number;
  readonly statementId: number;
  readonly kind: string;
  readonly periodId: string;
  readonly supersedesId: number | null;
  readonly reissueReason: string | null;
  readonly forcedReason: string | null;
  readonly documentHash: string;
  readonly preparedBy: string;
  readonly preparedAt: string;
  readonly approvedBy: string;
  readonly approvedAt: string;
}

/** What the first statement has in place of a hash before it. */
export const CHAIN_START = '0'.repeat(64);

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** SHA-256 over the facts of an approval, one per line, each as JSON so that no text can look like another's line. */
export function hashOfApproval(approval: Approval): string {
  const facts = [
    approval.previousHash,
    approval.ordinal,
    approval.statementId,
    approval.kind,
    approval.periodId,
    approval.supersedesId,
    approval.reissueReason,
    approval.forcedReason,
    approval.documentHash,
    approval.preparedBy,
    approval.preparedAt,
    approval.approvedBy,
    approval.approvedAt,
  ];
  return hashOf(facts.map((fact) => JSON.stringify(fact)).join('\n'));
}
