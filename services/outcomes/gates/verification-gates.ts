/**
 * What an outcome still needs before finance may verify it. A claim needs none of this. The same gates hold for a verification that a sheet
 * or a caller states and for one that a reviewer makes; each missing thing comes with its fix.
 */
import type { IsoDate } from '../../kernel/period.ts';
import { type Basis, BASES_WITHOUT_MONEY, isSamePerson, mailboxOf } from '../outcome.ts';

/** A missing thing: which gate, what was found, what to do. */
export interface MissingForVerification {
  /** `delivery` of a candidate only: what it says of its day stands in the way of claiming it. */
  readonly gate:
    | 'delivery'
    | 'baseline'
    | 'own_bill'
    | 'evidence'
    | 'range'
    | 'shares'
    | 'duplicate'
    | 'pool'
    | 'review';
  readonly reason: string;
  readonly fix: string;
}

/** What the gates look at. */
export interface GatedOutcome {
  readonly basis: Basis;
  readonly hasAmount: boolean;
  readonly hasRange: boolean;
  readonly hasBaseline: boolean;
  readonly isOwnBillBaseline: boolean | null;
  readonly evidence: readonly { readonly uri: string; readonly isBroken: boolean }[];
  readonly shares: readonly { readonly podId: string; readonly isAgreed: boolean }[];
  /** Counted outcomes that may be the same, and what was answered about each; without id to a pod that has no share of it. */
  readonly duplicates: readonly { readonly outcomeId: string | null; readonly answer: string | null }[];
  /** The first recognised day for which its pool has no ceiling. */
  readonly dayWithoutCeiling: string | null;
  /** From this day on, what is verified counts as claimed again. */
  readonly reviewDueOn: IsoDate | null;
}

/**
 * Everything that is missing, in the order in which people get to it. `today`: not given where the verifier says by which day it is
 * measured again.
 */
export function missingForVerification(outcome: GatedOutcome, today?: IsoDate): MissingForVerification[] {
  const { reviewDueOn } = outcome;
  const isReviewPast = today !== undefined && reviewDueOn !== null && reviewDueOn <= today;
  return [
    ...missingMeasure(outcome),
    ...missingEvidence(outcome),
    ...missingAgreement(outcome),
    ...outcome.duplicates.flatMap(missingAnswer),
    ...(outcome.dayWithoutCeiling === null
      ? []
      : [
          missing(
            'pool',
            `its pool has no ceiling on ${outcome.dayWithoutCeiling}`,
            'Finance sets a ceiling for the whole time that it is recognised in.',
          ),
        ]),
    ...(isReviewPast
      ? [
          missing(
            'review',
            `its review is due since ${reviewDueOn}`,
            'Whoever verifies it names the later day by which it is measured again.',
          ),
        ]
      : []),
  ];
}

function missingMeasure(outcome: GatedOutcome): MissingForVerification[] {
  const found: MissingForVerification[] = [];
  const needsBaseline = outcome.hasAmount && !BASES_WITHOUT_MONEY.includes(outcome.basis);
  if (needsBaseline && !outcome.hasBaseline) {
    const fix = 'Say what it is measured against: in words, or as value, period, source and method.';
    found.push(missing('baseline', 'it has no baseline', fix));
  }
  if (outcome.basis === 'cost_reduction' && outcome.hasAmount && outcome.isOwnBillBaseline !== false) {
    found.push(
      outcome.isOwnBillBaseline === null
        ? missing(
            'own_bill',
            'nobody says whether its baseline is spend in our own bills',
            'State that it is not; a smaller bill already shows in the cost.',
          )
        : missing(
            'own_bill',
            'its baseline is spend in our own bills, where a smaller bill already shows',
            'Leave it claimed or retract it; the cost of the pod is smaller by itself.',
          ),
    );
  }
  if (outcome.basis === 'risk_reduced' && outcome.hasAmount && !outcome.hasRange) {
    found.push(
      missing('range', 'a reduced risk without a range', 'Give the lower and the upper end that hold the amount.'),
    );
  }
  return found;
}

function missingEvidence({ evidence }: GatedOutcome): MissingForVerification[] {
  if (evidence.length === 0) {
    return [missing('evidence', 'it has no evidence', 'Add a link or a file that shows it.')];
  }
  return evidence
    .filter((one) => one.isBroken)
    .map(({ uri }) =>
      missing(
        'evidence',
        `its evidence ${uri} is broken`,
        'Finance says that it holds again once it does; other evidence beside it does not mend it.',
      ),
    );
}

/** A pod alone need not be asked. */
function missingAgreement({ shares }: GatedOutcome): MissingForVerification[] {
  if (shares.length < 2) return [];
  return shares
    .filter((share) => !share.isAgreed)
    .map(({ podId }) =>
      missing(
        'shares',
        `nobody agreed to the share of pod "${podId}"`,
        'Its owner agrees to it, or finance settles it.',
      ),
    );
}

function missingAnswer({ outcomeId, answer }: GatedOutcome['duplicates'][number]): MissingForVerification[] {
  if (answer === 'distinct') return [];
  const other = outcomeId === null ? 'an outcome of another pod' : `outcome ${outcomeId}`;
  return [
    answer === null
      ? missing(
          'duplicate',
          `it may be ${other} once more`,
          'The reviewer answers whether the two are distinct or duplicates.',
        )
      : missing(
          'duplicate',
          `it was answered to be a duplicate of ${other}`,
          'Retract, reject or supersede one of the two.',
        ),
  ];
}

function missing(gate: MissingForVerification['gate'], reason: string, fix: string): MissingForVerification {
  return { gate, reason, fix };
}

/** Who is concerned by a verification. */
export interface Concerned {
  readonly ownerEmail: string;
  /** Everybody who said what it claims now. */
  readonly claimedBy: readonly string[];
  /** Pods with a share, and pods of whoever states it. */
  readonly pods: readonly string[];
  readonly podsOf: ReadonlyMap<string, readonly string[]>;
}

/** Why a person is too near to the outcome to verify it; null where nothing stands against it. */
export function dependenceOf(verifier: string, { ownerEmail, claimedBy, pods, podsOf }: Concerned): string | null {
  if (isSamePerson(verifier, ownerEmail)) return `${verifier} owns the outcome and cannot verify it`;
  if (claimedBy.some((claimant) => isSamePerson(verifier, claimant)))
    return `${verifier} stated the outcome, or changed it, and cannot verify it`;
  const own = podsOf.get(mailboxOf(verifier))?.find((pod) => pods.includes(pod));
  return own === undefined ? null : `${verifier} belongs to pod "${own}" and cannot verify its outcome`;
}
