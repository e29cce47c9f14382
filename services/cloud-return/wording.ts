/**
 * The quarter in sentences: a ratio never without its coverage, an open quarter never without saying so, "n/a" and "not assessed" in place of
 * a nought that nobody measured.
 */
import { formatDay, formatMoney } from '../alerts/format-figures.ts';
import {
  absolute,
  compare,
  type Decimal,
  decimal,
  isZero,
  multiply,
  roundForPresentation,
  ZERO,
} from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Bridge } from './bridge.ts';
import type { CostStep } from './cost-bridge.ts';
import { asPercent, withThousands } from './pages/page-table.ts';
import { isEmpty } from './quarter.ts';
import type { CloudReturn, ComparedQuarter } from './shape.ts';
import type { ValueStep } from './value-bridge.ts';

const ONE = decimal('1');
const HUNDRED = decimal('100');

/** What each step of a bridge is called where people read it. */
export const STEP_NAMES: Readonly<Record<CostStep | ValueStep, string>> = {
  restatement: 'Restatement',
  usage: 'Usage',
  rate: 'Rate',
  uncounted: 'Without quantities',
  new: 'New',
  ended: 'Ended',
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

/** The first page's sentences: the number, what moved it, its return with both coverages, what is unexplained. */
export function headlineOf(found: Omit<CloudReturn, 'headline'>): string[] {
  const { summary, costBridge, currency, days, quarter } = found;
  if (!hasFigures(found)) return [noFigures(found)];
  const { figures, lastQuarter, yearAgo, withoutVerifiedOutcome } = summary;
  const money = (amount: Decimal) => formatMoney(amount, currency, figures.cost);
  const isWhole = days.counted === days.all;
  const against = (one: ComparedQuarter, name: string) =>
    one.figures === null
      ? `n/a on ${name} (${one.period})`
      : `${asChange(one.costChangeRatio)} on ${name} (${partOf(one.period, one.through)})`;
  const asFar = isWhole ? '' : ` in ${days.counted} of ${days.all} days of ${quarter.id}`;
  const asMany = isWhole ? '' : 'as many days of ';
  return [
    `Cloud cost ${money(figures.cost)}${asFar}; ${against(lastQuarter, `${asMany}last quarter`)}, ${against(yearAgo, 'a year ago')}.`,
    approvedSentence(found, money),
    ...(costBridge === null ? [] : [driverSentence(costBridge, money)]),
    ...(hasOutcomes(found) ? [returnSentence(found, money)] : [firstOutcome(found)]),
    ...sinceStartSentence(found, money),
    `${money(withoutVerifiedOutcome.cost)} of the cost (${asPercent(withoutVerifiedOutcome.share)}) has no verified outcome.`,
  ];
}

function returnSentence(found: Omit<CloudReturn, 'headline'>, money: (amount: Decimal) => string): string {
  const { figures } = found.summary;
  return `Verified return ${asTimes(figures.return)} on attributed spend (${asPercent(figures.coverage.cost)} of total); pods with a verified outcome carry ${asPercent(figures.coverage.joined)} of all cost. Verified ${money(figures.verified)}, claimed and not verified ${money(figures.claimed)}${oldestClaim(found)}.`;
}

/** Whether some outcome counts in the quarter, with money or without. */
export function hasOutcomes({ pods, summary: { figures } }: Pick<CloudReturn, 'pods' | 'summary'>): boolean {
  return (
    pods.some(({ value }) => value.verifiedOutcomes + value.claimedOutcomes > 0) ||
    !isZero(figures.verified) ||
    !isZero(figures.claimed)
  );
}

/** Until there is one, cost and its coverage lead, and one step. */
function firstOutcome({ quarter, summary: { figures } }: Omit<CloudReturn, 'headline'>): string {
  return `${asPercent(figures.coverage.cost)} of the cost is attributed to pods. No outcome counts in ${quarter.id} yet, so that there is no return; the next step is to claim one.`;
}

function noFigures({ days, quarter, summary }: Omit<CloudReturn, 'headline'>): string {
  if (days.counted === 0) {
    return `No day of ${quarter.id} is complete in every bill yet, so that there is nothing to show; it began on ${quarter.start}.`;
  }
  const { sinceStart } = summary;
  const since = sinceStart === null || sinceStart === undefined ? '' : ` The first figures are of ${sinceStart.since}.`;
  return `Nothing is known of ${quarter.id}: no bill and no outcome.${since}`;
}

function oldestClaim(found: Omit<CloudReturn, 'headline'>): string {
  const age = ageOfOldestClaim(found);
  return age === null ? '' : ` (the oldest for ${age})`;
}

/** `47 days`; null where nothing is claimed, or nothing before today. */
export function ageOfOldestClaim({ outcomes }: Pick<CloudReturn, 'outcomes'>): string | null {
  const days = outcomes?.claims.oldestDays ?? 0;
  return days === 0 ? null : `${days} ${days === 1 ? 'day' : 'days'}`;
}

/** Benefit lags cost: what was returned of all that was spent stands beside the quarter's return. */
function sinceStartSentence(
  { summary: { sinceStart } }: Omit<CloudReturn, 'headline'>,
  money: (amount: Decimal) => string,
): string[] {
  if (sinceStart === null || sinceStart === undefined) return [];
  const { since, cost, verified, coverage } = sinceStart;
  if (isZero(verified)) return [];
  return [
    `Since ${since.slice(0, 7)} the verified return is ${asTimes(sinceStart.return)} on attributed spend (${asPercent(coverage.cost)} of total): ${money(verified)} verified, ${money(cost)} spent.`,
  ];
}

function approvedSentence(
  { summary: { approved } }: Omit<CloudReturn, 'headline'>,
  money: (amount: Decimal) => string,
): string {
  if (approved === null) return 'Cost against approved: not assessed; no envelope of this quarter.';
  const whose =
    approved.of === 'organisation'
      ? 'the organisation’s envelope'
      : `the envelopes of ${approved.pods} ${approved.pods === 1 ? 'pod' : 'pods'}`;
  const beside = (approved.podsOtherwise ?? 0) > 0 ? `; ${approved.podsOtherwise} in another currency beside` : '';
  return `${money(approved.actual)} of ${money(approved.limit)} approved is spent (${asPercent(approved.used)}), by ${whose}${beside}.`;
}

function driverSentence({ steps, from, through }: Bridge<CostStep>, money: (amount: Decimal) => string): string {
  const [first] = steps.toSorted((left, right) => compare(absolute(right.amount), absolute(left.amount)));
  const since = through === undefined ? `since ${from}` : `against as many days of ${from}`;
  if (first === undefined || compare(first.amount, ZERO) === 0) return `Nothing moved the cost ${since}.`;
  const driver = first.drivers[0] === undefined ? '' : `, most of it ${first.drivers[0].name}`;
  return `What moved it most ${since}: ${STEP_NAMES[first.step].toLowerCase()}, ${signed(first.amount, money)}${driver}.`;
}

function signed(amount: Decimal, money: (amount: Decimal) => string): string {
  return compare(amount, ZERO) > 0 ? `+${money(amount)}` : money(amount);
}
