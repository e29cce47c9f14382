/**
 * How each cloud writes its lines down: AWS as FOCUS 1.0 CSV.GZ with twelve decimals and its x_ columns, Microsoft as FOCUS 1.0 CSV in
 * euros with a byte order mark and no AvailabilityZone, Google as FOCUS 1.2 Parquet with decimals and tags as a map.
 */
import { AWS_PAYER } from './components.ts';
import type { Cloud } from './cloud-service.ts';

/** A column's name and the SQL that gives it, over `line` joined with `resource` and `fixed`. */
type Column = readonly [name: string, sql: string];

interface BillFormat {
  readonly provider: string;
  readonly billingCurrency: string;
  /** The file's name in its billing month's folder. */
  readonly fileName: (month: string) => string;
  readonly copyOptions: string;
  /** Whether the file is gzipped once it is written. */
  readonly isCompressed: boolean;
  readonly columns: readonly Column[];
}

interface Style {
  readonly time: (sql: string) => string;
  readonly decimal: (sql: string) => string;
  readonly tags: string;
}

const CSV_TAGS = 'coalesce(resource.tags, fixed.tags)';
const IS_COMMITMENT = 'line.n IS NULL AND line.f IS NULL';
const HAS_COMMITMENT = `(${IS_COMMITMENT} OR line.status IS NOT NULL)`;
const HAS_QUANTITY = 'line.qty IS NOT NULL';

const AWS_STYLE: Style = {
  time: (sql) => `strftime(${sql}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.000Z')`,
  decimal: (sql) => `(${sql})::VARCHAR`,
  tags: CSV_TAGS,
};
const AZURE_STYLE: Style = {
  time: (sql) => `strftime(${sql}::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ')`,
  decimal: (sql) => `plain(${sql})`,
  tags: CSV_TAGS,
};
const GCP_STYLE: Style = {
  time: (sql) => `${sql}::TIMESTAMP`,
  decimal: (sql) => `CAST(${sql} AS DECIMAL(28,12))`,
  tags: `CAST(${CSV_TAGS}::JSON AS MAP(VARCHAR, VARCHAR))`,
};

interface Names {
  readonly provider: string;
  readonly issuer: string;
  readonly currency: string;
  readonly billingAccountId: string;
  readonly billingAccountName: string;
  readonly commitment: readonly [category: string, id: string, name: string, type: string, service: string] | null;
  readonly commitmentSubAccount: readonly [id: string, name: string];
}

const AWS_NAMES: Names = {
  provider: 'AWS',
  issuer: 'Amazon Web Services EMEA SARL',
  currency: 'USD',
  billingAccountId: AWS_PAYER,
  billingAccountName: 'Larkfield',
  commitment: [
    'Spend',
    `arn:aws:savingsplans::${AWS_PAYER}:savingsplan/6c1f9b7a-52d8-4e03-a4b1-9e7d30c5f218`,
    'Compute Savings Plan 1 year',
    'Compute Savings Plans',
    'Savings Plans for AWS Compute usage',
  ],
  commitmentSubAccount: [AWS_PAYER, 'larkfield-payer'],
};
const AZURE_NAMES: Names = {
  provider: 'Microsoft',
  issuer: 'Microsoft',
  currency: 'EUR',
  billingAccountId: '/providers/Microsoft.Billing/billingAccounts/70419263',
  billingAccountName: 'Larkfield Europe',
  commitment: [
    'Usage',
    '/providers/Microsoft.Capacity/reservationOrders/2d9e6f40-8b15-4c7a-93fe-5a1c70b8e264',
    'VM_RI_D4v5_westeurope',
    'Reservation',
    'Virtual Machines',
  ],
  commitmentSubAccount: ['/subscriptions/c47e9a02-16b8-43d5-8f7a-e05b3c9d2846', 'Larkfield Shared'],
};
const GCP_NAMES: Names = {
  provider: 'Google Cloud',
  issuer: 'Google Cloud EMEA Limited',
  currency: 'USD',
  billingAccountId: '01A4F7-9C2E63-B85D10',
  billingAccountName: 'Larkfield',
  commitment: null,
  commitmentSubAccount: ['', ''],
};

/** The 43 columns of FOCUS 1.0. */
function focus10(style: Style, names: Names): Column[] {
  const { time, decimal } = style;
  const commitment = names.commitment ?? ['', '', '', '', ''];
  const committed = (index: 0 | 1 | 2 | 3): string =>
    names.commitment === null ? 'NULL::VARCHAR' : `CASE WHEN ${HAS_COMMITMENT} THEN ${text(commitment[index])} END`;
  const orCommitment = (column: string, value: string): string =>
    `CASE WHEN ${IS_COMMITMENT} THEN ${text(value)} ELSE ${column} END`;
  const perUnit = (column: string): string =>
    `CASE WHEN ${HAS_QUANTITY} THEN ${decimal(`price(resource.${column})`)} END`;
  return [
    ['AvailabilityZone', `CASE WHEN resource.hourly THEN resource.regionId || 'a' END`],
    ['BilledCost', decimal('money(line.billed)')],
    ['BillingAccountId', text(names.billingAccountId)],
    ['BillingAccountName', text(names.billingAccountName)],
    ['BillingCurrency', text(names.currency)],
    ['BillingPeriodEnd', time('(line.month + INTERVAL 1 MONTH)')],
    ['BillingPeriodStart', time('line.month')],
    ['ChargeCategory', 'line.category'],
    ['ChargeClass', 'line.class'],
    ['ChargeDescription', 'line.description'],
    ['ChargeFrequency', 'line.frequency'],
    ['ChargePeriodEnd', time('line.stop')],
    ['ChargePeriodStart', time('line.start')],
    ['CommitmentDiscountCategory', committed(0)],
    ['CommitmentDiscountId', committed(1)],
    ['CommitmentDiscountName', committed(2)],
    ['CommitmentDiscountStatus', 'line.status'],
    ['CommitmentDiscountType', committed(3)],
    [
      'ConsumedQuantity',
      `CASE WHEN line.category = 'Usage' AND line.n IS NOT NULL THEN ${decimal('quantity(line.qty)')} END`,
    ],
    ['ConsumedUnit', `CASE WHEN line.category = 'Usage' THEN resource.unit END`],
    ['ContractedCost', decimal('money(line.contracted)')],
    ['ContractedUnitPrice', perUnit('contractedPrice')],
    ['EffectiveCost', decimal('money(line.effective)')],
    ['InvoiceIssuerName', text(names.issuer)],
    ['ListCost', decimal('money(line.list)')],
    ['ListUnitPrice', perUnit('pricePerUnit')],
    [
      'PricingCategory',
      `CASE WHEN line.category IN ('Tax', 'Credit', 'Adjustment') THEN NULL WHEN ${HAS_COMMITMENT} THEN 'Committed' ELSE 'Standard' END`,
    ],
    ['PricingQuantity', `CASE WHEN ${HAS_QUANTITY} THEN ${decimal('quantity(line.qty)')} END`],
    ['PricingUnit', `CASE WHEN ${HAS_QUANTITY} THEN coalesce(resource.unit, 'Units') END`],
    ['ProviderName', text(names.provider)],
    ['PublisherName', `coalesce(fixed.publisher, ${text(names.provider)})`],
    ['RegionId', 'resource.regionId'],
    ['RegionName', 'resource.regionName'],
    ['ResourceId', `CASE WHEN ${IS_COMMITMENT} THEN ${text(commitment[1])} ELSE resource.resourceId END`],
    ['ResourceName', orCommitment('resource.resourceName', commitment[2])],
    ['ResourceType', orCommitment('resource.resourceType', commitment[3])],
    ['ServiceCategory', orCommitment('coalesce(resource.serviceCategory, fixed.serviceCategory)', 'Compute')],
    ['ServiceName', orCommitment('coalesce(resource.serviceName, fixed.serviceName)', commitment[4])],
    ['SkuId', 'resource.sku'],
    ['SkuPriceId', 'resource.skuPriceId'],
    [
      'SubAccountId',
      orCommitment('coalesce(resource.subAccountId, fixed.subAccountId)', names.commitmentSubAccount[0]),
    ],
    [
      'SubAccountName',
      orCommitment('coalesce(resource.subAccountName, fixed.subAccountName)', names.commitmentSubAccount[1]),
    ],
    ['Tags', style.tags],
  ];
}

/** The 14 columns that FOCUS 1.1 and 1.2 add; nothing is reserved or priced in another currency here. */
function focus12Additions(invoicedBefore: string): Column[] {
  const none = [
    'CapacityReservationId',
    'CapacityReservationStatus',
    'CommitmentDiscountUnit',
    'PricingCurrencyContractedUnitPrice',
    'PricingCurrencyListUnitPrice',
  ];
  const noneDecimal = new Set(['PricingCurrencyContractedUnitPrice', 'PricingCurrencyListUnitPrice']);
  return [
    ['BillingAccountType', `'Billing Account'`],
    ['CommitmentDiscountQuantity', 'NULL::DECIMAL(28,12)'],
    [
      'InvoiceId',
      `CASE WHEN line.month < DATE '${invoicedBefore}' THEN '5' || strftime(line.month, '%y%m') || '40817' END`,
    ],
    ['PricingCurrency', `'USD'`],
    ['PricingCurrencyEffectiveCost', 'CAST(money(line.effective) AS DECIMAL(28,12))'],
    ['ServiceSubcategory', 'coalesce(resource.serviceSubcategory, fixed.serviceSubcategory)'],
    ['SkuMeter', `CASE WHEN line.category = 'Usage' THEN resource.description END`],
    ['SkuPriceDetails', 'NULL::VARCHAR'],
    ['SubAccountType', `CASE WHEN coalesce(resource.subAccountId, fixed.subAccountId) IS NOT NULL THEN 'Project' END`],
    ...none.map((name): Column => [name, noneDecimal.has(name) ? 'NULL::DECIMAL(28,12)' : 'NULL::VARCHAR']),
  ];
}

/**
 * @param invoicedBefore billing months that began before this date have their invoice.
 */
export function billFormat(cloud: Cloud, invoicedBefore: string): BillFormat {
  switch (cloud) {
    case 'aws':
      return {
        provider: AWS_NAMES.provider,
        billingCurrency: AWS_NAMES.currency,
        fileName: (month) => `larkfield-focus-${month}-00001.csv.gz`,
        copyOptions: 'FORMAT csv, HEADER',
        isCompressed: true,
        columns: [
          ...focus10(AWS_STYLE, AWS_NAMES),
          ['x_CostCategories', 'NULL::VARCHAR'],
          ['x_Discounts', `CASE WHEN line.contracted <> line.list THEN '{"EnterpriseDiscount":"6%"}' END`],
          ['x_Operation', 'resource.operation'],
          ['x_ServiceCode', `CASE WHEN line.n IS NOT NULL THEN 'Amazon' || upper(resource.serviceCode) END`],
          [
            'x_UsageType',
            `CASE WHEN line.n IS NOT NULL THEN 'EU-' || resource.unit || ':' || resource.resourceType END`,
          ],
        ],
      };
    case 'azure':
      return {
        provider: AZURE_NAMES.provider,
        billingCurrency: AZURE_NAMES.currency,
        fileName: (month) => `part_1_${month.replace('-', '')}.csv`,
        copyOptions: 'FORMAT csv, HEADER',
        isCompressed: false,
        columns: markFirst([
          ...focus10(AZURE_STYLE, AZURE_NAMES).filter(([name]) => name !== 'AvailabilityZone'),
          ['x_BillingProfileId', `'LKFD-7Q2M-BG7-PGB'`],
          ['x_PricingCurrency', `'EUR'`],
          ['x_ResourceGroupName', `regexp_extract(lower(resource.resourceId), '/resourcegroups/([^/]+)/', 1)`],
          ['x_ResourceType', 'lower(resource.operation)'],
          ['x_SkuMeterName', `CASE WHEN line.category = 'Usage' THEN resource.description END`],
        ]),
      };
    case 'gcp':
      return {
        provider: GCP_NAMES.provider,
        billingCurrency: GCP_NAMES.currency,
        fileName: (month) => `gcp_billing_export_focus_${month.replace('-', '')}.parquet`,
        copyOptions: 'FORMAT parquet, COMPRESSION zstd',
        isCompressed: false,
        columns: [...focus10(GCP_STYLE, GCP_NAMES), ...focus12Additions(invoicedBefore)],
      };
  }
}

/** DuckDB writes no byte order mark; a first column whose name begins with one comes out the same. */
function markFirst(columns: readonly Column[]): Column[] {
  return columns.map(([name, sql], index) => [index === 0 ? `\uFEFF${name}` : name, sql]);
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
