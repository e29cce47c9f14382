/** The CIO's quarter as other people's scripts read it: exact figures, in the order of its pages. docs/cloud-return.md says what each means. */
import type { AlertPrecision } from '../alerts/precision.ts';
import type { DriftEpisode } from '../drift/drift-episodes.ts';
import type { EnablingPod } from '../enabling/enabling-report.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ValuePerPod, ValuePerPodRow } from '../reports/compose-value.ts';
import type { ReportPeriod, ReportState } from '../reports/report-frame.ts';
import type { WindowOutcomes } from '../reports/window-outcomes.ts';
import type { Bridge } from './bridge.ts';
import type { OwnerComment } from './comments.ts';
import type { CostStep } from './cost-bridge.ts';
import type { Decision } from './decisions.ts';
import type { Movers } from './movers.ts';
import type { Scope, ScopeEnvelope } from './envelopes.ts';
import type { SinceStart } from './since-start.ts';
import type { Unattributed } from './unattributed.ts';
import type { UnitCostTrend } from './unit-costs.ts';
import type { ValueStep } from './value-bridge.ts';

/** A quarter in one line: what the scorecard compares. */
export interface QuarterFigures {
  readonly period: string;
  readonly state: ReportState;
  readonly statementId: string | null;
  readonly cost: Decimal;
  readonly estimated: Decimal;
  readonly verified: Decimal;
  readonly claimed: Decimal;
  /** Verified ÷ cost, of what is attributed to pods, and of everything; null: n/a. */
  readonly return: string | null;
  readonly returnOnTotal: string | null;
  readonly coverage: ValuePerPod['coverage'];
}

/** A former quarter to compare with; `figures` is null where it cannot be had, and `note` says why. */
export interface ComparedQuarter {
  readonly period: string;
  /** The last of its days that are compared, as many as the asked quarter has; null: all of them. */
  readonly through?: IsoDate | null;
  readonly figures: QuarterFigures | null;
  /** The asked quarter's cost less that of these days; null without figures. */
  readonly costChange: Decimal | null;
  /** costChange ÷ its cost. */
  readonly costChangeRatio: string | null;
  readonly note: string | null;
}

export type NamedPod = Pick<ValuePerPodRow, 'podId' | 'name' | 'return' | 'returnNote'> & {
  readonly cost: Decimal;
  readonly verified: Decimal;
  readonly claimed: Decimal;
  /** What its verified value of all bases is below nothing, where it is. */
  readonly harm?: Decimal;
};

export interface CloudReturn {
  readonly organisation: string;
  /** `through`: the last complete charge date; cost and value both end there. */
  readonly quarter: ReportPeriod;
  readonly days: { readonly counted: number; readonly all: number };
  readonly currency: string;
  readonly costMetric: ValuePerPod['costMetric'];
  readonly revenueBasis: ValuePerPod['revenueBasis'];
  readonly state: ReportState;
  readonly statementId: string | null;
  /** The day it was made; of a closed quarter the day its statement was prepared. */
  readonly madeOn: IsoDate;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  /** The instant until which a part of the cost is an estimate; null where all of it is final. RFC 3339. */
  readonly billingOpenUntil: string | null;
  /** The page in sentences. */
  readonly headline: readonly string[];
  readonly summary: {
    readonly figures: QuarterFigures;
    /** Null where nothing is approved for the quarter. */
    readonly approved: Scope | null;
    /** Null where it cannot be said; absent, as what follows with a question mark, in what was kept before there was any. */
    readonly sinceStart?: SinceStart | null;
    readonly lastQuarter: ComparedQuarter;
    readonly yearAgo: ComparedQuarter;
    /** Cost of pods and of nobody without a verified outcome. */
    readonly withoutVerifiedOutcome: { readonly cost: Decimal; readonly share: string | null; readonly pods: number };
    readonly best: readonly NamedPod[];
    readonly unexplained: readonly NamedPod[];
    readonly decisions: readonly Decision[];
    readonly comments: readonly OwnerComment[];
  };
  /** The newest first. */
  readonly scorecard: readonly QuarterFigures[];
  /** Null where there is no last quarter to come from. */
  readonly costBridge: Bridge<CostStep> | null;
  readonly valueBridge: Bridge<ValueStep> | null;
  readonly adjustments: ValuePerPod['total']['adjustments'];
  /** What the quarter's value is made of, each outcome once. */
  readonly outcomes?: WindowOutcomes;
  readonly retractions?: NonNullable<ValuePerPod['retractions']>;
  readonly envelopes: { readonly scopes: readonly ScopeEnvelope[]; readonly podsWithout: readonly string[] };
  /** With their detail. */
  readonly pods: readonly ValuePerPodRow[];
  /** Platform pods, which have no return of their own: whom they served. */
  readonly enabling?: readonly EnablingPod[];
  readonly unitCosts: readonly UnitCostTrend[];
  readonly movers: Movers | null;
  readonly unattributed: Unattributed;
  readonly drift: readonly DriftEpisode[];
  readonly alerts: AlertPrecision;
  readonly method: {
    readonly returnScope: string;
    readonly statements: readonly {
      readonly period: string;
      readonly statementId: string | null;
      readonly state: ReportState;
    }[];
    readonly notes: readonly string[];
  };
}
