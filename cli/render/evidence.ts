/** The evidence of an outcome in the terminal. */
import type { EvidenceView } from '../../services/evidence/evidence.ts';
import { textTable } from './text-table.ts';

const HASH_SHOWN = 12;

export function renderEvidence(evidence: readonly EvidenceView[]): string {
  if (evidence.length === 0) {
    return 'There is no evidence yet. Add some with "outturn outcomes evidence add ID --link URL" or "--file FILE".';
  }
  const rows = evidence.map((one) => [
    one.evidenceId,
    one.kind,
    one.kind === 'link' ? one.uri : (one.title ?? one.uri),
    one.kind === 'link' ? (one.title ?? '') : `sha256 ${one.sha256?.slice(0, HASH_SHOWN) ?? ''}`,
    `${one.addedAt.slice(0, 10)} ${one.addedBy}`,
    standing(one),
  ]);
  return textTable(['id', 'kind', 'what', '', 'added', 'state'], rows);
}

function standing({ isBroken, brokenReason, mendedBy }: EvidenceView): string {
  if (isBroken) return `BROKEN: ${brokenReason ?? ''}`;
  return mendedBy === null ? 'holds' : `holds again, says ${mendedBy}`;
}
