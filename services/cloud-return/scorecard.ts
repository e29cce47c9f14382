/** The quarter's first figures and those it is compared with, taken from the value reports of these quarters as they are. */
import { absolute, add, compare, type Decimal, ratio, subtract, sum, ZERO } from '../kernel/decimal.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import type { ValuePerPod, ValuePerPodRow } from '../reports/compose-value.ts';
import type { RecognisedValue } from '../reports/pod-values.ts';
import type { FormerQuarter } from './quarter.ts';
import type { CloudReturn, ComparedQuarter, NamedPod, QuarterFigures } from './shape.ts';

const PODS_NAMED = 3;

export function figuresOf(report: ValuePerPod): QuarterFigures {
  const { period, state, statementId, pods, total, coverage } = report;
  return {
    period: period.id,
    state,
    statementId,
    cost: total.cost,
    estimated: sum(pods.map((pod) => pod.cost.estimated)),
    verified: total.verified,
    claimed: total.claimed,
    return: total.return,
    returnOnTotal: total.returnOnTotal,
    coverage,
  };
}

/** How the cost stands against that of a former quarter, or of as many of its days. */
export function compareWith(report: ValuePerPod, former: FormerQuarter | undefined): ComparedQuarter {
  if (former === undefined) throw new Error('a year of former quarters is read');
  const { period, compared, note } = former;
  const head = { period: period.id, through: compared === null ? null : throughOf(former) };
  if (compared === null) return { ...head, figures: null, costChange: null, costChangeRatio: null, note };
  const figures = { ...figuresOf(compared.report), period: period.id };
  const costChange = subtract(report.total.cost, figures.cost);
  const isNone = compare(figures.cost, ZERO) <= 0;
  return {
    ...head,
    figures,
    costChange,
    costChangeRatio: isNone ? null : ratio(costChange, figures.cost),
    note,
  };
}

/** The last day of a former quarter that is compared with; null where all of its days are. */
export function throughOf({ period, compared }: FormerQuarter): IsoDate | null {
  return compared === null || compared.frame.windowEnd >= period.end ? null : addDays(compared.frame.windowEnd, -1);
}

/** Delivery pods by verified return, the highest first. */
export function bestPods(report: ValuePerPod): NamedPod[] {
  return report.pods
    .filter((pod) => pod.kind === 'delivery' && pod.return !== null && compare(pod.value.verified, ZERO) > 0)
    .toSorted((left, right) => byFigure(left.return as Decimal, right.return as Decimal) || byId(left, right))
    .slice(0, PODS_NAMED)
    .map(named);
}

/** Delivery pods whose verified value is below nothing, then those without a verified outcome, the dearest first of each. */
export function unexplainedPods(report: ValuePerPod): NamedPod[] {
  const isHarm = ({ value }: ValuePerPodRow) => compare(verifiedOf(value), ZERO) < 0;
  return report.pods
    .filter((pod) => pod.kind === 'delivery')
    .filter((pod) => isHarm(pod) || (pod.value.verifiedOutcomes === 0 && compare(pod.cost.total, ZERO) > 0))
    .toSorted(
      (left, right) =>
        Number(isHarm(right)) - Number(isHarm(left)) ||
        byFigure(left.cost.total, right.cost.total) ||
        byId(left, right),
    )
    .slice(0, PODS_NAMED)
    .map((pod) => (isHarm(pod) ? { ...named(pod), harm: absolute(verifiedOf(pod.value)) } : named(pod)));
}

/** Of every basis. */
function verifiedOf({ verified, besideVerified }: RecognisedValue): Decimal {
  return sum([verified, ...Object.values(besideVerified)]);
}

/** All cost but that of pods with a verified outcome: the other side of the joined coverage. */
export function withoutVerifiedOutcome(report: ValuePerPod): CloudReturn['summary']['withoutVerifiedOutcome'] {
  const without = report.pods.filter((pod) => pod.value.verifiedOutcomes === 0);
  const cost = add(sum(without.map((pod) => pod.cost.total)), report.unattributed.cost);
  const { cost: whole } = report.total;
  return { cost, share: compare(whole, ZERO) === 0 ? null : ratio(cost, whole), pods: without.length };
}

function named({ podId, name, cost, value, return: found, returnNote }: ValuePerPodRow): NamedPod {
  return { podId, name, cost: cost.total, verified: value.verified, claimed: value.claimed, return: found, returnNote };
}

function byFigure(left: Decimal, right: Decimal): number {
  return compare(right, left);
}

function byId(left: ValuePerPodRow, right: ValuePerPodRow): number {
  return left.podId < right.podId ? -1 : 1;
}
