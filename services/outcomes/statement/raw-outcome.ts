/** A statement as it came, from JSON or a sheet: every field a text, empty where it is missing. */
import type { OutcomeInput } from './outcome-input.ts';
import type { EvidenceLink, OutcomeReference } from '../outcome.ts';

export interface RawShare {
  readonly pod: string;
  readonly basisPoints: string;
  readonly agreedBy: string;
}

export interface RawOutcome {
  readonly title: string;
  readonly outcomeType: string;
  readonly quantity: string;
  readonly unit: string;
  readonly basis: string;
  readonly grossOrMargin: string;
  readonly amount: string;
  readonly amountLow: string;
  readonly amountHigh: string;
  readonly currency: string;
  readonly deliveredOn: string;
  readonly recogniseFrom: string;
  readonly recogniseUntil: string;
  readonly schedule: readonly { from: string; until: string; amount: string }[];
  readonly shares: readonly RawShare[];
  readonly ownerEmail: string;
  readonly baseline: string;
  readonly baselineValue: string;
  readonly baselineFrom: string;
  readonly baselineUntil: string;
  readonly baselineSource: string;
  readonly baselineMethod: string;
  /** yes or no. */
  readonly ownBillBaseline: string;
  readonly effect: string;
  readonly confidence: string;
  readonly confidenceReason: string;
  readonly pool: string;
  readonly reviewDueOn: string;
  readonly enabledBy: readonly string[];
  readonly evidenceUrl: string;
  readonly evidence: readonly EvidenceLink[];
  readonly references: readonly OutcomeReference[];
  readonly state: string;
  readonly verifiedBy: string;
}

export type OutcomeField = Exclude<keyof RawOutcome, 'shares'> | 'pod' | 'basisPoints' | 'agreedBy' | 'sourceRowId';

/** The texts of a JSON statement. */
export function toRaw(input: OutcomeInput): RawOutcome {
  const baseline = typeof input.baseline === 'string' ? { text: input.baseline } : (input.baseline ?? {});
  return {
    title: text(input.title),
    outcomeType: text(input.outcomeType),
    quantity: text(input.quantity),
    unit: text(input.unit),
    basis: input.basis,
    grossOrMargin: text(input.grossOrMargin),
    amount: text(input.amount),
    amountLow: text(input.amountLow),
    amountHigh: text(input.amountHigh),
    currency: text(input.currency),
    deliveredOn: text(input.deliveredOn),
    recogniseFrom: text(input.recogniseFrom),
    recogniseUntil: text(input.recogniseUntil),
    schedule: input.schedule ?? [],
    shares: input.shares.map(({ pod, basisPoints, agreedBy }) => ({
      pod,
      basisPoints: String(basisPoints),
      agreedBy: text(agreedBy),
    })),
    ownerEmail: text(input.ownerEmail),
    baseline: text(baseline.text),
    baselineValue: text(baseline.value),
    baselineFrom: text(baseline.from),
    baselineUntil: text(baseline.until),
    baselineSource: text(baseline.source),
    baselineMethod: text(baseline.method),
    ownBillBaseline: baseline.isOwnBill === undefined ? '' : baseline.isOwnBill ? 'yes' : 'no',
    effect: text(input.effect),
    confidence: text(input.confidence?.grade),
    confidenceReason: text(input.confidence?.reason),
    pool: text(input.pool),
    reviewDueOn: text(input.reviewDueOn),
    enabledBy: input.enabledBy ?? [],
    evidenceUrl: text(input.evidenceUrl),
    evidence: (input.evidence ?? []).map(({ url, title, sha256 }) => ({
      uri: url.trim(),
      title: title ?? null,
      sha256: sha256 ?? null,
    })),
    references: (input.references ?? []).map(({ system, key, url }) => ({ system, key, url: url ?? null })),
    state: text(input.state),
    verifiedBy: text(input.verifiedBy),
  };
}

function text(value: string | undefined): string {
  return value?.trim() ?? '';
}
