/** The options of a claim in the form in which a request states it. */
import { AppError, refuseStatement } from '../services/kernel/errors.ts';
import { OUTCOME_NOT_TAKEN } from '../services/outcomes/acts/create-outcome.ts';
import type { OutcomeInput } from '../services/outcomes/statement/outcome-input.ts';
import { BASIS_POINTS_WHOLE, CONFIDENCE_GRADES } from '../services/outcomes/outcome.ts';

export interface ClaimOptions {
  readonly title?: string;
  readonly deliveredOn?: string;
  readonly pod?: readonly string[];
  readonly owner?: string;
  readonly basis?: OutcomeInput['basis'];
  readonly margin?: boolean;
  readonly gross?: boolean;
  readonly amount?: string;
  readonly currency?: string;
  readonly low?: string;
  readonly high?: string;
  readonly effect?: 'benefit' | 'dis_benefit';
  readonly from?: string;
  readonly until?: string;
  readonly type?: string;
  readonly quantity?: string;
  readonly unit?: string;
  readonly baseline?: string;
  readonly ownBill?: boolean;
  readonly notOwnBill?: boolean;
  readonly evidence?: readonly string[];
  readonly pool?: string;
  readonly enabledBy?: readonly string[];
  readonly confidence?: string;
  readonly reviewDueOn?: string;
  readonly reference?: readonly string[];
  readonly file?: string;
}

/** The option of a field, where it has one of another name; what has none is a field of --file. */
const OPTION_OF: Readonly<Record<string, string>> = {
  title: '--title',
  deliveredOn: '--delivered-on',
  basis: '--basis',
  grossOrMargin: '--margin or --gross',
  amount: '--amount',
  currency: '--currency',
  amountLow: '--low',
  amountHigh: '--high',
  recogniseFrom: '--from',
  recogniseUntil: '--until',
  ownerEmail: '--owner',
  outcomeType: '--type',
  quantity: '--quantity',
  unit: '--unit',
  effect: '--effect',
  evidence: '--evidence',
  pool: '--pool',
  enabledBy: '--enabled-by',
  confidence: '--confidence',
  reviewDueOn: '--review-due-on',
};

/** What the claim comes to; a refusal names options where a request's would name fields. */
export async function inOptions<Done>(claim: Promise<Done>): Promise<Done> {
  try {
    return await claim;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_outcomes') throw error;
    const faults = error.faults.map(({ column = '', ...fault }) => ({
      ...fault,
      column: column.startsWith('shares[') ? '--pod' : (OPTION_OF[column] ?? column),
    }));
    throw refuseStatement(error.code, OUTCOME_NOT_TAKEN, faults);
  }
}

/** The fields that the options give, and no others. @throws AppError invalid_input */
export function claimOf(options: ClaimOptions): Partial<OutcomeInput> {
  const { pod, evidence, reference, enabledBy } = options;
  const fields: { readonly [Field in keyof OutcomeInput]?: OutcomeInput[Field] | undefined } = {
    title: options.title,
    deliveredOn: options.deliveredOn,
    shares: pod?.map((text) => shareOf(text, pod.length)),
    ownerEmail: options.owner,
    basis: options.basis,
    grossOrMargin: options.gross === true ? 'gross' : options.margin === true ? 'margin' : undefined,
    amount: options.amount,
    currency: options.currency,
    amountLow: options.low,
    amountHigh: options.high,
    effect: options.effect,
    recogniseFrom: options.from,
    recogniseUntil: options.until,
    outcomeType: options.type,
    quantity: options.quantity,
    unit: options.unit,
    baseline: baselineOf(options),
    evidence: evidence?.map((url) => ({ url })),
    pool: options.pool,
    enabledBy: enabledBy === undefined ? undefined : [...enabledBy],
    confidence: options.confidence === undefined ? undefined : confidenceOf(options.confidence),
    reviewDueOn: options.reviewDueOn,
    references: reference?.map(referenceOf),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function shareOf(text: string, count: number): OutcomeInput['shares'][number] {
  const [pod = '', points] = text.split('=');
  if (points === undefined && count === 1) return { pod, basisPoints: BASIS_POINTS_WHOLE };
  if (points !== undefined && /^\d{1,5}$/.test(points)) return { pod, basisPoints: Number(points) };
  throw new AppError('invalid_input', `"${text}" is no share: write --pod ${pod}=6000, in basis points of 10000.`);
}

function baselineOf({ baseline, ownBill, notOwnBill }: ClaimOptions): OutcomeInput['baseline'] {
  if (ownBill === true && notOwnBill === true) {
    throw new AppError('invalid_input', 'The baseline is either spend in our own bills or not: give one of the two.');
  }
  const isOwnBill = ownBill === true ? true : notOwnBill === true ? false : undefined;
  if (baseline === undefined && isOwnBill === undefined) return undefined;
  return {
    ...(baseline === undefined ? {} : { text: baseline }),
    ...(isOwnBill === undefined ? {} : { isOwnBill }),
  };
}

function confidenceOf(text: string): NonNullable<OutcomeInput['confidence']> {
  const [, letter, reason] = /^([A-D])=(.+)$/s.exec(text) ?? [];
  const grade = CONFIDENCE_GRADES.find((known) => known === letter);
  if (grade !== undefined && reason !== undefined) return { grade, reason };
  throw new AppError(
    'invalid_input',
    `"${text}" is no confidence: write a grade from A to D and why, as B="one week".`,
  );
}

function referenceOf(text: string): NonNullable<OutcomeInput['references']>[number] {
  const [, system, key] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (system !== undefined && key !== undefined) return { system, key };
  throw new AppError('invalid_input', `"${text}" is no reference: write the system and its key, as jira=PAY-7.`);
}
