/**
 * The lines of a bill that are no usage: support, tax, marketplace, refunds, corporate credits, rounding, and the commitments
 * bought. They fall on the first day of their month, as providers write them. Amounts are nano-units of the billing currency.
 */
import type { Cloud } from './cloud-service.ts';
import { SUB_ACCOUNTS } from './components.ts';

export interface FixedCharge {
  readonly key: string;
  readonly cloud: Cloud;
  readonly chargeCategory: 'Purchase' | 'Credit' | 'Adjustment' | 'Tax';
  readonly chargeFrequency: 'Recurring' | 'One-Time';
  readonly description: string;
  readonly serviceName: string;
  readonly serviceCategory: string;
  readonly serviceSubcategory: string;
  readonly publisher: string | null;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  readonly tags: string | null;
  /** BilledCost and EffectiveCost of each month; null for tax, which is a share of the account's usage. */
  readonly perMonthNano: bigint | null;
  /** Tax on the month's billed usage of the sub account, or of the whole bill where there is no sub account. */
  readonly taxBp: bigint | null;
  /** In which of the sample's months it occurs: every one, or those with this remainder by three. */
  readonly monthRemainder: number | null;
}

type Fields = Partial<FixedCharge> & Pick<FixedCharge, 'key' | 'chargeCategory' | 'description' | 'serviceName'>;

const NANO = 1_000_000_000n;
const AWS_TAX_BP = 450n;
const GCP_TAX_BP = 400n;
const TAXED_AWS_ACCOUNTS = ['aws-commerce', 'aws-mobile', 'aws-platform', 'aws-network', 'aws-legacy'];

/** Every fixed charge of the three clouds, in a fixed order. */
export function listFixedCharges(): FixedCharge[] {
  return [
    fixed('aws', 'aws-payer', {
      key: 'support',
      chargeCategory: 'Purchase',
      description: 'AWS Support (Business)',
      serviceName: 'AWS Support (Business)',
      perMonthNano: 900n * NANO,
    }),
    fixed('aws', 'aws-payer', {
      key: 'promotion',
      chargeCategory: 'Credit',
      chargeFrequency: 'One-Time',
      description: 'Migration programme credit',
      serviceName: 'Amazon Elastic Compute Cloud',
      serviceCategory: 'Compute',
      perMonthNano: -400n * NANO,
    }),
    fixed('aws', 'aws-platform', {
      key: 'marketplace',
      chargeCategory: 'Purchase',
      description: 'Brightwatch Observability - monthly subscription, 25 hosts',
      serviceName: 'Brightwatch Observability',
      serviceCategory: 'Management and Governance',
      serviceSubcategory: 'Observability',
      publisher: 'Brightwatch Ltd',
      tags: '{"pod":"platform"}',
      perMonthNano: 649_950_000_000n,
    }),
    fixed('aws', 'aws-commerce', {
      key: 'refund',
      chargeCategory: 'Credit',
      chargeFrequency: 'One-Time',
      description: 'Refund: service level credit for Amazon Relational Database Service',
      serviceName: 'Amazon Relational Database Service',
      serviceCategory: 'Databases',
      serviceSubcategory: 'Relational Databases',
      tags: '{"pod":"payments"}',
      perMonthNano: -42_518_734_125n,
      monthRemainder: 1,
    }),
    ...TAXED_AWS_ACCOUNTS.map((account) =>
      fixed('aws', account, {
        key: `tax-${account}`,
        chargeCategory: 'Tax',
        description: 'Tax of type VAT',
        serviceName: 'Tax',
        taxBp: AWS_TAX_BP,
      }),
    ),
    fixed('azure', 'azure-operations', {
      key: 'marketplace',
      chargeCategory: 'Purchase',
      description: 'Parcelwise Maps API - Standard plan',
      serviceName: 'Parcelwise Maps API',
      serviceCategory: 'Developer Tools',
      publisher: 'Parcelwise GmbH',
      tags: '{"pod":"fulfilment"}',
      perMonthNano: 120n * NANO,
    }),
    fixed('azure', 'azure-customer', {
      key: 'refund',
      chargeCategory: 'Credit',
      chargeFrequency: 'One-Time',
      description: 'Service level credit - App Service',
      serviceName: 'Azure App Service',
      serviceCategory: 'Web',
      tags: '{"pod":"loyalty"}',
      perMonthNano: -17_250_000_000n,
      monthRemainder: 2,
    }),
    fixed('azure', null, {
      key: 'rounding',
      chargeCategory: 'Adjustment',
      chargeFrequency: 'One-Time',
      description: 'Rounding adjustment',
      serviceName: 'Rounding',
      perMonthNano: -3_417_281n,
    }),
    fixed('gcp', null, {
      key: 'support',
      chargeCategory: 'Purchase',
      description: 'Standard Support: monthly fee',
      serviceName: 'Support',
      perMonthNano: 300n * NANO,
    }),
    fixed('gcp', null, {
      key: 'promotion',
      chargeCategory: 'Credit',
      chargeFrequency: 'One-Time',
      description: 'Promotion: startup of the data platform',
      serviceName: 'BigQuery',
      serviceCategory: 'Analytics',
      perMonthNano: -150n * NANO,
      monthRemainder: 0,
    }),
    fixed('gcp', null, {
      key: 'tax',
      chargeCategory: 'Tax',
      description: 'Tax',
      serviceName: 'Invoice',
      taxBp: GCP_TAX_BP,
    }),
  ];
}

function fixed(cloud: Cloud, subAccount: string | null, fields: Fields): FixedCharge {
  const account = subAccount === null ? undefined : SUB_ACCOUNTS[subAccount];
  return {
    cloud,
    chargeFrequency: 'Recurring',
    serviceCategory: 'Other',
    serviceSubcategory: 'Other (Other)',
    publisher: null,
    subAccountId: account?.[0] ?? null,
    subAccountName: account?.[1] ?? null,
    tags: null,
    perMonthNano: null,
    taxBp: null,
    monthRemainder: null,
    ...fields,
  };
}
