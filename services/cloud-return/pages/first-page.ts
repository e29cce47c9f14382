/** The first page's lists in words: pods, decisions asked, and what owners say. */
import type { Decision, DecisionKind } from '../decisions.ts';
import type { CloudReturn, NamedPod } from '../shape.ts';
import { asFigure, asReturn, placesFor, withThousands } from './page-table.ts';

const DECISION_NAMES: Readonly<Record<DecisionKind, readonly [one: string, several: string]>> = {
  'held-alert': ['alert is held until finance has looked at it', 'alerts are held until finance has looked at them'],
  'raise-request': ['raise is asked for', 'raises are asked for'],
  'missing-rate': ['figure waits for an exchange rate', 'figures wait for an exchange rate'],
  'beyond-headroom': [
    'portfolio has approved more than its envelope',
    'portfolios have approved more than their envelopes',
  ],
  'possible-duplicate': ['pair of outcomes may be one', 'pairs of outcomes may be one each'],
  'broken-evidence': [
    'verified outcome has evidence that does not hold any more',
    'verified outcomes have evidence that does not hold any more',
  ],
  'old-claim': ['claim is older than 90 days and not verified', 'claims are older than 90 days and not verified'],
};

/** `3 raises are asked for, 12,000 USD`. */
export function decisionLine({ kind, count, amounts }: Decision, places: number): string {
  const [one, several] = DECISION_NAMES[kind];
  const stake = amounts.map(({ amount, currency }) => `${asFigure(amount, places)} ${currency}`).join(' and ');
  return `${withThousands(String(count))} ${count === 1 ? one : several}${stake === '' ? '' : `: ${stake}`}`;
}

/** Name, what it cost, and what it returned or, without a return, what harm is verified or what is claimed. */
export function podLine(pod: NamedPod, found: CloudReturn): [name: string, cost: string, result: string] {
  const places = placesFor(found.summary.figures.cost);
  const claimed = pod.claimed === '0' ? 'nothing' : asFigure(pod.claimed, places);
  const result = pod.harm === undefined ? claimed : `harm of ${asFigure(pod.harm, places)}`;
  return [
    pod.name,
    asFigure(pod.cost, places),
    pod.return === null || pod.harm !== undefined ? result : asReturn(pod.return),
  ];
}

/** Of the column that says what pods without verified value have instead. */
export function insteadOfReturn(pods: readonly NamedPod[]): string {
  return pods.some(({ harm }) => harm !== undefined) ? 'claimed or harm' : 'claimed';
}

/** What is said of the quarter and of pods; of a pod whose owner says nothing, that. */
export function commentLines({ summary }: CloudReturn): { pod: string; text: string; by: string }[] {
  return summary.comments.flatMap(({ podId, podName, owner, notes }) => {
    const pod = podId === null ? 'The quarter' : (podName ?? podId);
    const said = notes.map(({ text, signedBy, signedAt }) => ({
      pod,
      text,
      by: `${signedBy}, ${signedAt.slice(0, 10)}`,
    }));
    const isOwnersAmong = podId === null || notes.some(({ signedBy }) => signedBy === owner);
    return isOwnersAmong ? said : [...said, { pod, text: 'no comment by the owner', by: owner ?? 'no owner' }];
  });
}
