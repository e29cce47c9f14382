/**
 * What the fields of a stated outcome must mean together, the same for JSON and sheets: texts in, a checked statement or the faults
 * by field out. A verification that the statement has no right to lands as a claim, and a note says why.
 */
import { type Decimal, decimal, isDecimalText } from '../../kernel/decimal.ts';
import { isIsoDate } from '../../kernel/period.ts';
import { didYouMean, listWords } from '../../organisation/suggestion.ts';
import { faultOfFigure } from './check-figure.ts';
import { checkLines } from './check-lines.ts';
import { checkMoney, checkSchedule } from './check-money.ts';
import { checkRecord, linksOf } from './check-record.ts';
import { BASES, BASIS_POINTS_WHOLE, type Basis, STATED_STATES } from '../outcome.ts';
import type { OutcomeContent } from '../outcome.ts';
import type { CheckedOutcome, FieldFault, OutcomeContext, Report } from './checked-outcome.ts';
import type { RawOutcome } from './raw-outcome.ts';
import { settleShares, settleState } from './settle-state.ts';

/** Neither a name nor a scheme beside it, nor signs that nobody sees: whoever owns an outcome must be known again. */
const EMAIL = /^[^@\s\p{C}<>:;,"]+@[^@\s\p{C}<>:;,"]+$/u;

/** The checked statement, or every fault in it. */
export function checkOutcome(
  raw: RawOutcome,
  context: OutcomeContext,
): { checked: CheckedOutcome | null; faults: FieldFault[] } {
  const faults: FieldFault[] = [];
  const report: Report = (field, reason, fix, shareIndex) =>
    faults.push(shareIndex === undefined ? { field, reason, fix } : { field, reason, fix, shareIndex });
  checkTexts(raw, report);
  checkLines(raw, report);
  checkShares(raw, context, report);
  const quantity = checkCount(raw, context, report);
  const money = checkMoney(raw, report);
  const schedule = checkSchedule(raw, money.amount, report);
  const further = checkRecord(raw, context, report);
  if (faults.length > 0) return { checked: null, faults };
  const content: OutcomeContent = {
    title: raw.title,
    outcomeType: orNull(raw.outcomeType),
    unit: orNull(raw.unit),
    quantity,
    basis: raw.basis as Basis,
    grossOrMargin: orNull(raw.grossOrMargin) as OutcomeContent['grossOrMargin'],
    ...money,
    currency: orNull(raw.currency),
    deliveredOn: raw.deliveredOn,
    schedule,
    shares: raw.shares
      .map((share) => ({ podId: share.pod, basisPoints: Number(share.basisPoints) }))
      .sort((left, right) => (left.podId < right.podId ? -1 : 1)),
    ownerEmail: raw.ownerEmail,
    baseline: orNull(raw.baseline),
    evidenceUrl: orNull(raw.evidenceUrl),
    references: [...raw.references].sort((left, right) =>
      `${left.system}\n${left.key}` < `${right.system}\n${right.key}` ? -1 : 1,
    ),
    ...further,
  };
  const evidence = linksOf(raw);
  const { agreements, notes } = settleShares(raw, context);
  const settled = settleState(raw, context);
  const statedPods = raw.shares.map((share) => share.pod);
  const checked = { content, evidence, statedPods, agreements, ...settled, notes: [...notes, ...settled.notes] };
  return { checked, faults };
}

function checkTexts(raw: RawOutcome, report: Report): void {
  if (raw.title === '') report('title', 'the title is empty', 'Say in a line what was delivered.');
  if (!isIsoDate(raw.deliveredOn)) {
    report('deliveredOn', `"${raw.deliveredOn}" is not a date`, 'Write the day of delivery as YYYY-MM-DD.');
  }
  if (!isOneOf(BASES, raw.basis)) {
    report('basis', `"${raw.basis}" is not a basis`, didYouMean(raw.basis, BASES) ?? `Use ${listWords(BASES)}.`);
  }
  if (raw.basis === 'revenue' && !isOneOf(['gross', 'margin'], raw.grossOrMargin)) {
    const reason =
      raw.grossOrMargin === ''
        ? 'revenue does not say whether it is gross or margin'
        : `"${raw.grossOrMargin}" is neither gross nor margin`;
    report('grossOrMargin', reason, 'Say which of the two the amount is.');
  } else if (raw.basis !== 'revenue' && isOneOf(BASES, raw.basis) && raw.grossOrMargin !== '') {
    report('grossOrMargin', `only revenue is gross or margin, not ${raw.basis}`, 'Leave it empty.');
  }
  if (!EMAIL.test(raw.ownerEmail)) {
    report('ownerEmail', `"${raw.ownerEmail}" is not an e-mail address`, 'Name who answers for the benefit.');
  }
  if (raw.state !== '' && !isOneOf(STATED_STATES, raw.state)) {
    report(
      'state',
      `"${raw.state}" cannot be stated`,
      didYouMean(raw.state, STATED_STATES) ?? 'Use claimed or verified.',
    );
  }
}

function checkShares(raw: RawOutcome, context: OutcomeContext, report: Report): void {
  const { principal } = context;
  // A pod claims with a share of its own; what it gives to others beside it is a proposal until they agree.
  const isForeign = principal.role === 'pod' && !raw.shares.some(({ pod }) => principal.pods.includes(pod));
  const seen = new Set<string>();
  let total = 0;
  for (const [index, share] of raw.shares.entries()) {
    if (!context.pods.has(share.pod)) {
      const fix =
        didYouMean(share.pod, context.pods.keys()) ?? 'Add the pod to the organisation file and apply it first.';
      report('pod', `"${share.pod}" is no pod of the organisation`, fix, index);
    } else if (isForeign && index === 0) {
      report(
        'pod',
        `${principal.id} may not claim for pod "${share.pod}"`,
        'Claim for your own pod, and propose shares of others beside it.',
        index,
      );
    }
    if (seen.has(share.pod)) report('pod', `pod "${share.pod}" has two shares`, 'Give each pod one.', index);
    seen.add(share.pod);
    const isShare = /^\d{1,5}$/.test(share.basisPoints) && Number(share.basisPoints) >= 1;
    if (!isShare || Number(share.basisPoints) > BASIS_POINTS_WHOLE) {
      const fix = 'Write a whole number from 1 to 10000; every share needs one where there are several.';
      report('basisPoints', `"${share.basisPoints}" is not a share in basis points`, fix, index);
    } else total += Number(share.basisPoints);
  }
  if (total > BASIS_POINTS_WHOLE) {
    const reason = `the shares add up to ${total} basis points, more than ${BASIS_POINTS_WHOLE}`;
    report(
      'basisPoints',
      reason,
      'Lower them; what is missing to 10000 is shown as unattributed.',
      raw.shares.length - 1,
    );
  }
}

function checkCount(raw: RawOutcome, context: OutcomeContext, report: Report): Decimal | null {
  if (raw.quantity === '') {
    if (raw.basis === 'unit_outcome') report('quantity', 'a unit outcome has no quantity', 'Say how many there were.');
    if (raw.unit !== '')
      report('unit', `there is no quantity of "${raw.unit}"`, 'Give the quantity or leave the unit empty.');
    return null;
  }
  if (!isDecimalText(raw.quantity)) {
    report('quantity', `"${raw.quantity}" is not a number`, 'Write digits with a point.');
    return null;
  }
  const tooLong = faultOfFigure(decimal(raw.quantity));
  if (tooLong !== null) report('quantity', tooLong.reason, tooLong.fix);
  if (raw.outcomeType === '') report('outcomeType', 'a quantity needs a type', 'Name what is counted, such as orders.');
  if (raw.unit === '') report('unit', 'a quantity needs a unit', 'Name the unit of the quantity.');
  const known = context.typeUnits.get(raw.outcomeType);
  if (known !== undefined && raw.unit !== '' && known !== raw.unit) {
    const reason = `outcomes of type "${raw.outcomeType}" count in "${known}", not in "${raw.unit}"`;
    report('unit', reason, 'A type carries one unit: use it, or name another type.');
  } else if (raw.outcomeType !== '' && raw.unit !== '') context.typeUnits.set(raw.outcomeType, raw.unit);
  return decimal(raw.quantity);
}

function isOneOf(words: readonly string[], text: string): boolean {
  return words.includes(text);
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
