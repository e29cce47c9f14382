/**
 * The outcome as it is stated by a sheet or a caller, in one normalised form: money and counts as plain decimals, dates as text,
 * defaults filled in. Two statements are the same exactly when their contents have the same digest; state and verifier are not
 * part of the content, because a verification is not undone by importing the sheet it came from again.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../attribution/canonical-json.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';

export const BASES = [
  'revenue',
  'cost_reduction',
  'cost_avoided',
  'risk_reduced',
  'capacity_released',
  'unit_outcome',
  'strategic',
] as const;
export type Basis = (typeof BASES)[number];

/** Bases that are counted or described, never given an amount. */
export const BASES_WITHOUT_MONEY: readonly Basis[] = ['unit_outcome', 'strategic'];

/** Every state of the record. `review_due` is never stored: it is what a verified outcome is called once its review is due. */
export const OUTCOME_STATES = [
  'candidate',
  'claimed',
  'in_review',
  'verified',
  'partially_verified',
  'review_due',
  'rejected',
  'retracted',
  'superseded',
] as const;
export type OutcomeState = (typeof OUTCOME_STATES)[number];

/** What reports count, verified or claimed; counted_schedule says the same in SQL. */
export const COUNTED_STATES: readonly string[] = [
  'claimed',
  'in_review',
  'verified',
  'partially_verified',
  'review_due',
];

/** Counted, and nothing of it verified. */
export function isClaim(state: string): boolean {
  return state === 'claimed' || state === 'in_review';
}

/** What can be stated; every other state is an act of its own. */
export const STATED_STATES = ['claimed', 'verified'] as const;
export type StatedState = (typeof STATED_STATES)[number];

/** 10,000 basis points are the whole outcome. */
export const BASIS_POINTS_WHOLE = 10_000;

export const EFFECTS = ['benefit', 'dis_benefit'] as const;
export const CONFIDENCE_GRADES = ['A', 'B', 'C', 'D'] as const;

export interface OutcomeShare {
  readonly podId: string;
  readonly basisPoints: number;
}

/** Half-open: recognised by day from `from` up to the day before `until`. */
export interface ScheduleRow {
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly amount: Decimal;
}

export interface OutcomeReference {
  readonly system: string;
  readonly key: string;
  readonly url: string | null;
}

/** What it is measured against, in figures: all five, or it says less than words. */
export interface BaselineMeasure {
  readonly value: Decimal;
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly source: string;
  readonly method: string;
}

export interface EvidenceLink {
  readonly uri: string;
  readonly title: string | null;
  readonly sha256: string | null;
}

export interface OutcomeContent {
  readonly title: string;
  readonly outcomeType: string | null;
  readonly unit: string | null;
  readonly quantity: Decimal | null;
  readonly basis: Basis;
  readonly grossOrMargin: 'gross' | 'margin' | null;
  /** Never below zero: a dis-benefit says so by its effect. */
  readonly amount: Decimal | null;
  readonly amountLow: Decimal | null;
  readonly amountHigh: Decimal | null;
  readonly currency: string | null;
  readonly deliveredOn: IsoDate;
  readonly schedule: readonly ScheduleRow[];
  /** Ordered by pod id. */
  readonly shares: readonly OutcomeShare[];
  readonly ownerEmail: string;
  readonly baseline: string | null;
  readonly evidenceUrl: string | null;
  /** Ordered by system and key. */
  readonly references: readonly OutcomeReference[];
  readonly effect: (typeof EFFECTS)[number];
  readonly baselineMeasure: BaselineMeasure | null;
  /** Whether the baseline is spend in our own bills. Null: nobody said. */
  readonly isOwnBillBaseline: boolean | null;
  readonly confidence: { readonly grade: (typeof CONFIDENCE_GRADES)[number]; readonly reason: string } | null;
  readonly poolId: string | null;
  /** Of this day and later, what was verified counts as claimed until it is measured again. */
  readonly reviewDueOn: IsoDate | null;
  /** Pods that made it possible, without value; ordered. */
  readonly enabledBy: readonly string[];
}

/** What a statement says that leaves the rest of the record open. */
export const NOTHING_FURTHER = {
  effect: 'benefit',
  baselineMeasure: null,
  isOwnBillBaseline: null,
  confidence: null,
  poolId: null,
  reviewDueOn: null,
  enabledBy: [],
} as const satisfies Partial<OutcomeContent>;

/** A checked statement: content, and the state asked for. */
export interface StatedOutcome {
  readonly content: OutcomeContent;
  readonly state: StatedState | 'candidate';
  readonly verifiedBy: string | null;
  /** The row of a declared workbook it came from. */
  readonly sheetRow: { readonly workbook: string; readonly sourceRowId: string } | null;
  /** Added to what is there; evidence is no part of the content, so that more of it undoes no verification. */
  readonly evidence?: readonly EvidenceLink[];
  /** Its pods in the order in which they were stated, by which a fault of a share is found; the content orders them by id. */
  readonly statedPods?: readonly string[];
  /** Who agreed to which pod's share. */
  readonly agreements?: readonly { readonly podId: string; readonly agreedBy: string }[];
  /** Which outcome is claimed by its id, even where it was refused or taken back, and whether the record says all of it already. */
  readonly claims?: { readonly outcomeId: string; readonly saysNothingNew: boolean };
}

/**
 * Identifies a content: the same fields, shares, schedule and references give the same digest. What is left open is not part of it, so
 * that a sheet of before these fields existed is still the same.
 */
export function contentDigest(content: OutcomeContent): string {
  const open: Readonly<Record<string, unknown>> = NOTHING_FURTHER;
  const said = Object.entries(content).filter(
    ([name, value]) => !(name in open) || canonicalJson([value]) !== canonicalJson([open[name]]),
  );
  return createHash('sha256')
    .update(canonicalJson(Object.fromEntries(said)))
    .digest('hex');
}

/**
 * The mailbox behind an address, however it is spelled: letter case, wide letters, signs that nobody sees, a tag after a plus and a dot at
 * the end make nobody another person.
 */
export function mailboxOf(address: string): string {
  const plain = address
    .normalize('NFKC')
    .replaceAll(/[\p{Cc}\p{Cf}\s]/gu, '')
    .toLowerCase();
  return plain
    .replace(/^mailto:/, '')
    .replace(/\.+$/, '')
    .replace(/(?<=.)\+[^@]*(?=@)/, '');
}

/** People are told apart by their mailbox. */
export function isSamePerson(left: string, right: string): boolean {
  return mailboxOf(left) === mailboxOf(right);
}
