/** How the quarter is spoken of: a ratio never without its coverage, "n/a" and "not assessed" in place of a nought that nobody measured. */
import { formatDay } from '../alerts/format-figures.ts';
import { compare, decimal, isZero, multiply, roundForPresentation, ZERO } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { CostStep } from './cost-bridge.ts';
import { withThousands } from './pages/page-table.ts';
import type { ScopeEnvelope } from './envelopes.ts';
import { isEmpty } from './quarter.ts';
import type { CloudReturn } from './shape.ts';
import type { ValueStep } from './value-bridge.ts';

const ONE = decimal('1');
const HUNDRED = decimal('100');

/** What each step of a bridge is called where people read it. */
export const STEP_NAMES: Readonly<Record<CostStep | ValueStep, string>> = {
  restatement: 'Restatement',
  usage: 'Usage',
  rate: 'Rate',
  uncounted: 'Charges without a quantity',
  new: 'Newly bought',
  ended: 'No longer bought',
  commitments: 'Commitments and credits',
  rules: 'Rule changes',
  fx: 'Exchange rates',
  'newly-verified': 'Newly verified',
  schedule: 'Schedules running on or off',
  rejected: 'Rejected, or verified in part',
  'claimed-again': 'Back to claimed',
  retracted: 'Retracted',
  superseded: 'Superseded',
  restated: 'Restated',
  're-attributed': 'Re-attribution',
};

/** `2.3×`, two decimals below one; `n/a` for null. */
export function asTimes(ratio: string | null): string {
  if (ratio === null) return 'n/a';
  const places = compare(decimal(ratio), ONE) >= 0 ? 1 : 2;
  return `${roundForPresentation(decimal(ratio), places)}×`;
}

/** `portfolio commerce`, `organisation`. */
export function scopeName({ kind, id }: ScopeEnvelope['scope']): string {
  return kind === 'portfolio' ? `portfolio ${id ?? ''}` : kind;
}

/** With a capital and a full stop. */
export function sentence(words: string): string {
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}.`;
}

/** `+6.1 %`; `n/a` for null. */
export function asChange(ratio: string | null): string {
  if (ratio === null) return 'n/a';
  const points = roundForPresentation(multiply(decimal(ratio), HUNDRED), 1);
  return `${compare(decimal(points), ZERO) > 0 ? '+' : ''}${withThousands(points)} %`;
}

/** `Cloud return of Larkfield, 2026-Q3`; before an organisation file was applied nobody has a name. */
export function titleOf({ organisation, quarter }: Pick<CloudReturn, 'organisation' | 'quarter'>): string {
  return `Cloud return${organisation === '' ? '' : ` of ${organisation}`}, ${quarter.id}`;
}

/** What the quarter is as yet: closed by which statement, or how much of it is there. */
export function standingOf(
  found: Pick<CloudReturn, 'state' | 'statementId' | 'days' | 'quarter' | 'billingOpenUntil'>,
): string {
  const { state, statementId, days, quarter, billingOpenUntil } = found;
  if (state === 'closed') return statementId === null ? 'closed, month by month' : `closed, statement ${statementId}`;
  const reach =
    days.counted === days.all
      ? 'all days complete'
      : `${days.counted} of ${days.all} days, through ${quarter.through ?? 'n/a'}`;
  const estimate = billingOpenUntil === null ? '' : `; estimated, billing open until ${billingOpenUntil.slice(0, 10)}`;
  return `${state === 'mixed' ? 'closed in part' : 'open'}, ${reach}${estimate}`;
}

/** Whether there is something to show: a day that is complete, and a bill or an outcome. */
export function hasFigures(found: Pick<CloudReturn, 'days' | 'pods' | 'summary'>): boolean {
  return found.days.counted > 0 && !isEmpty({ pods: found.pods, total: found.summary.figures });
}

/** `2026-Q2`, or `2026-Q2 to 21 May` where a part of it is meant. */
export function partOf(period: string, through: IsoDate | null | undefined): string {
  return through === null || through === undefined ? period : `${period} to ${formatDay(through)}`;
}

/** The asked quarter, as far as it goes. */
export function soFar({ quarter, days }: Pick<CloudReturn, 'quarter' | 'days'>): string {
  return partOf(quarter.id, days.counted === days.all ? null : quarter.through);
}

/** Whether some outcome counts in the quarter, with money or without. */
export function hasOutcomes({ pods, summary: { figures } }: Pick<CloudReturn, 'pods' | 'summary'>): boolean {
  return (
    pods.some(({ value }) => value.verifiedOutcomes + value.claimedOutcomes > 0) ||
    !isZero(figures.verified) ||
    !isZero(figures.claimed)
  );
}

/** `47 days`; null where nothing is claimed, or nothing before today. */
export function ageOfOldestClaim({ outcomes }: Pick<CloudReturn, 'outcomes'>): string | null {
  const days = outcomes?.claims.oldestDays ?? 0;
  return days === 0 ? null : `${days} ${days === 1 ? 'day' : 'days'}`;
}

/** Names differ in their ends as well as in their beginnings. */
export function cutMiddle(text: string, width: number): string {
  const letters = Array.from(text);
  if (letters.length <= width) return text;
  const ending = Math.floor((width - 1) / 2);
  return `${letters.slice(0, width - 1 - ending).join('')}…${letters.slice(-ending).join('')}`;
}
