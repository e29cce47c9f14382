/**
 * The one table of FOCUS columns that Outturn knows: how each is spelled in files, in SQL and in TypeScript, since when it exists and
 * what it is to us. A bill may carry any other column; it stays in the archive and out of the way.
 */

/** text, money (a cost), quantity (a decimal that may be null), moment (a UTC instant), tags. */
export type FocusColumnType = 'text' | 'money' | 'quantity' | 'moment' | 'tags';

export interface FocusColumn {
  /** As in FOCUS, in files and exports. */
  readonly focus: string;
  /** As a column of our tables. */
  readonly sql: string;
  /** As a field in TypeScript. */
  readonly ts: string;
  readonly type: FocusColumnType;
  /** The FOCUS version that introduced it, of those we read. */
  readonly since: '1.0' | '1.1' | '1.2' | '1.3' | '1.4';
  /** Without the column a bill is refused. */
  readonly isMandatory: boolean;
  /** A line without a value in it is refused. */
  readonly needsValue: boolean;
  /** origin: part of what a charge came from (a rule can test it); charge: kept with the charge; line: read, or only archived. */
  readonly belongsTo: 'origin' | 'charge' | 'line';
  /** Further spellings, oldest last: read where the column itself is missing or null on a line. */
  readonly alternatives: readonly string[];
}

function column(
  focus: string,
  type: FocusColumnType,
  belongsTo: FocusColumn['belongsTo'],
  options: {
    mandatory?: boolean;
    mayBeEmpty?: boolean;
    since?: FocusColumn['since'];
    alternatives?: readonly string[];
  } = {},
): FocusColumn {
  return {
    focus,
    sql: focus.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase(),
    ts: focus.charAt(0).toLowerCase() + focus.slice(1),
    type,
    since: options.since ?? '1.0',
    isMandatory: options.mandatory ?? false,
    needsValue: options.mandatory === true && options.mayBeEmpty !== true,
    belongsTo,
    alternatives: options.alternatives ?? [],
  };
}

const MANDATORY = { mandatory: true };
const MAY_BE_EMPTY = { mandatory: true, mayBeEmpty: true };

/**
 * Mandatory for us is what a figure would be wrong without: the four costs, their currency, the periods, whose bill it is and which
 * kind of charge. FOCUS wants a value on every line; real bills leave ServiceName (tax, credits), ListCost and ContractedCost (Oracle)
 * empty on some. Those are let in, an empty cost as zero; an empty BilledCost or EffectiveCost is not.
 * The order of the origin columns is the order in which an origin's digest is taken: append, never reorder.
 */
export const FOCUS_COLUMNS: readonly FocusColumn[] = [
  column('ProviderName', 'text', 'origin', { ...MANDATORY, alternatives: ['ServiceProviderName'] }),
  column('PublisherName', 'text', 'origin', { alternatives: ['HostProviderName'] }),
  column('InvoiceIssuerName', 'text', 'origin'),
  column('BillingAccountId', 'text', 'origin', MANDATORY),
  column('SubAccountId', 'text', 'origin'),
  column('SubAccountName', 'text', 'origin'),
  column('ServiceName', 'text', 'origin', MAY_BE_EMPTY),
  column('ServiceCategory', 'text', 'origin'),
  column('RegionId', 'text', 'origin'),
  column('ResourceId', 'text', 'origin'),
  column('ResourceName', 'text', 'origin'),
  column('ResourceType', 'text', 'origin'),
  column('ChargeCategory', 'text', 'origin', MANDATORY),
  column('ChargeClass', 'text', 'origin'),
  column('CommitmentDiscountId', 'text', 'origin'),
  column('CommitmentDiscountStatus', 'text', 'origin'),
  column('Tags', 'tags', 'origin'),
  column('SkuId', 'text', 'charge'),
  column('PricingCategory', 'text', 'charge'),
  column('InvoiceId', 'text', 'charge', { since: '1.2' }),
  column('BillingCurrency', 'text', 'charge', MANDATORY),
  column('PricingCurrency', 'text', 'charge', { since: '1.2' }),
  column('ConsumedUnit', 'text', 'charge'),
  column('ConsumedQuantity', 'quantity', 'charge'),
  column('BilledCost', 'money', 'charge', MANDATORY),
  column('EffectiveCost', 'money', 'charge', MANDATORY),
  column('ListCost', 'money', 'charge', MAY_BE_EMPTY),
  column('ContractedCost', 'money', 'charge', MAY_BE_EMPTY),
  column('BillingPeriodStart', 'moment', 'line', MANDATORY),
  column('BillingPeriodEnd', 'moment', 'line', MANDATORY),
  column('ChargePeriodStart', 'moment', 'line', MANDATORY),
  column('ChargePeriodEnd', 'moment', 'line', MANDATORY),
  column('ChargeDescription', 'text', 'line'),
  column('ChargeFrequency', 'text', 'line'),
  column('BillingAccountName', 'text', 'line'),
  column('ServiceSubcategory', 'text', 'line', { since: '1.1' }),
  column('SkuMeter', 'text', 'line', { since: '1.1' }),
  column('SkuPriceId', 'text', 'line'),
  column('BillingAccountType', 'text', 'line', { since: '1.2' }),
  column('SubAccountType', 'text', 'line', { since: '1.2' }),
  column('AllocatedMethodId', 'text', 'line', { since: '1.3' }),
  column('AllocatedResourceId', 'text', 'line', { since: '1.3' }),
];

/** The text attributes of an origin, in digest order; Tags follow them. */
export const ORIGIN_TEXT_COLUMNS: readonly FocusColumn[] = FOCUS_COLUMNS.filter(
  (entry) => entry.belongsTo === 'origin' && entry.type === 'text',
);

/** The text attributes of a charge beside its origin. */
export const CHARGE_TEXT_COLUMNS: readonly FocusColumn[] = FOCUS_COLUMNS.filter(
  (entry) => entry.belongsTo === 'charge' && entry.type === 'text',
);

/** The four cost metrics, in the order of our tables. */
export const MONEY_COLUMNS: readonly FocusColumn[] = FOCUS_COLUMNS.filter((entry) => entry.type === 'money');

/** Every spelling that makes a header recognisable as FOCUS. */
export const FOCUS_SPELLINGS: readonly string[] = FOCUS_COLUMNS.flatMap((entry) => [
  entry.focus,
  ...entry.alternatives,
]);
