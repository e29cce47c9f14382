/**
 * Who may carry a split, on which charge dates and with which weight, as far as the rulebook alone says. What depends on the
 * month's figures (direct cost, quantities of a metric) is added in SQL.
 *
 * Everybody who carries a share is active on the charge date, members of a list included: a team that has ended cannot be charged
 * with next year's network.
 */
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMN } from './check-conservation.ts';
import type { Rule, RulebookContent, RulebookPod, RuleSplit } from './rulebook.ts';

export interface SplitCandidate {
  readonly ruleId: string;
  readonly podId: string;
  /** Half-open; `-infinity` and `infinity` where unbounded. */
  readonly from: IsoDate;
  readonly until: IsoDate;
  /** A decimal string, or null: the pod's quantity of `metricId`, or its direct cost of the month in `basisColumn`. */
  readonly weight: string | null;
  readonly metricId: string | null;
  readonly basisColumn: string;
  /** Takes part only in months in which it has direct cost. */
  readonly needsDirectCost: boolean;
}

interface DateRange {
  readonly from: IsoDate;
  readonly until: IsoDate;
}

// These compare with dates as strings do: '-' is below every digit and 'i' above.
const NO_START = '-infinity';
const NO_END = 'infinity';

/** One row per split rule, pod and stretch of dates. */
export function listSplitCandidates(content: RulebookContent): SplitCandidate[] {
  return content.rules.flatMap((rule) => ('split' in rule ? candidatesOf(rule, rule.split, content) : []));
}

function candidatesOf(rule: Rule, split: RuleSplit, content: RulebookContent): SplitCandidate[] {
  // Fixed weights name their pods already; every other split without `among` is shared by all.
  const among = split.among ?? (split.method === 'fixed' ? Object.keys(split.weights) : 'all');
  const basis = split.method === 'proportional' ? (split.basis ?? content.defaultBasis) : content.defaultBasis;
  return content.pods.flatMap((pod) => {
    const weight = weightOf(split, pod.id);
    if (weight === undefined) return [];
    return membershipOf(pod, among).map((range) => ({
      ruleId: rule.id,
      podId: pod.id,
      ...range,
      weight,
      metricId: split.method === 'usage' ? split.metric : null,
      basisColumn: METRIC_COLUMN[basis],
      needsDirectCost: among === 'all',
    }));
  });
}

/** Null: by direct cost or by a metric. Undefined: a pod that the fixed weights do not name. */
function weightOf(split: RuleSplit, podId: string): string | null | undefined {
  if (split.method === 'even') return '1';
  return split.method === 'fixed' ? split.weights[podId] : null;
}

function membershipOf(pod: RulebookPod, among: NonNullable<RuleSplit['among']>): DateRange[] {
  const active = { from: pod.activeFrom ?? NO_START, until: pod.activeUntil ?? NO_END };
  if (among === 'all') return pod.kind === 'central' ? [] : [active];
  if ('portfolio' in among) {
    return portfolioStretches(pod)
      .filter((stretch) => stretch.portfolioId === among.portfolio)
      .map((stretch) => intersect(stretch, active))
      .filter((range) => range.from < range.until);
  }
  return among.includes(pod.id) ? [active] : [];
}

/** A dated value holds until the next one starts; the first without a date holds from the beginning. */
function portfolioStretches(pod: RulebookPod): (DateRange & { portfolioId: string })[] {
  const dated = pod.portfolios
    .map((one) => ({ portfolioId: one.value, from: one.from ?? NO_START }))
    .sort((left, right) => (left.from < right.from ? -1 : 1));
  return dated.map((one, index) => ({ ...one, until: dated[index + 1]?.from ?? NO_END }));
}

function intersect(left: DateRange, right: DateRange): DateRange {
  return {
    from: left.from > right.from ? left.from : right.from,
    until: left.until < right.until ? left.until : right.until,
  };
}
