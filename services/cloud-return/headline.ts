/** The quarter in sentences: the number, what was approved, what moved it, its return with both coverages, what is unexplained. */
import { formatMoney } from '../alerts/format-figures.ts';
import { absolute, compare, type Decimal, decimal, isZero, ratio, subtract, sum, ZERO } from '../kernel/decimal.ts';
import type { ValuePerPodRow } from '../reports/compose-value.ts';
import type { Bridge } from './bridge.ts';
import type { CostStep } from './cost-bridge.ts';
import { asPercent } from './pages/page-table.ts';
import type { CloudReturn, ComparedQuarter } from './shape.ts';
import {
  ageOfOldestClaim,
  asChange,
  asTimes,
  cutMiddle,
  hasFigures,
  hasOutcomes,
  partOf,
  scopeName,
  STEP_NAMES,
} from './wording.ts';

const ONE = decimal('1');
/** In one sentence. */
const NAMES_SHOWN = 3;
const NAME_LENGTH_MAX = 36;

/** The first page's sentences: the number, what moved it, its return with both coverages, what is unexplained. */
export function headlineOf(found: Omit<CloudReturn, 'headline'>): string[] {
  const { summary, costBridge, currency, days, quarter } = found;
  if (!hasFigures(found)) return [noFigures(found)];
  const { figures, lastQuarter, yearAgo } = summary;
  const money = (amount: Decimal) => formatMoney(amount, currency, figures.cost);
  const isWhole = days.counted === days.all;
  const against = (one: ComparedQuarter, name: string) =>
    one.figures === null
      ? `nothing known of ${name} (${one.period}) to compare it with`
      : `${asChange(one.costChangeRatio)} on ${name} (${partOf(one.period, one.through)})`;
  const asFar = isWhole ? '' : ` in ${days.counted} of ${days.all} days of ${quarter.id}`;
  const asMany = isWhole ? '' : 'as many days of ';
  return [
    `Cloud cost ${money(figures.cost)}${asFar}; ${against(lastQuarter, `${asMany}last quarter`)}, ${against(yearAgo, 'a year ago')}.`,
    approvedSentence(found, money),
    ...overSentence(found),
    ...(costBridge === null ? [] : [driverSentence(costBridge, money)]),
    ...(hasOutcomes(found) ? [returnSentence(found, money)] : [firstOutcome(found)]),
    ...sinceStartSentence(found, money),
    withoutSentence(found, money),
    ...harmSentence(found, money),
  ];
}

/** A harm is a verified outcome too; that nobody takes its pod for one with a benefit it is said. */
function harmSentence(
  { summary: { unexplained } }: Omit<CloudReturn, 'headline'>,
  money: (amount: Decimal) => string,
): string[] {
  const harms = unexplained.flatMap(({ name, harm }) =>
    harm === undefined ? [] : [`${cutMiddle(name, NAME_LENGTH_MAX)} (${money(harm)})`],
  );
  return harms.length === 0
    ? []
    : [
        `Harm is verified of ${listOf(harms)}: it lowers the return, though such a pod counts among those with a verified outcome.`,
      ];
}

function withoutSentence(
  { summary: { withoutVerifiedOutcome }, unattributed }: Omit<CloudReturn, 'headline'>,
  money: (amount: Decimal) => string,
): string {
  const { cost, share, pods } = withoutVerifiedOutcome;
  const ofPods = pods === 0 ? [] : [`${money(subtract(cost, unattributed.cost))} of ${counted(pods, 'pod')}`];
  const ofNobody = isZero(unattributed.cost) ? [] : [`${money(unattributed.cost)} unattributed`];
  const parts = [...ofPods, ...ofNobody];
  return `${money(cost)} of the cost (${asPercent(share)}) has no verified outcome${parts.length === 0 ? '' : `: ${parts.join(', ')}`}.`;
}

function returnSentence(found: Omit<CloudReturn, 'headline'>, money: (amount: Decimal) => string): string {
  const { figures } = found.summary;
  return `Verified return ${asTimes(figures.return)} on attributed spend (${asPercent(figures.coverage.cost)} of total); pods with a verified outcome carry ${asPercent(figures.coverage.joined)} of all cost. Verified ${money(figures.verified)}, claimed and not verified ${money(figures.claimed)}${oldestClaim(found)}.`;
}

/** Until there is one, cost and its coverage lead, and one step. */
function firstOutcome({ quarter, pods, summary: { figures } }: Omit<CloudReturn, 'headline'>): string {
  if (pods.length === 0)
    return 'No cost is attributed to a pod yet, so that there is no return; the next step is an organisation file with pods and the rules that give cost to them.';
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
  {
    pods,
    unattributed,
    envelopes: { podsWithout },
    summary: { approved, figures },
    currency,
  }: Omit<CloudReturn, 'headline'>,
  money: (amount: Decimal) => string,
): string {
  if (approved === null) return 'Cost against approved: not assessed; no envelope of this quarter.';
  const isWhole = approved.of === 'organisation';
  const whose = isWhole ? 'the organisation’s envelope' : `the envelopes of ${counted(approved.pods ?? 0, 'pod')}`;
  const spent = `${money(approved.actual)} of ${money(approved.limit)} approved is spent (${asPercent(approved.used)}), by ${whose}.`;
  if (isWhole) return spent;
  const part = (cost: Decimal) => `${money(cost)} (${asPercent(shareOf(cost, figures.cost))} of cost)`;
  const leftOut = (left: readonly ValuePerPodRow[], why: string) =>
    left.length === 0
      ? []
      : [
          `${part(sum(left.map(({ cost }) => cost.total)))} of ${listOf(left.map(({ name }) => cutMiddle(name, NAME_LENGTH_MAX)))}, ${why}`,
        ];
  const parts = [
    ...leftOut(
      pods.filter(({ podId }) => podsWithout.includes(podId)),
      'without an envelope',
    ),
    ...leftOut(
      pods.filter(({ envelope }) => envelope !== null && envelope.currency !== currency),
      'approved in another currency',
    ),
    ...(isZero(unattributed.cost) ? [] : [`${part(unattributed.cost)} unattributed`]),
  ];
  return parts.length === 0 ? spent : `${spent} Not in it: ${parts.join('; ')}.`;
}

function shareOf(part: Decimal, whole: Decimal): string | null {
  return isZero(whole) ? null : ratio(part, whole);
}

/** Who spent more than what was approved, the furthest first. */
function overSentence({ pods, envelopes }: Pick<CloudReturn, 'pods' | 'envelopes'>): string[] {
  const over = [
    ...envelopes.scopes.map(({ scope, used }) => ({ name: scopeName(scope), used })),
    ...pods.map(({ name, envelope }) => ({ name, used: envelope?.used ?? null })),
  ]
    .flatMap(({ name, used }) => (used === null ? [] : [{ name, used: decimal(used) }]))
    .filter(({ used }) => compare(used, ONE) >= 0)
    .toSorted((left, right) => compare(right.used, left.used))
    .map(({ name, used }) => `${cutMiddle(name, NAME_LENGTH_MAX)} (${asPercent(used)})`);
  return over.length === 0 ? [] : [`What was approved for the quarter is used up by ${listOf(over)}.`];
}

/** The first three, and how many more. */
function listOf(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  const shown = names.slice(0, NAMES_SHOWN);
  const last = more > 0 ? `${more} more` : shown.pop();
  return shown.length === 0 ? (last ?? '') : `${shown.join(', ')} and ${last}`;
}

function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

function driverSentence({ steps, from, through }: Bridge<CostStep>, money: (amount: Decimal) => string): string {
  const [first] = steps.toSorted((left, right) => compare(absolute(right.amount), absolute(left.amount)));
  const since = through === undefined ? `since ${from}` : `against as many days of ${from}`;
  if (first === undefined || compare(first.amount, ZERO) === 0) return `Nothing moved the cost ${since}.`;
  const driver =
    first.drivers[0] === undefined ? '' : `, most of it ${cutMiddle(first.drivers[0].name, 2 * NAME_LENGTH_MAX)}`;
  return `What moved the cost most ${since}: ${STEP_NAMES[first.step].toLowerCase()}, ${signed(first.amount, money)}${driver}.`;
}

function signed(amount: Decimal, money: (amount: Decimal) => string): string {
  return compare(amount, ZERO) > 0 ? `+${money(amount)}` : money(amount);
}
