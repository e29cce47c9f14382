/**
 * The columns of FOCUS 1.2 as an export writes them, in the specification's order, with what it says of each: type, whether a dataset
 * must have it, and whether a line may leave it empty. The providers' own columns and ours follow; FOCUS wants their `x_`.
 */

/** text, decimal (no exponent), moment (UTC, seconds), json (an object). */
export type ExportType = 'text' | 'decimal' | 'moment' | 'json';

export interface ExportColumn {
  readonly name: string;
  readonly type: ExportType;
  /** Written even where no exported bill has it; every other column only where one has. */
  readonly isMandatory: boolean;
  readonly isNullable: boolean;
}

const M = { isMandatory: true, isNullable: false };
const MN = { isMandatory: true, isNullable: true };
const C = { isMandatory: false, isNullable: true };
/** Conditional or recommended, and never empty on the lines it applies to. */
const V = { isMandatory: false, isNullable: false };

const COLUMNS: readonly (readonly [name: string, type: ExportType, level: typeof M])[] = [
  ['AvailabilityZone', 'text', C],
  ['BilledCost', 'decimal', M],
  ['BillingAccountId', 'text', M],
  ['BillingAccountName', 'text', MN],
  ['BillingAccountType', 'text', V],
  ['BillingCurrency', 'text', M],
  ['BillingPeriodEnd', 'moment', M],
  ['BillingPeriodStart', 'moment', M],
  ['CapacityReservationId', 'text', C],
  ['CapacityReservationStatus', 'text', C],
  ['ChargeCategory', 'text', M],
  ['ChargeClass', 'text', MN],
  ['ChargeDescription', 'text', MN],
  ['ChargeFrequency', 'text', V],
  ['ChargePeriodEnd', 'moment', M],
  ['ChargePeriodStart', 'moment', M],
  ['CommitmentDiscountCategory', 'text', C],
  ['CommitmentDiscountId', 'text', C],
  ['CommitmentDiscountName', 'text', C],
  ['CommitmentDiscountQuantity', 'decimal', C],
  ['CommitmentDiscountStatus', 'text', C],
  ['CommitmentDiscountType', 'text', C],
  ['CommitmentDiscountUnit', 'text', C],
  ['ConsumedQuantity', 'decimal', C],
  ['ConsumedUnit', 'text', C],
  ['ContractedCost', 'decimal', M],
  ['ContractedUnitPrice', 'decimal', C],
  ['EffectiveCost', 'decimal', M],
  ['InvoiceId', 'text', C],
  ['InvoiceIssuerName', 'text', M],
  ['ListCost', 'decimal', M],
  ['ListUnitPrice', 'decimal', C],
  ['PricingCategory', 'text', C],
  ['PricingCurrency', 'text', C],
  ['PricingCurrencyContractedUnitPrice', 'decimal', C],
  ['PricingCurrencyEffectiveCost', 'decimal', C],
  ['PricingCurrencyListUnitPrice', 'decimal', C],
  ['PricingQuantity', 'decimal', MN],
  ['PricingUnit', 'text', MN],
  ['ProviderName', 'text', M],
  ['PublisherName', 'text', M],
  ['RegionId', 'text', C],
  ['RegionName', 'text', C],
  ['ResourceId', 'text', C],
  ['ResourceName', 'text', C],
  ['ResourceType', 'text', C],
  ['ServiceCategory', 'text', M],
  ['ServiceName', 'text', M],
  ['ServiceSubcategory', 'text', V],
  ['SkuId', 'text', C],
  ['SkuMeter', 'text', C],
  ['SkuPriceDetails', 'json', C],
  ['SkuPriceId', 'text', C],
  ['SubAccountId', 'text', C],
  ['SubAccountName', 'text', C],
  ['SubAccountType', 'text', V],
  ['Tags', 'json', C],
];

export const FOCUS_12_COLUMNS: readonly ExportColumn[] = COLUMNS.map(([name, type, level]) => ({
  name,
  type,
  ...level,
}));

/** Ours: whose the line is and why, its part of the delivered line, and where that line stands. */
export const OWN_COLUMNS: readonly ExportColumn[] = [
  ['x_PodId', 'text'],
  ['x_AttributionKind', 'text'],
  ['x_AttributionRuleId', 'text'],
  ['x_Share', 'decimal'],
  ['x_RulebookId', 'text'],
  ['x_StatementId', 'text'],
  ['x_SourceId', 'text'],
  ['x_LoadId', 'text'],
  ['x_FileName', 'text'],
  ['x_Record', 'text'],
].map(([name = '', type]) => ({ name, type: type as ExportType, isMandatory: true, isNullable: true }));

/** The four costs, whose parts make up the report's figures. */
export const SPLIT_COSTS = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'] as const;
/** What is shared out in the same proportions beside them; prices stay what they are. */
export const SPLIT_QUANTITIES = [
  'ConsumedQuantity',
  'PricingQuantity',
  'CommitmentDiscountQuantity',
  'PricingCurrencyEffectiveCost',
] as const;

/** What a line gets where its provider left a value out that FOCUS wants on every line (real bills do), by SQL over `line`. */
export const FALLBACKS: Readonly<Record<string, string>> = {
  InvoiceIssuerName: 'ProviderName',
  PublisherName: 'ProviderName',
  ServiceName: 'ChargeCategory',
  ServiceCategory: "'Other'",
};
