/**
 * What the fields of a stated outcome must mean together, the same for JSON and sheets: texts in, a checked statement or the faults
 * by field out. A verification that the statement has no right to lands as a claim, and a note says why.
 */
import { compare, type Decimal, decimal, isDecimalText, sum, ZERO } from '../kernel/decimal.ts';
import type { Principal } from '../kernel/ports.ts';
import { addDays, daysBetween, isIsoDate } from '../kernel/period.ts';
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { didYouMean, listWords } from '../organisation/suggestion.ts';
import { BASES, BASES_WITHOUT_MONEY, BASIS_POINTS_WHOLE, type Basis, STATED_STATES } from './outcome.ts';
import type { OutcomeContent, OutcomeReference, ScheduleRow, StatedState } from './outcome.ts';
import { settleState } from './settle-state.ts';

/** A statement as it came: every field a text, empty where it is missing. */
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
  readonly shares: readonly { pod: string; basisPoints: string }[];
  readonly ownerEmail: string;
  readonly baseline: string;
  readonly evidenceUrl: string;
  readonly references: readonly OutcomeReference[];
  readonly state: string;
  readonly verifiedBy: string;
}

export type OutcomeField = Exclude<keyof RawOutcome, 'shares'> | 'pod' | 'basisPoints';

export interface FieldFault {
  readonly field: OutcomeField;
  readonly reason: string;
  readonly fix: string;
  /** Which share the fault is in. */
  readonly shareIndex?: number;
}

export interface OutcomeContext {
  readonly principal: Principal;
  /** Known pods and their owners. */
  readonly pods: ReadonlyMap<string, { readonly ownerEmail: string | null }>;
  /** The unit of each type, stored ones and those of statements checked before. */
  readonly typeUnits: Map<string, string>;
  /** Sheets have no columns for a range, so risk needs one only elsewhere. */
  readonly needsRiskRange: boolean;
}

export interface CheckedOutcome {
  readonly content: OutcomeContent;
  readonly state: StatedState;
  readonly verifiedBy: string | null;
  readonly notes: readonly string[];
}

const RECOGNITION_DAYS_MAX = 3_660;
const EMAIL = /^[^@\s]+@[^@\s]+$/;

type Report = (field: OutcomeField, reason: string, fix: string, shareIndex?: number) => void;

/** The checked statement, or every fault in it. */
export function checkOutcome(
  raw: RawOutcome,
  context: OutcomeContext,
): { checked: CheckedOutcome | null; faults: FieldFault[] } {
  const faults: FieldFault[] = [];
  const report: Report = (field, reason, fix, shareIndex) =>
    faults.push(shareIndex === undefined ? { field, reason, fix } : { field, reason, fix, shareIndex });
  checkTexts(raw, report);
  checkShares(raw, context, report);
  const quantity = checkCount(raw, context, report);
  const money = checkMoney(raw, context, report);
  const schedule = checkSchedule(raw, money.amount, report);
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
  };
  return { checked: { content, ...settleState(raw, context) }, faults };
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
    report(
      'grossOrMargin',
      `"${raw.grossOrMargin}" is neither gross nor margin`,
      'Revenue must say which of the two it is.',
    );
  } else if (raw.basis !== 'revenue' && isOneOf(BASES, raw.basis) && raw.grossOrMargin !== '') {
    report('grossOrMargin', `only revenue is gross or margin, not ${raw.basis}`, 'Leave it empty.');
  }
  if (!EMAIL.test(raw.ownerEmail)) {
    report('ownerEmail', `"${raw.ownerEmail}" is not an e-mail address`, 'Name who answers for the benefit.');
  }
  if (raw.evidenceUrl !== '' && !/^https?:\/\/\S+$/.test(raw.evidenceUrl)) {
    report('evidenceUrl', `"${raw.evidenceUrl}" is not a web address`, 'Start it with https://.');
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
  const seen = new Set<string>();
  let total = 0;
  for (const [index, share] of raw.shares.entries()) {
    if (!context.pods.has(share.pod)) {
      const fix =
        didYouMean(share.pod, context.pods.keys()) ?? 'Add the pod to the organisation file and apply it first.';
      report('pod', `"${share.pod}" is no pod of the organisation`, fix, index);
    } else if (context.principal.role === 'pod' && !context.principal.pods.includes(share.pod)) {
      report('pod', `${context.principal.id} may not claim for pod "${share.pod}"`, 'Claim for your own pod.', index);
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
  if (raw.outcomeType === '') report('outcomeType', 'a quantity needs a type', 'Name what is counted, such as orders.');
  if (raw.unit === '') report('unit', 'a quantity needs a unit', 'Name the unit of the quantity.');
  const known = context.typeUnits.get(raw.outcomeType);
  if (known !== undefined && raw.unit !== '' && known !== raw.unit) {
    const reason = `outcomes of type "${raw.outcomeType}" count in "${known}", not in "${raw.unit}"`;
    report('unit', reason, 'A type carries one unit: use it, or name another type.');
  } else if (raw.outcomeType !== '' && raw.unit !== '') context.typeUnits.set(raw.outcomeType, raw.unit);
  return decimal(raw.quantity);
}

function checkMoney(
  raw: RawOutcome,
  context: OutcomeContext,
  report: Report,
): Pick<OutcomeContent, 'amount' | 'amountLow' | 'amountHigh'> {
  const amount = readAmount('amount', raw.amount, report);
  const amountLow = readAmount('amountLow', raw.amountLow, report);
  const amountHigh = readAmount('amountHigh', raw.amountHigh, report);
  const hasNoMoney = isOneOf(BASES_WITHOUT_MONEY, raw.basis);
  if (hasNoMoney && raw.amount !== '') {
    report('amount', `${raw.basis} is counted without money`, 'Leave amount and currency empty, or use another basis.');
  }
  if (!hasNoMoney && raw.amount === '' && raw.quantity === '') {
    report('amount', 'there is neither an amount nor a quantity', 'Give one of them.');
  }
  if (raw.amount === '' && raw.currency !== '') {
    report('currency', `${raw.currency} stands without an amount`, 'Give the amount or leave the currency empty.');
  } else if (raw.amount !== '' && !isCurrencyCode(raw.currency)) {
    report('currency', `"${raw.currency}" is not a known currency`, currencyFix(raw.currency));
  }
  const isRisk = raw.basis === 'risk_reduced' && raw.amount !== '' && context.needsRiskRange;
  if (isRisk && (raw.amountLow === '' || raw.amountHigh === '')) {
    report('amountLow', 'the amount of a reduced risk needs its range', 'Give amountLow and amountHigh.');
  }
  if (amount !== null && amountLow !== null && compare(amountLow, amount) > 0) {
    report('amountLow', `${amountLow} is above the amount ${amount}`, 'The range must hold the amount.');
  }
  if (amount !== null && amountHigh !== null && compare(amount, amountHigh) > 0) {
    report('amountHigh', `${amountHigh} is below the amount ${amount}`, 'The range must hold the amount.');
  }
  return { amount, amountLow, amountHigh };
}

function readAmount(field: OutcomeField, text: string, report: Report): Decimal | null {
  if (text === '') return null;
  if (!isDecimalText(text)) {
    report(
      field,
      `"${text}" is not an amount`,
      'Write digits with a point, such as 12500.00, without signs for thousands.',
    );
    return null;
  }
  const amount = decimal(text);
  if (compare(amount, ZERO) < 0) {
    report(field, `${text} is below zero`, 'A benefit has no sign; correct an outcome by stating it anew.');
  }
  return amount;
}

/** The schedule given, or one row from recogniseFrom (the day of delivery) to recogniseUntil (the day after, exclusive). */
function checkSchedule(raw: RawOutcome, amount: Decimal | null, report: Report): ScheduleRow[] {
  if (raw.amount === '') {
    if (raw.recogniseFrom !== '' || raw.recogniseUntil !== '' || raw.schedule.length > 0) {
      report('recogniseFrom', 'there is no amount to recognise', 'Give the amount or leave the recognition empty.');
    }
    return [];
  }
  if (raw.schedule.length > 0 && (raw.recogniseFrom !== '' || raw.recogniseUntil !== '')) {
    report('schedule', 'both a schedule and recogniseFrom or recogniseUntil are given', 'Give one of the two.');
  }
  // A day of delivery that is no date has its fault already.
  if (raw.schedule.length === 0 && raw.recogniseFrom === '' && !isIsoDate(raw.deliveredOn)) return [];
  const from = raw.recogniseFrom === '' ? raw.deliveredOn : raw.recogniseFrom;
  const until = raw.recogniseUntil === '' && isIsoDate(from) ? addDays(from, 1) : raw.recogniseUntil;
  const rows = raw.schedule.length > 0 ? raw.schedule : [{ from, until, amount: raw.amount }];
  const faultCount = { value: 0 };
  const reportRow: Report = (...fault) => {
    faultCount.value += 1;
    report(...fault);
  };
  const checked = rows.map((row) => checkScheduleRow(row, raw.schedule.length > 0, reportRow));
  const total = sum(checked.map((row) => row.amount));
  if (faultCount.value === 0 && amount !== null && compare(total, amount) !== 0) {
    report('schedule', `its rows add up to ${total}, the amount is ${amount}`, 'They must add up exactly.');
  }
  return checked;
}

function checkScheduleRow(
  row: { from: string; until: string; amount: string },
  isListed: boolean,
  report: Report,
): ScheduleRow {
  const [fromField, untilField] = isListed
    ? (['schedule', 'schedule'] as const)
    : (['recogniseFrom', 'recogniseUntil'] as const);
  const amount = isListed ? readAmount('schedule', row.amount, report) : null;
  const plain = amount ?? (isDecimalText(row.amount) ? decimal(row.amount) : ZERO);
  if (!isIsoDate(row.from) || !isIsoDate(row.until)) {
    const bad = isIsoDate(row.from) ? row.until : row.from;
    report(isIsoDate(row.from) ? untilField : fromField, `"${bad}" is not a date`, 'Write it as YYYY-MM-DD.');
  } else if (row.until <= row.from) {
    const reason = `recognition ends on ${row.until}, not after it starts on ${row.from}`;
    report(untilField, reason, 'The end is exclusive: it is the first day that no longer counts.');
  } else if (daysBetween(row.from, row.until) > RECOGNITION_DAYS_MAX) {
    report(untilField, `recognition runs longer than ${RECOGNITION_DAYS_MAX} days`, 'Give it a nearer end.');
  }
  return { from: row.from, until: row.until, amount: plain };
}

function isOneOf(words: readonly string[], text: string): boolean {
  return words.includes(text);
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
