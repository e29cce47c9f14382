/**
 * The tables that Cloud Billing makes, with the columns that matter here, and rows of them.
 *
 * Source: Google Cloud Billing documentation, "Structure of Standard / Detailed / FOCUS data export".
 */
import type { Field } from './bigquery-tables.ts';

export const ACCOUNT = '012345-6789AB-CDEF01';
const SUFFIX = ACCOUNT.replaceAll('-', '_');
export const STANDARD_TABLE = `acme-billing.billing.gcp_billing_export_v1_${SUFFIX}`;
export const DETAILED_TABLE = `acme-billing.billing.gcp_billing_export_resource_v1_${SUFFIX}`;
export const FOCUS_TABLE = `acme-billing.gcp_billing_immutable_${SUFFIX}_eu.gcp_billing_export_focus_${SUFFIX}`;

const field = (name: string, type: Field['type']): Field => ({ name, type });
const record = (name: string, fields: readonly Field[]): Field => ({ name, type: 'RECORD', fields });
const list = (name: string, fields: readonly Field[]): Field => ({ name, type: 'RECORD', mode: 'REPEATED', fields });
const pairs = (name: string) => list(name, [field('key', 'STRING'), field('value', 'STRING')]);
const Pairs = (name: string) => list(name, [field('Key', 'STRING'), field('Value', 'STRING')]);
const texts = (...names: string[]) => names.map((name) => field(name, 'STRING'));

export const STANDARD_FIELDS: readonly Field[] = [
  field('billing_account_id', 'STRING'),
  record('service', texts('id', 'description')),
  record('sku', texts('id', 'description')),
  field('usage_start_time', 'TIMESTAMP'),
  field('usage_end_time', 'TIMESTAMP'),
  record('project', [...texts('id', 'number', 'name', 'ancestry_numbers'), pairs('labels')]),
  pairs('labels'),
  pairs('system_labels'),
  record('location', texts('location', 'country', 'region', 'zone')),
  field('export_time', 'TIMESTAMP'),
  field('cost', 'FLOAT'),
  field('currency', 'STRING'),
  field('currency_conversion_rate', 'FLOAT'),
  record('usage', [
    field('amount', 'FLOAT'),
    field('unit', 'STRING'),
    field('amount_in_pricing_units', 'FLOAT'),
    field('pricing_unit', 'STRING'),
  ]),
  list('credits', [...texts('name', 'full_name', 'id', 'type'), field('amount', 'FLOAT')]),
  record('invoice', texts('month')),
  field('cost_type', 'STRING'),
  record('adjustment_info', texts('id', 'description', 'mode', 'type')),
];

export const DETAILED_FIELDS: readonly Field[] = [
  ...STANDARD_FIELDS,
  record('resource', texts('name', 'global_name')),
  field('cost_at_list', 'FLOAT'),
  field('seller_name', 'STRING'),
];

export const FOCUS_FIELDS: readonly Field[] = [
  ...texts('BillingAccountId', 'BillingCurrency', 'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ProviderName'),
  ...texts('PublisherName', 'RegionId', 'ResourceId', 'ServiceName', 'SkuId', 'SubAccountId', 'SubAccountName'),
  ...['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'ConsumedQuantity'].map((name) =>
    field(name, 'NUMERIC'),
  ),
  ...['BillingPeriodStart', 'BillingPeriodEnd', 'ChargePeriodStart', 'ChargePeriodEnd', 'x_ExportTime'].map((name) =>
    field(name, 'TIMESTAMP'),
  ),
  field('ConsumedUnit', 'STRING'),
  record('x_Project', texts('Id', 'Name')),
  Pairs('x_Labels'),
  Pairs('x_ProjectLabels'),
  Pairs('x_SystemLabels'),
];

/** A row of a standard or detailed export, as BigQuery's JSON has it; a test names what it is about. */
export function costRow(cells: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    billing_account_id: ACCOUNT,
    service: { id: '6F81-5844-456A', description: 'Compute Engine' },
    sku: { id: 'D5A4', description: 'N2 core' },
    usage_start_time: '2026-09-14 23:00:00',
    usage_end_time: '2026-09-15 00:00:00',
    project: { id: 'shop-1', name: 'Shop', labels: [] },
    labels: [{ key: 'pod', value: 'checkout' }],
    system_labels: [],
    location: { region: 'europe-west1' },
    export_time: '2026-09-15 05:00:00',
    cost: 1.5,
    currency: 'EUR',
    currency_conversion_rate: 0.92,
    usage: { amount: 3600, unit: 'seconds' },
    credits: [],
    invoice: { month: '202609' },
    cost_type: 'regular',
    ...cells,
  };
}

/** A row of a FOCUS export. */
export function focusRow(cells: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    BillingAccountId: ACCOUNT,
    BillingCurrency: 'EUR',
    ChargeCategory: 'Usage',
    ProviderName: 'Google Cloud',
    PublisherName: 'Google Cloud',
    ServiceName: 'Compute Engine',
    SubAccountId: 'shop-1',
    BilledCost: 1.5,
    EffectiveCost: 1.25,
    ListCost: 2,
    ContractedCost: 1.5,
    BillingPeriodStart: '2026-09-01 00:00:00',
    BillingPeriodEnd: '2026-10-01 00:00:00',
    ChargePeriodStart: '2026-09-14 23:00:00',
    ChargePeriodEnd: '2026-09-15 00:00:00',
    x_ExportTime: '2026-09-15 05:00:00',
    x_Labels: [{ Key: 'pod', Value: 'checkout' }],
    x_ProjectLabels: [{ Key: 'pod', Value: 'whole-project' }],
    x_SystemLabels: [],
    ...cells,
  };
}
