/**
 * What a provider asked to be paid for a billing period of a source, as finance states it: the total to hold the bill against, and
 * what of it is known not to be in the bill. Money is exact; signs are those of the total (a credit is below zero).
 */
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';

/** Everything that is stated of an invoice: the same content again changes nothing. */
export interface InvoiceContent {
  readonly sourceId: string;
  readonly invoiceId: string;
  readonly state: 'issued' | 'void';
  readonly issuerName: string | null;
  /** Null: of every billing account of the source that no other invoice names. */
  readonly billingAccountId: string | null;
  readonly billingPeriodStart: IsoDate;
  /** Exclusive. */
  readonly billingPeriodEnd: IsoDate;
  readonly currency: string;
  readonly total: Decimal;
  readonly creditsOutsideBill: Decimal;
  readonly taxOutsideBill: Decimal;
  /** Up to which a difference is rounding; null: one minor unit of the currency. */
  readonly tolerance: Decimal | null;
  readonly issuedOn: IsoDate | null;
}

/** Where an invoice is stated without naming its source: the one that bills of no declared source belong to. */
export const DEFAULT_SOURCE = 'files';

const MINOR_UNIT_PLACES_MAX = 4;

/** How many decimals amounts of a currency are written with: 2 for USD, 0 for JPY. */
export function minorUnitPlaces(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions();
  return Math.min(maximumFractionDigits ?? 2, MINOR_UNIT_PLACES_MAX);
}
