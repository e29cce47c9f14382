/**
 * Azure's own cost exports and usage files: Enterprise Agreement, Microsoft Customer Agreement, pay-as-you-go, in any of their header
 * spellings, localised ones included. One file has one cost. As billed (actual) it is both BilledCost and EffectiveCost, because such a
 * file spreads no commitment; amortized it is the EffectiveCost, and usage that a commitment paid for bills nothing. FOCUS exports have both.
 *
 * Sources: Microsoft Learn, "Understand usage details fields" and the FinOps toolkit's mapping of cost and usage data to FOCUS.
 */
import { literal, textOf } from '../duckdb-session.ts';
import { CURRENCY_DEFAULT, type Dialect, type DialectHint, type FocusCell, type SourceBill } from './dialect.ts';
import { isOneOf, read } from './read-cells.ts';
import type { SourceCells } from './source-cells.ts';
import { type DateOrder, isoDate, monthStart, nextDay } from './times-sql.ts';

const COST = ['costInBillingCurrency', 'preTaxCost', 'cost', 'extendedCost'];
const DATE = ['date', 'usageDateTime', 'usageDate', 'usageStartDate'];
const SUBSCRIPTION = ['subscriptionId', 'subscriptionGuid'];
const ACCOUNT = ['billingProfileId', 'billingAccountId', 'billingAccountNumber'];
const CURRENCY = ['billingCurrencyCode', 'billingCurrency', 'currency', 'currencyCode'];
const COMMITTED = ['Reservation', 'SavingsPlan'];
const UNUSED = ['UnusedReservation', 'UnusedSavingsPlan'];

export const azureCost: Dialect = {
  id: 'azure-cost-2',
  title: 'a cost export of Azure',
  currency: CURRENCY,
  mandatory: [COST, DATE, [...ACCOUNT, ...SUBSCRIPTION], ['meterCategory']],
  recognises: (columns) =>
    columns.has('costinbillingcurrency') ||
    columns.has('pretaxcost') ||
    (columns.has('metercategory') && columns.has('meterid')),
  translate: async (bill) => {
    const order = await findDateOrder(bill);
    const dataset = await findDataset(bill);
    return {
      ...whose(bill.cells, bill.hint),
      ...what(bill.cells),
      ...when(bill.cells, order),
      ...costs(bill.cells, dataset),
    };
  },
};

/** Azure writes the month first; a first number above twelve proves a file that does not. */
async function findDateOrder({ session, cells, lines }: SourceBill): Promise<DateOrder> {
  const date = cells.text(...DATE);
  const number = (position: number) => `try_cast(split_part(${date}, '/', ${position}) as integer)`;
  const [row] = await session.rows(
    `select (coalesce(max(${number(1)}), 0) > 12 and coalesce(max(${number(2)}), 0) <= 12)::varchar as day_first ${lines()}`,
  );
  return textOf(row?.['day_first']) === 'true' ? 'day-first' : 'month-first';
}

/** The source knows; else the file's name says so; else its lines do, where they have unused or paid-for commitments. */
async function findDataset({
  name,
  session,
  cells,
  lines,
  hint,
}: SourceBill): Promise<NonNullable<DialectHint['dataset']>> {
  if (hint.dataset !== undefined) return hint.dataset;
  if (/amorti[sz]ed/i.test(name)) return 'amortized';
  if (/actual/i.test(name)) return 'actual';
  const type = cells.text('chargeType');
  const isPaid = `${isOneOf(type, ['Usage'])} and ${isOneOf(cells.text('pricingModel'), COMMITTED)} and try_cast(${cells.text(...COST)} as double) <> 0`;
  const [row] = await session.rows(
    `select (count(*) filter (${isOneOf(type, UNUSED)} or (${isPaid})))::varchar as amortized ${lines()}`,
  );
  return textOf(row?.['amortized']) === '0' ? 'actual' : 'amortized';
}

function whose(cells: SourceCells, hint: DialectHint): Record<string, FocusCell> {
  const currency = cells.text(...CURRENCY);
  const assumed = literal(hint.currency ?? CURRENCY_DEFAULT);
  return {
    ProviderName: { sql: `'Microsoft'` },
    PublisherName: { sql: `coalesce(${cells.text('publisherName')}, 'Microsoft')` },
    InvoiceIssuerName: { sql: `coalesce(${cells.text('partnerName')}, 'Microsoft')` },
    InvoiceId: { sql: cells.text('invoiceId', 'invoiceNumber') },
    // Pay-as-you-go names no account; its subscription is one, in the case of every other.
    BillingAccountId: {
      sql: `coalesce(${cells.text(...ACCOUNT)}, lower(${cells.text(...SUBSCRIPTION)}))`,
      from: cells.find(...ACCOUNT, ...SUBSCRIPTION) ?? ACCOUNT[0] ?? '',
    },
    BillingAccountName: { sql: cells.text('billingProfileName', 'billingAccountName') },
    SubAccountId: { sql: `lower(${cells.text(...SUBSCRIPTION)})` },
    SubAccountName: { sql: cells.text('subscriptionName') },
    BillingCurrency: {
      sql: cells.find(...CURRENCY) === null ? assumed : `upper(trim(${currency}))`,
      from: cells.find(...CURRENCY) ?? 'billingCurrency',
    },
  };
}

function what(cells: SourceCells): Record<string, FocusCell> {
  const type = cells.text('chargeType');
  const model = cells.text('pricingModel');
  const frequency = cells.text('frequency');
  // Azure's names and ids are equal whatever their case, and its lines do not agree on one.
  const resource = `lower(${cells.text('resourceId', 'instanceId', 'instanceName')})`;
  const tags = cells.text('tags');
  const isUsed = `(${isOneOf(type, ['Usage'])} and ${isOneOf(model, COMMITTED)})`;
  return {
    ServiceName: read(cells, 'meterCategory', 'serviceName', 'consumedService'),
    RegionId: { sql: `replace(lower(${cells.text('resourceLocation', 'location')}), ' ', '')` },
    ResourceId: { sql: resource },
    ResourceName: { sql: `coalesce(${cells.text('resourceName')}, nullif(split_part(${resource}, '/', -1), ''))` },
    ResourceType: { sql: cells.text('resourceType') },
    ChargeCategory: {
      sql: `(case when ${type} is null or ${isOneOf(type, ['Usage', ...UNUSED])} then 'Usage' when ${isOneOf(type, ['Purchase'])} then 'Purchase'
        when ${isOneOf(type, ['Tax'])} then 'Tax' else 'Adjustment' end)`,
    },
    ChargeFrequency: {
      sql: `(case when ${isOneOf(frequency, ['Recurring'])} then 'Recurring' when ${isOneOf(frequency, ['OneTime', 'One-Time'])} then 'One-Time'
        else 'Usage-Based' end)`,
    },
    ChargeDescription: { sql: cells.text('productName', 'product', 'meterName') },
    CommitmentDiscountId: { sql: `lower(${cells.text('benefitId', 'reservationId')})` },
    CommitmentDiscountStatus: {
      sql: `(case when ${isOneOf(type, UNUSED)} then 'Unused' when ${isUsed} then 'Used' end)`,
    },
    SkuId: { sql: cells.text('productId', 'meterId') },
    SkuMeter: { sql: cells.text('meterName') },
    PricingCategory: {
      sql: `(case when ${isOneOf(model, ['OnDemand'])} then 'Standard' when ${isOneOf(model, ['Spot'])} then 'Dynamic'
        when ${isOneOf(model, COMMITTED)} then 'Committed' when ${model} is not null then 'Other' end)`,
    },
    ConsumedQuantity: read(cells, 'quantity', 'usageQuantity', 'consumedQuantity'),
    ConsumedUnit: { sql: cells.text('unitOfMeasure') },
    Tags: {
      // Enterprise Agreement files leave the braces away.
      sql: `(case when starts_with(trim(${tags}), '{') then ${tags} when ${tags} is not null then '{' || ${tags} || '}' end)`,
      from: cells.find('tags') ?? 'tags',
    },
    x_ChargeType: { sql: type },
    x_ResourceGroup: { sql: cells.text('resourceGroup', 'resourceGroupName') },
    x_MeterSubCategory: { sql: cells.text('meterSubCategory') },
    x_CostCenter: { sql: cells.text('costCenter') },
  };
}

/** The billing period's end is its last day; pay-as-you-go files name none and are billed by calendar month. */
function when(cells: SourceCells, order: DateOrder): Record<string, FocusCell> {
  const date = isoDate(cells.text(...DATE), order);
  const start = isoDate(cells.text('billingPeriodStartDate', 'billingPeriodStart'), order);
  const end = isoDate(cells.text('billingPeriodEndDate', 'billingPeriodEnd'), order);
  const from = cells.find(...DATE) ?? 'date';
  return {
    BillingPeriodStart: {
      sql: `coalesce(${start}, ${monthStart(date)})`,
      from: cells.find('billingPeriodStartDate', 'billingPeriodStart') ?? from,
    },
    BillingPeriodEnd: {
      sql: `coalesce(${nextDay(end)}, ${monthStart(date, 1)})`,
      from: cells.find('billingPeriodEndDate', 'billingPeriodEnd') ?? from,
    },
    ChargePeriodStart: { sql: date, from },
    ChargePeriodEnd: { sql: nextDay(date), from },
  };
}

function costs(cells: SourceCells, dataset: NonNullable<DialectHint['dataset']>): Record<string, FocusCell> {
  const cost = cells.text(...COST);
  const from = cells.find(...COST) ?? COST[0] ?? '';
  const isCommitment = `(${isOneOf(cells.text('chargeType'), UNUSED)} or (${isOneOf(cells.text('chargeType'), ['Usage'])} and ${isOneOf(cells.text('pricingModel'), COMMITTED)}))`;
  const list = cells.text('paygCostInBillingCurrency');
  return {
    BilledCost: { sql: dataset === 'actual' ? cost : `(case when ${isCommitment} then '0' else ${cost} end)`, from },
    EffectiveCost: { sql: cost, from },
    ListCost: { sql: list, from: cells.find('paygCostInBillingCurrency') ?? from },
    ContractedCost: { sql: 'null::varchar', from },
  };
}
