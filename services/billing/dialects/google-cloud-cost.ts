/**
 * Google Cloud's billing export, standard and detailed, as rows of BigQuery or saved from it as CSV or Parquet. What a row costs is its
 * cost and all its credits; tax, adjustments and rounding belong to the invoice like usage. The billing period is the invoice's month,
 * which need not be the month of the usage.
 *
 * Source: Google Cloud documentation, "Structure of Standard data export" and "Structure of Detailed data export".
 */
import { literal } from '../duckdb-session.ts';
import type { Dialect, FocusCell } from './dialect.ts';
import { exactListSum, exactSum } from './exact-sum.ts';
import { isOneOf, read } from './read-cells.ts';
import type { SourceCells } from './source-cells.ts';
import { endAfter } from './times-sql.ts';

/** Where two of them name one key, the earlier counts: what was set on the resource says more than what its project has. */
const LABELS = ['labels', 'tags', 'project.labels', 'system_labels'];
const AMOUNT = String.raw`["']amount["']\s*:\s*["']?([-+0-9.eE]+)`;

export const googleCloudCost: Dialect = {
  id: 'google-cloud-cost-1',
  title: 'a billing export of Google Cloud',
  mandatory: [
    ['billing_account_id'],
    ['cost'],
    ['currency'],
    ['usage_start_time'],
    ['usage_end_time'],
    ['invoice.month'],
    ['credits'],
  ],
  recognises: (columns) => columns.has('billingaccountid') && columns.has('usagestarttime') && columns.has('cost'),
  translate: async ({ cells }) => ({ ...whose(cells), ...what(cells), ...when(cells), ...costs(cells) }),
};

function whose(cells: SourceCells): Record<string, FocusCell> {
  return {
    ProviderName: { sql: `'Google Cloud'` },
    PublisherName: { sql: `'Google Cloud'` },
    InvoiceIssuerName: { sql: `coalesce(${cells.text('seller_name')}, 'Google Cloud')` },
    BillingAccountId: read(cells, 'billing_account_id'),
    // Tax, support and the like have no project.
    SubAccountId: { sql: cells.text('project.id') },
    SubAccountName: { sql: cells.text('project.name') },
  };
}

function what(cells: SourceCells): Record<string, FocusCell> {
  const type = cells.text('cost_type');
  return {
    ServiceName: { sql: cells.text('service.description', 'service.id'), from: 'service.description' },
    RegionId: { sql: cells.text('location.region', 'location.location') },
    ResourceId: { sql: cells.text('resource.global_name', 'resource.name') },
    ResourceName: { sql: cells.text('resource.name') },
    ChargeCategory: {
      sql: `(case when ${type} is null or ${isOneOf(type, ['regular'])} then 'Usage' when ${isOneOf(type, ['tax'])} then 'Tax' else 'Adjustment' end)`,
    },
    ChargeDescription: { sql: cells.text('sku.description') },
    SkuId: { sql: cells.text('sku.id') },
    ConsumedQuantity: read(cells, 'usage.amount'),
    ConsumedUnit: { sql: cells.text('usage.unit') },
    Tags: { sql: labels(cells), from: 'labels' },
    x_CostType: { sql: type },
    x_ExportTime: { sql: cells.text('export_time') },
    x_Credits: { sql: cells.text('credits') },
    x_CurrencyConversionRate: { sql: cells.text('currency_conversion_rate') },
  };
}

function when(cells: SourceCells): Record<string, FocusCell> {
  const month = cells.text('invoice.month');
  const first = `try_strptime(${month} || '01', '%Y%m%d')`;
  const [start, end] = [cells.text('usage_start_time'), cells.text('usage_end_time')];
  return {
    BillingPeriodStart: { sql: `coalesce(strftime(${first}, '%Y-%m-%d'), ${month})`, from: 'invoice.month' },
    BillingPeriodEnd: {
      sql: `coalesce(strftime(${first} + interval 1 month, '%Y-%m-%d'), ${month})`,
      from: 'invoice.month',
    },
    ChargePeriodStart: read(cells, 'usage_start_time'),
    ChargePeriodEnd: { sql: endAfter(start, end), from: 'usage_end_time' },
  };
}

function costs(cells: SourceCells): Record<string, FocusCell> {
  const cost = cells.text('cost');
  const credits = exactListSum(`regexp_extract_all(${cells.text('credits')}, ${literal(AMOUNT)}, 1)`);
  const net = exactSum([cost, credits]);
  return {
    BillingCurrency: read(cells, 'currency'),
    BilledCost: { sql: `(case when ${cost} is null then null else ${net} end)`, from: 'cost' },
    EffectiveCost: { sql: `(case when ${cost} is null then null else ${net} end)`, from: 'cost' },
    ListCost: { sql: cells.text('cost_at_list', 'cost'), from: cells.find('cost_at_list') ?? 'cost' },
    ContractedCost: { sql: cost, from: 'cost' },
  };
}

/** One object of all labels; what is no list of keys and values comes through as it is, for the check of the line to refuse. */
function labels(cells: SourceCells): string {
  const lists = LABELS.filter((name) => cells.find(name) !== null).map((name) => asJson(cells.text(name)));
  if (lists.length === 0) return 'null::varchar';
  const shape = `'[{"key":"VARCHAR","value":"VARCHAR"}]'`;
  const read = lists.map((list) => `coalesce(from_json(${list}, ${shape}), [])`);
  const entries = `list_filter(list_concat(${read.length === 1 ? `${read[0]}, []` : read.join(', ')}), lambda entry: entry.key is not null)`;
  const keys = `list_transform(${entries}, lambda entry: entry.key)`;
  const first = `list_filter(${entries}, lambda entry, place: list_position(${keys}, entry.key) = place)`;
  const object = `nullif(to_json(map_from_entries(list_transform(${first}, lambda entry: {k: entry.key, v: entry.value})))::varchar, '{}')`;
  const bad = lists.map((list) => `when ${list} is not null and not json_valid(${list}) then ${list}`);
  return `(case ${bad.join(' ')} else ${object} end)`;
}

/** A list saved by a Python script is written in its own way. */
function asJson(text: string): string {
  const rewritten = `replace(replace(${text}, '''', '"'), 'None', 'null')`;
  return `(case when json_valid(${text}) or not json_valid(${rewritten}) then ${text} else ${rewritten} end)`;
}
