/**
 * Why an invoice's total differs from the bill, as far as the data tells: what was stated to be outside of the bill, parts of the
 * bill that make up the difference exactly or but for rounding, and what remains. The reasons' amounts add up to the difference.
 */
import { add, compare, type Decimal, isZero, subtract, sum, ZERO } from '../kernel/decimal.ts';

export type ReasonCode =
  | 'creditsOutsideBill'
  | 'taxOutsideBill'
  | 'taxNotInvoiced'
  | 'creditsNotInvoiced'
  | 'withoutInvoiceId'
  | 'notInBill'
  | 'rounding'
  | 'unexplained';

export interface InvoiceReason {
  readonly reason: ReasonCode;
  /** Its part of invoice − BilledCost. */
  readonly amount: Decimal;
  readonly text: string;
}

export interface InvoiceComparison {
  readonly invoice: Decimal;
  readonly billed: Decimal;
  readonly tolerance: Decimal;
  readonly creditsOutsideBill: Decimal;
  readonly taxOutsideBill: Decimal;
  /** Of the charges that were compared: those of category Tax and Credit. */
  readonly billedTax: Decimal;
  readonly billedCredits: Decimal;
  /** Charges of the same accounts, billing period and currency that carry no invoice id and were not compared. */
  readonly withoutInvoiceId: Decimal;
  /** Lines that were compared. */
  readonly lines: number;
}

export type InvoiceState = 'equal' | 'withinTolerance' | 'explained' | 'differs' | 'notInBill';

/** The reasons of one comparison, none where the two are equal. */
export function explainDifference(compared: InvoiceComparison): { state: InvoiceState; reasons: InvoiceReason[] } {
  const difference = subtract(compared.invoice, compared.billed);
  if (compared.lines === 0) {
    const text =
      'The published bills hold no line of this invoice: lines are missing, or its number, account or period is another.';
    return { state: 'notInBill', reasons: [{ reason: 'notInBill', amount: difference, text }] };
  }
  const stated = reasonsOf([
    [
      'creditsOutsideBill',
      compared.creditsOutsideBill,
      'Credits that the provider grants outside of the bill, as stated.',
    ],
    ['taxOutsideBill', compared.taxOutsideBill, 'Tax that the provider adds outside of the bill, as stated.'],
  ]);
  const open = subtract(difference, total(stated));
  const found = isWithin(open, compared.tolerance) ? [] : findParts(open, compared);
  const rest = subtract(open, total(found));
  const last = isZero(rest) ? [] : [lastReason(rest, compared.tolerance)];
  const reasons = [...stated, ...found, ...last];
  return { state: stateOf(reasons), reasons };
}

/** The fewest parts of the bill that make up what is open, within the tolerance; none where no choice does. */
function findParts(open: Decimal, compared: InvoiceComparison): InvoiceReason[] {
  const candidates = reasonsOf([
    [
      'withoutInvoiceId',
      compared.withoutInvoiceId,
      'Charges of the same account that carry no invoice id yet make up this amount.',
    ],
    [
      'taxNotInvoiced',
      subtract(ZERO, compared.billedTax),
      'The bill’s tax makes up this amount: the total was stated without it.',
    ],
    [
      'creditsNotInvoiced',
      subtract(ZERO, compared.billedCredits),
      'The bill’s credits make up this amount: the total was stated before them.',
    ],
  ]);
  const choices: InvoiceReason[][] = [[]];
  for (const candidate of candidates) choices.push(...choices.map((choice) => [...choice, candidate]));
  choices.sort((left, right) => left.length - right.length);
  return choices.find((choice) => isWithin(subtract(open, total(choice)), compared.tolerance)) ?? [];
}

function lastReason(amount: Decimal, tolerance: Decimal): InvoiceReason {
  return isWithin(amount, tolerance)
    ? { reason: 'rounding', amount, text: `Rounding: within the tolerance of ${tolerance}.` }
    : { reason: 'unexplained', amount, text: 'Nothing in the bill explains this. Ask who issued the invoice.' };
}

function reasonsOf(list: readonly (readonly [ReasonCode, Decimal, string])[]): InvoiceReason[] {
  return list.flatMap(([reason, amount, text]) => (isZero(amount) ? [] : [{ reason, amount, text }]));
}

function stateOf(reasons: readonly InvoiceReason[]): InvoiceState {
  if (reasons.length === 0) return 'equal';
  if (reasons.some(({ reason }) => reason === 'unexplained')) return 'differs';
  return reasons.every(({ reason }) => reason === 'rounding') ? 'withinTolerance' : 'explained';
}

function total(reasons: readonly InvoiceReason[]): Decimal {
  return sum(reasons.map(({ amount }) => amount));
}

function isWithin(amount: Decimal, tolerance: Decimal): boolean {
  return compare(amount, tolerance) <= 0 && compare(add(amount, tolerance), ZERO) >= 0;
}
