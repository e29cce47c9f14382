/**
 * One month of AWS with a line of every type, in each of the formats that AWS bills it in: the legacy report, CUR 2.0 and FOCUS. The FOCUS
 * lines are written as AWS's FOCUS export has them, not derived from the others: what a Savings Plan covers bills nothing there and has no
 * negation, unused commitment is a line of its own, and private discounts are in the prices.
 */
import { type BillLine, billLine } from './billing.ts';

const ARN = 'arn:aws:savingsplans::000000000017:savingsplan/one';

/** A line of the legacy report; its columns in CUR 2.0 are the same words with underscores. */
export function curLine(type: string, cells: BillLine): BillLine {
  return {
    'bill/InvoiceId': '',
    'bill/BillingEntity': 'AWS',
    'bill/PayerAccountId': '000000000017',
    'bill/BillingPeriodStartDate': '2026-09-01T00:00:00Z',
    'bill/BillingPeriodEndDate': '2026-10-01T00:00:00Z',
    'lineItem/UsageAccountId': '000000000042',
    'lineItem/LineItemType': type,
    'lineItem/UsageStartDate': '2026-09-14T00:00:00Z',
    'lineItem/UsageEndDate': '2026-09-14T01:00:00Z',
    'lineItem/ProductCode': 'AmazonEC2',
    'lineItem/UsageType': 'BoxUsage:m5.large',
    'lineItem/ResourceId': 'i-1',
    'lineItem/UsageAmount': '1',
    'lineItem/CurrencyCode': 'USD',
    'lineItem/UnblendedCost': '0',
    'lineItem/LineItemDescription': 'a line',
    'product/ProductName': 'Amazon Elastic Compute Cloud',
    'pricing/publicOnDemandCost': '',
    'reservation/EffectiveCost': '',
    'reservation/UnusedAmortizedUpfrontFeeForBillingPeriod': '',
    'reservation/UnusedRecurringFee': '',
    'reservation/ReservationARN': '',
    'savingsPlan/TotalCommitmentToDate': '',
    'savingsPlan/UsedCommitment': '',
    'savingsPlan/SavingsPlanEffectiveCost': '',
    'savingsPlan/SavingsPlanARN': '',
    'resourceTags/user:pod': '',
    'resourceTags/aws:createdBy': '',
    ...cells,
  };
}

/** A month with a line of every type, what each bills and what it costs in effect. */
export const AWS_MONTH: readonly (readonly [line: BillLine, billed: string, effective: string, category: string])[] = [
  [
    curLine('Usage', { 'lineItem/UnblendedCost': '1.25', 'resourceTags/user:pod': 'checkout' }),
    '1.25',
    '1.25',
    'Usage',
  ],
  [
    curLine('DiscountedUsage', { 'lineItem/UnblendedCost': '0', 'reservation/EffectiveCost': '0.6' }),
    '0',
    '0.6',
    'Usage',
  ],
  [
    curLine('RIFee', {
      'lineItem/UnblendedCost': '30',
      'reservation/UnusedAmortizedUpfrontFeeForBillingPeriod': '1.1',
      'reservation/UnusedRecurringFee': '2.2E-1',
    }),
    '30',
    '1.32',
    'Purchase',
  ],
  [curLine('Fee', { 'lineItem/UnblendedCost': '500', 'reservation/ReservationARN': 'arn:ri' }), '500', '0', 'Purchase'],
  [
    curLine('SavingsPlanCoveredUsage', {
      'lineItem/UnblendedCost': '0.096',
      'savingsPlan/SavingsPlanEffectiveCost': '0.07',
      'savingsPlan/SavingsPlanARN': ARN,
    }),
    '0.096',
    '0.07',
    'Usage',
  ],
  [
    curLine('SavingsPlanNegation', { 'lineItem/UnblendedCost': '-0.096', 'savingsPlan/SavingsPlanARN': ARN }),
    '-0.096',
    '0',
    'Usage',
  ],
  [
    curLine('SavingsPlanRecurringFee', {
      'lineItem/UnblendedCost': '0.1',
      'savingsPlan/TotalCommitmentToDate': '0.1',
      'savingsPlan/UsedCommitment': '0.07',
      'savingsPlan/SavingsPlanARN': ARN,
    }),
    '0.1',
    '0.03',
    'Purchase',
  ],
  [
    curLine('SavingsPlanUpfrontFee', { 'lineItem/UnblendedCost': '900', 'savingsPlan/SavingsPlanARN': ARN }),
    '900',
    '0',
    'Purchase',
  ],
  [curLine('EdpDiscount', { 'lineItem/UnblendedCost': '-0.125' }), '-0.125', '-0.125', 'Usage'],
  [curLine('PrivateRateDiscount', { 'lineItem/UnblendedCost': '-0.01' }), '-0.01', '-0.01', 'Usage'],
  [curLine('BundledDiscount', { 'lineItem/UnblendedCost': '-0.02' }), '-0.02', '-0.02', 'Usage'],
  [curLine('Credit', { 'lineItem/UnblendedCost': '-5' }), '-5', '-5', 'Credit'],
  [curLine('Refund', { 'lineItem/UnblendedCost': '-3' }), '-3', '-3', 'Adjustment'],
  [
    curLine('Tax', { 'lineItem/UnblendedCost': '12.34', 'lineItem/UsageEndDate': '2026-09-14T00:00:00Z' }),
    '12.34',
    '12.34',
    'Tax',
  ],
  [
    curLine('Fee', { 'lineItem/UnblendedCost': '9.99', 'bill/BillingEntity': 'AWS Marketplace' }),
    '9.99',
    '9.99',
    'Purchase',
  ],
];
export const AWS_MONTH_LINES = AWS_MONTH.map(([cells]) => cells);

const TAGGED = /^resourceTags\//;
const snakeCase = (name: string) =>
  name
    .replace('/', '_')
    .replace(/(?<=[a-z])(?=[A-Z])|(?<=ARN)(?=[a-z])/g, '_')
    .toLowerCase();

/** The same lines as the legacy report writes them into Parquet: names with underscores, tags in columns of their own. */
export function asReportInParquet(lines: readonly BillLine[]): BillLine[] {
  return lines.map((cells) =>
    Object.fromEntries(Object.entries(cells).map(([name, value]) => [snakeCase(name.replace(':', '_')), value])),
  );
}

/** The same month as CUR 2.0 writes it: other names, tags in one map. */
export function asCur2(lines: readonly BillLine[]): BillLine[] {
  return lines.map((cells) => {
    const own = Object.entries(cells).filter(([name]) => !TAGGED.test(name));
    const tags = Object.entries(cells).flatMap(([name, value]) =>
      TAGGED.test(name) && value !== '' ? [[name.replace(TAGGED, '').replace('user:', 'user_'), value]] : [],
    );
    return {
      ...Object.fromEntries(own.map(([name, value]) => [snakeCase(name), value])),
      resource_tags: JSON.stringify(Object.fromEntries(tags)),
    };
  });
}

/** What the whole month bills, and what it costs in effect. */
export const AWS_MONTH_BILLED = '1445.525';
export const AWS_MONTH_EFFECTIVE = '17.445';

const focusLine = (category: string, billed: string, effective: string, cells: BillLine = {}) =>
  billLine({
    BilledCost: billed,
    EffectiveCost: effective,
    ListCost: billed,
    ContractedCost: billed,
    BillingAccountId: '000000000017',
    SubAccountId: '000000000042',
    ChargeCategory: category,
    PublisherName: 'AWS',
    InvoiceIssuerName: 'AWS',
    ServiceName: 'Amazon Elastic Compute Cloud',
    Tags: '',
    x_ServiceCode: 'AmazonEC2',
    x_Discounts: '',
    ...cells,
  });

/** The month as FOCUS 1.0 with AWS columns. */
export const AWS_MONTH_FOCUS: readonly BillLine[] = [
  focusLine('Usage', '1.095', '1.095', { Tags: '{"pod": "checkout"}', x_Discounts: '{"edp": -0.125}' }),
  focusLine('Usage', '0', '0.6'),
  focusLine('Purchase', '30', '0'),
  focusLine('Usage', '0', '1.32'),
  focusLine('Purchase', '500', '0'),
  focusLine('Usage', '0', '0.07'),
  focusLine('Purchase', '0.1', '0'),
  focusLine('Usage', '0', '0.03'),
  focusLine('Purchase', '900', '0'),
  focusLine('Credit', '-5', '-5'),
  focusLine('Adjustment', '-3', '-3'),
  focusLine('Tax', '12.34', '12.34', { ResourceId: '' }),
  focusLine('Purchase', '9.99', '9.99', { InvoiceIssuerName: 'AWS Marketplace' }),
];

/** The month as FOCUS 1.2 with AWS columns: what 1.0 did not have. */
export const AWS_MONTH_FOCUS_12: readonly BillLine[] = AWS_MONTH_FOCUS.map((line) => ({
  ...line,
  InvoiceId: '1234567890',
  BillingAccountType: 'Management Account',
  SubAccountType: 'Member Account',
  CapacityReservationId: '',
  ServiceSubcategory: 'Virtual Machines',
  SkuMeter: 'BoxUsage:m5.large',
  SkuPriceDetails: '{"x_vcpu": "2"}',
  PricingCurrency: 'USD',
  PricingCurrencyEffectiveCost: line['EffectiveCost'] ?? '',
}));
