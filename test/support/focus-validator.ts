/**
 * What FOCUS 1.2 asks of a dataset's form, checked on a CSV file: columns, nulls, types, closed value lists, currencies, half-open
 * periods. Written from the specification and not from the exporter's own table, so that one can find the other's mistakes.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const MANDATORY = [
  'BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory ChargeClass',
  'ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit',
  'ProviderName PublisherName ServiceCategory ServiceName',
].flatMap((names) => names.split(' '));
const NULLABLE = new Set(['BillingAccountName', 'ChargeClass', 'ChargeDescription', 'PricingQuantity', 'PricingUnit']);
const OPTIONAL = [
  'AvailabilityZone BillingAccountType CapacityReservationId CapacityReservationStatus ChargeFrequency CommitmentDiscountCategory',
  'CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType',
  'CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedUnitPrice InvoiceId ListUnitPrice PricingCategory PricingCurrency',
  'PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice RegionId RegionName ResourceId',
  'ResourceName ResourceType ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags',
].flatMap((names) => names.split(' '));
const SERVICE_CATEGORIES =
  'AI and Machine Learning|Analytics|Business Applications|Compute|Databases|Developer Tools|Multicloud|Identity|Integration|Internet of Things|Management and Governance|Media|Migration|Mobile|Networking|Security|Storage|Web|Other';
const LISTS: Readonly<Record<string, readonly string[]>> = {
  ChargeCategory: ['Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'],
  ChargeClass: ['Correction'],
  ChargeFrequency: ['One-Time', 'Recurring', 'Usage-Based'],
  PricingCategory: ['Standard', 'Dynamic', 'Committed', 'Other'],
  CommitmentDiscountCategory: ['Spend', 'Usage'],
  CommitmentDiscountStatus: ['Used', 'Unused'],
  ServiceCategory: SERVICE_CATEGORIES.split('|'),
};
const DECIMALS = /(Cost|Quantity|UnitPrice|x_Share)$/;
const MOMENTS = /Period(Start|End)$/;
const DECIMAL_TEXT = String.raw`-?(0|[1-9]\d*)(\.\d+)?`;
const MOMENT_TEXT = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`;

/** One sentence per rule that the file breaks, with how often; empty for a valid file. */
export async function findFocusFaults(path: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const source = `read_csv('${path}', header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false)`;
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS();
  const described = await rowsOf(`describe select * from ${source}`);
  const columns = described.map((row) => `${row['column_name'] as string}`);
  const faults = MANDATORY.filter((name) => !columns.includes(name)).map((name) => `${name} is missing`);
  faults.push(
    ...columns
      .filter((name) => !name.startsWith('x_') && ![...MANDATORY, ...OPTIONAL].includes(name))
      .map((name) => `${name} is no column of FOCUS 1.2 and lacks x_`),
  );
  const checks: [fault: string, isBad: string][] = [];
  for (const name of columns) {
    if (MANDATORY.includes(name) && !NULLABLE.has(name)) checks.push([`${name} is null`, `${name} is null`]);
    if (DECIMALS.test(name))
      checks.push([`${name} is no plain decimal`, `not regexp_full_match(${name}, '${DECIMAL_TEXT}')`]);
    if (MOMENTS.test(name)) {
      checks.push([
        `${name} is no UTC instant`,
        `not regexp_full_match(${name}, '${MOMENT_TEXT}') or try_cast(${name} as timestamptz) is null`,
      ]);
    }
    const list = LISTS[name];
    if (list !== undefined) {
      checks.push([
        `${name} is none of its values`,
        `${name} not in (${list.map((value) => `'${value}'`).join(', ')})`,
      ]);
    }
  }
  for (const name of ['Tags', 'SkuPriceDetails'].filter((one) => columns.includes(one))) {
    checks.push([
      `${name} is no JSON object`,
      `${name} is not null and (not json_valid(${name}) or json_type(${name}) <> 'OBJECT')`,
    ]);
  }
  checks.push(['BillingCurrency is no code', `not regexp_full_match(BillingCurrency, '[A-Z]{3}')`]);
  for (const period of ['BillingPeriod', 'ChargePeriod']) {
    checks.push([`${period} ends before it starts`, `${period}End <= ${period}Start`]);
  }
  if (columns.includes('ConsumedQuantity') && columns.includes('ConsumedUnit')) {
    checks.push([
      'ConsumedUnit is there without a quantity, or the reverse',
      '(ConsumedUnit is null) <> (ConsumedQuantity is null)',
    ]);
  }
  const counts = checks.map(([, isBad], index) => `count(*) filter (${isBad}) as check_${index}`);
  const [found] = await rowsOf(`select ${counts.join(', ')} from ${source}`);
  for (const [index, [fault]] of checks.entries()) {
    const count = Number(found?.[`check_${index}`] ?? 0);
    if (count > 0) faults.push(`${fault} (${count} lines)`);
  }
  connection.closeSync();
  instance.closeSync();
  return faults;
}
