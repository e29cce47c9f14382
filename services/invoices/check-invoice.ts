/** Checks an invoice as it was stated, in a sheet or as JSON: every field by itself and together. Nothing is guessed. */
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { compare, type Decimal, decimal, isDecimalText, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type IsoDate, isIsoDate, parsePeriod } from '../kernel/period.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import { DEFAULT_SOURCE, type InvoiceContent } from './invoice.ts';

/** The fields as text, trimmed; empty where nothing was stated. */
export type RawInvoice = Readonly<Record<InvoiceField, string>>;

export const INVOICE_FIELDS = [
  'invoiceId',
  'source',
  'issuer',
  'billingAccountId',
  'billingPeriod',
  'currency',
  'total',
  'creditsOutsideBill',
  'taxOutsideBill',
  'tolerance',
  'issuedOn',
  'state',
] as const;
export type InvoiceField = (typeof INVOICE_FIELDS)[number];

export interface InvoiceFault {
  readonly field: InvoiceField;
  readonly reason: string;
  readonly fix: string;
}

const ID_LENGTH_MAX = 200;
const BILLING_PERIOD_FIX = 'Write the billing period as 2026-09, or 2026-09-15..2026-10-15 (end exclusive).';

/** The content, or null with every fault. `sourceIds` are the sources there are. */
export function checkInvoice(
  raw: RawInvoice,
  sourceIds: readonly string[],
): { content: InvoiceContent | null; faults: InvoiceFault[] } {
  const faults: InvoiceFault[] = [];
  const fault = (field: InvoiceField, reason: string, fix: string) => void faults.push({ field, reason, fix });
  if (raw.invoiceId === '') fault('invoiceId', 'the invoice has no id', 'Write the number that stands on it.');
  for (const field of ['invoiceId', 'billingAccountId', 'issuer'] as const) {
    if (raw[field].length > ID_LENGTH_MAX) fault(field, `it is longer than ${ID_LENGTH_MAX} characters`, 'Shorten it.');
  }
  const sourceId = raw.source === '' ? DEFAULT_SOURCE : raw.source;
  if (!sourceIds.includes(sourceId)) {
    const fix =
      didYouMean(sourceId, sourceIds) ?? 'Name a source that bills come from, as "report reconciliation" shows it.';
    fault('source', `there is no source "${sourceId}"`, fix);
  }
  const period = checkPeriod(raw.billingPeriod, fault);
  if (!isCurrencyCode(raw.currency)) {
    fault('currency', `"${raw.currency}" is not a known currency`, currencyFix(raw.currency));
  }
  const money = (field: InvoiceField): Decimal | null => {
    if (raw[field] === '') return null;
    if (isDecimalText(raw[field])) return decimal(raw[field]);
    fault(field, `"${raw[field]}" is not a number`, 'Write digits with a point, such as 1234.56, without thousands.');
    return null;
  };
  if (raw.total === '') fault('total', 'the total is missing', 'Write what the invoice asks to be paid.');
  const total = money('total');
  const creditsOutsideBill = money('creditsOutsideBill') ?? ZERO;
  if (compare(creditsOutsideBill, ZERO) > 0) {
    fault('creditsOutsideBill', 'a credit lowers the total', `Write it below zero: -${creditsOutsideBill}.`);
  }
  const taxOutsideBill = money('taxOutsideBill') ?? ZERO;
  const tolerance = money('tolerance');
  if (tolerance !== null && compare(tolerance, ZERO) < 0) {
    fault('tolerance', `${tolerance} is below zero`, 'Write how far rounding may reach, such as 0.05.');
  }
  if (raw.issuedOn !== '' && !isIsoDate(raw.issuedOn)) {
    fault('issuedOn', `"${raw.issuedOn}" is not a date`, 'Write it as YYYY-MM-DD.');
  }
  if (raw.state !== '' && raw.state !== 'issued' && raw.state !== 'void') {
    fault('state', `"${raw.state}" is not a state of an invoice`, 'Write issued (or nothing), or void.');
  }
  if (faults.length > 0 || period === null || total === null) return { content: null, faults };
  const content: InvoiceContent = {
    sourceId,
    invoiceId: raw.invoiceId,
    state: raw.state === 'void' ? 'void' : 'issued',
    issuerName: textOrNull(raw.issuer),
    billingAccountId: textOrNull(raw.billingAccountId),
    billingPeriodStart: period.start,
    billingPeriodEnd: period.end,
    currency: raw.currency,
    total,
    creditsOutsideBill,
    taxOutsideBill,
    tolerance,
    issuedOn: textOrNull(raw.issuedOn),
  };
  return { content, faults };
}

/** A billing period is a calendar month or a range; fiscal quarters and years are not what providers bill. */
function checkPeriod(
  text: string,
  fault: (field: InvoiceField, reason: string, fix: string) => void,
): { start: IsoDate; end: IsoDate } | null {
  try {
    const { kind, start, end } = parsePeriod(text);
    if (kind === 'month' || kind === 'range') return { start, end };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
  fault('billingPeriod', `"${text}" is not a billing period`, BILLING_PERIOD_FIX);
  return null;
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text;
}
