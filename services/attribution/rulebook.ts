/**
 * The rulebook: everything that decides which pod a charge belongs to, as one immutable, numbered value. Rules, pods with their
 * dates and aliases, portfolios and tag spellings are all part of it; identical content keeps its number.
 */
import type { IsoDate } from '../kernel/period.ts';

export const COST_METRICS = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'] as const;
export type CostMetric = (typeof COST_METRICS)[number];

/** What `when` can test, in the organisation file's spelling; tags are tested by `tag`. */
export const RULE_DIMENSIONS = [
  'provider',
  'publisher',
  'invoiceIssuer',
  'billingAccountId',
  'subAccountId',
  'subAccountName',
  'serviceName',
  'serviceCategory',
  'regionId',
  'resourceId',
  'resourceName',
  'resourceType',
  'chargeCategory',
  'chargeClass',
  'commitmentDiscountId',
  'commitmentDiscountStatus',
] as const;
export type RuleDimension = (typeof RULE_DIMENSIONS)[number];

/** A value (equals), a list (any of), or one of the object forms. */
export type RuleTest =
  | string
  | readonly string[]
  | { readonly glob: string }
  | { readonly prefix: string }
  | { readonly exists: boolean }
  | { readonly not: RuleTest };

/** Several keys are `and`; `any`, `all` and `not` nest. */
export type RuleWhen = { readonly [dimension in RuleDimension]?: RuleTest } & {
  readonly tag?: Readonly<Record<string, RuleTest>>;
  readonly any?: readonly RuleWhen[];
  readonly all?: readonly RuleWhen[];
  readonly not?: RuleWhen;
};

export type SplitAmong = readonly string[] | { readonly portfolio: string } | 'all';

export type RuleSplit = {
  readonly among?: SplitAmong;
  /** The pod that answers for the whole of this shared cost. */
  readonly owner?: string;
} & (
  | { readonly method: 'even' }
  /** Weights by pod id, as decimal strings; they need not sum to one: shares are weight ÷ sum. */
  | { readonly method: 'fixed'; readonly weights: Readonly<Record<string, string>> }
  | { readonly method: 'proportional'; readonly basis?: CostMetric }
  /** By the pods' quantities of a usage metric; one that nobody has measured yet carries nothing. */
  | { readonly method: 'usage'; readonly metric: string }
);

export type Rule = {
  readonly id: string;
  /** Charge dates, half-open; absent means unbounded. */
  readonly from?: IsoDate;
  readonly until?: IsoDate;
  readonly when: RuleWhen;
} & (
  | { readonly pod: string }
  | { readonly podFromTag: string }
  | { readonly split: RuleSplit }
  /** The reason, shown with the unattributed cost. */
  | { readonly unattributed: string }
);

/** A value with the date from which it holds; the first has no date or the pod's start. */
export interface Dated<Value> {
  readonly value: Value;
  readonly from?: IsoDate;
}

export interface RulebookPod {
  readonly id: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolios: readonly Dated<string>[];
  readonly activeFrom?: IsoDate;
  readonly activeUntil?: IsoDate;
  readonly aliases: readonly string[];
}

export interface RulebookContent {
  readonly rules: readonly Rule[];
  readonly pods: readonly RulebookPod[];
  readonly portfolios: readonly string[];
  readonly tags: { readonly fold: boolean; readonly keys: Readonly<Record<string, readonly string[]>> };
  /** The basis of proportional splits that name none: the organisation's reporting cost metric. */
  readonly defaultBasis: CostMetric;
}

/** What becomes of an origin that the rule takes: it is a pod's, is split over pods, or stays unattributed. */
export function kindOf(rule: Rule): 'pod' | 'split' | 'unattributed' {
  if ('split' in rule) return 'split';
  return 'unattributed' in rule ? 'unattributed' : 'pod';
}
