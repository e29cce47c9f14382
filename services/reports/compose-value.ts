/**
 * A value report put together from its rows: totals, returns and coverage follow from them, so that rows that were frozen give the
 * report that was frozen. The shapes are those of the contract.
 */
import type { CostMetric } from '../attribution/rulebook.ts';
import { add, compare, type Decimal, ratio, sum, ZERO } from '../kernel/decimal.ts';
import type { CostPerOutcome, Retraction } from './pod-deliveries.ts';
import type { PodEnvelope } from './pod-envelopes.ts';
import type { Predecessor } from './pod-scope.ts';
import type { RecognisedValue } from './pod-values.ts';
import type { ReportPeriod, ReportState } from './report-frame.ts';
import type { CumulativeValue } from './value-since-start.ts';
import type { WindowOutcomes } from './window-outcomes.ts';

export const NO_ADJUSTMENTS: ReportedAdjustments = { cost: ZERO, value: ZERO };
/** Of a report that holds nothing without a pod. */
export const NOTHING_UNATTRIBUTED: ValuePerPod['unattributed'] = {
  cost: ZERO,
  verified: ZERO,
  claimed: ZERO,
  adjustments: NO_ADJUSTMENTS,
};

export type ReturnNote = 'no cost' | 'no verified value' | 'enabling';

/** Corrections of closed months that are booked here: beside the figures, in none of them. */
export interface ReportedAdjustments {
  readonly cost: Decimal;
  /** Verified value of the bases that enter the return. */
  readonly value: Decimal;
}

export interface ValuePerPodRow {
  readonly podId: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  /** The one at the window's end. */
  readonly portfolio: string | null;
  /** Whose figures it carries besides its own, where that was asked for. */
  readonly predecessors?: readonly Predecessor[];
  readonly cost: {
    readonly direct: Decimal;
    readonly shared: Decimal;
    readonly total: Decimal;
    readonly estimated: Decimal;
  };
  readonly envelope: PodEnvelope | null;
  readonly value: RecognisedValue;
  readonly adjustments: ReportedAdjustments;
  readonly return: string | null;
  readonly returnNote: ReturnNote | null;
  /** Where it was asked for. */
  readonly detail?: PodValueDetail;
}

type OutcomesDetail = Omit<WindowOutcomes, 'verifiedByBasis'>;

/** What a row's figures are made of, and what the pod had before. */
export interface PodValueDetail extends OutcomesDetail {
  /** Null where the pod's verified units are of no type, or of several. */
  readonly costPerOutcome: CostPerOutcome | null;
  /** Since the pod's start; null for a pod that others succeeded, and where an exchange rate is missing. */
  readonly cumulative: CumulativeValue | null;
  /** The first month after which what was verified since the start is at least what was spent; null: not yet. */
  readonly paybackMonth: string | null;
}

export interface ValuePerPod {
  readonly period: ReportPeriod;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly revenueBasis: 'margin' | 'gross';
  readonly state: ReportState;
  /** The statement of exactly this period; null while it is open, and for closed days without one of their own. */
  readonly statementId: string | null;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  /** Only the days on which pods belonged to this portfolio are counted; null for all. */
  readonly portfolio: string | null;
  /** True where successors stand for the pods they succeeded; absent otherwise. */
  readonly withPredecessors?: true;
  readonly pods: readonly ValuePerPodRow[];
  readonly unattributed: {
    readonly cost: Decimal;
    readonly verified: Decimal;
    readonly claimed: Decimal;
    readonly adjustments: ReportedAdjustments;
    readonly verifiedByBasis?: Readonly<Record<string, Decimal>>;
    readonly detail?: OutcomesDetail;
  };
  readonly total: {
    readonly cost: Decimal;
    readonly verified: Decimal;
    readonly claimed: Decimal;
    /** Of the pods and the unattributed together. */
    readonly adjustments: ReportedAdjustments;
    readonly return: string | null;
    readonly returnOnTotal: string | null;
  };
  readonly coverage: { readonly cost: string | null; readonly joined: string | null };
  readonly method: string;
  /** Of the period's days, by pod, where the detail was asked for. */
  readonly retractions?: readonly Retraction[];
  /** How the detail is to be read. */
  readonly detailMethod?: string;
  /** The same as now known, where it was asked for: closed days as if they were open. */
  readonly asNow?: ValuePerPod;
}

/** Stands under every return. */
export const RETURN_METHOD = 'cloud cost only; people and licences excluded';

/** What stands above the rows. */
export type ValueHeading = Pick<
  ValuePerPod,
  'period' | 'currency' | 'costMetric' | 'revenueBasis' | 'state' | 'statementId' | 'dataAsOf' | 'rulebook'
>;

/** Puts a report together from its heading and rows: totals, returns and coverage follow from them. */
export function composeValuePerPod(
  heading: ValueHeading,
  given: { portfolio?: string | undefined; rows: readonly ValuePerPodRow[]; unattributed: ValuePerPod['unattributed'] },
): ValuePerPod {
  return {
    ...heading,
    portfolio: given.portfolio ?? null,
    pods: given.rows,
    ...totals(given.rows, given.unattributed),
    method: RETURN_METHOD,
  };
}

function totals(rows: readonly ValuePerPodRow[], unattributed: ValuePerPod['unattributed']) {
  const podCost = sum(rows.map((row) => row.cost.total));
  const verifiedOfPods = sum(rows.map((row) => row.value.verified));
  const cost = add(podCost, unattributed.cost);
  const verified = add(verifiedOfPods, unattributed.verified);
  const claimed = add(sum(rows.map((row) => row.value.claimed)), unattributed.claimed);
  const joined = sum(rows.filter((row) => row.value.verifiedOutcomes > 0).map((row) => row.cost.total));
  return {
    unattributed,
    total: {
      cost,
      verified,
      claimed,
      adjustments: {
        cost: add(sum(rows.map((row) => row.adjustments.cost)), unattributed.adjustments.cost),
        value: add(sum(rows.map((row) => row.adjustments.value)), unattributed.adjustments.value),
      },
      return: returnOf(verifiedOfPods, podCost),
      returnOnTotal: returnOf(verified, cost),
    },
    coverage: { cost: shareOf(podCost, cost), joined: shareOf(joined, cost) },
  };
}

function returnOf(verified: Decimal, cost: Decimal): string | null {
  return compare(cost, ZERO) <= 0 || compare(verified, ZERO) === 0 ? null : ratio(verified, cost);
}

function shareOf(part: Decimal, whole: Decimal): string | null {
  return compare(whole, ZERO) === 0 ? null : ratio(part, whole);
}
