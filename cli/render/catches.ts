/** What a proposed file would catch, for the terminal: money, lines and share per rule, then what stays unattributed. */
import type { Catch, Proposal } from '../../services/organisation/propose-organisation.ts';
import { textTable } from './text-table.ts';

export function renderCatches(proposal: Proposal): string {
  const row = (name: string, found: Catch) => [
    name,
    found.billingCurrency,
    found.effectiveCost,
    String(found.lines),
    found.share,
  ];
  return textTable(
    ['rule', 'currency', 'EffectiveCost', 'lines', 'share'],
    [
      ...proposal.catches.map((found) => row(found.ruleId, found)),
      ...proposal.unattributed.map((found) => row('(unattributed)', found)),
    ],
    [2, 3, 4],
  );
}
