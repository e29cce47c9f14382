/**
 * The AWS Cost and Usage Report in its three spellings: legacy CSV (`lineItem/UnblendedCost`), legacy Parquet and CUR 2.0
 * (`line_item_unblended_cost`). Every line is kept. BilledCost is what the line adds to the invoice; EffectiveCost spreads what was paid
 * for commitments over what they covered, so that covered usage, its negation and the fee do not count twice.
 *
 * Sources: AWS Data Exports user guide, "Line item columns", "Reservation columns", "Savings Plans columns", "Discount columns" and
 * "Understanding Savings Plans with CUR".
 */
import { textOf } from '../duckdb-session.ts';
import type { Dialect, FocusCell, SourceBill } from './dialect.ts';
import { exactSum, negated } from './exact-sum.ts';
import { isOneOf, read } from './read-cells.ts';
import { foldColumn, type SourceCells } from './source-cells.ts';
import { tagsOfColumns, withoutKeyPrefix } from './tags-sql.ts';
import { endAfter } from './times-sql.ts';

const LINE_TYPE = 'line_item_line_item_type';
const UNBLENDED = 'line_item_unblended_cost';
const START = 'line_item_usage_start_date';
const USED = ['DiscountedUsage', 'SavingsPlanCoveredUsage'];
/** Fees whose effective part is the commitment that nothing used. */
const COMMITMENT_FEES = ['RIFee', 'SavingsPlanRecurringFee'];
const PURCHASES = [...COMMITMENT_FEES, 'SavingsPlanUpfrontFee', 'Fee'];
const RESOURCE_TAG = /^resource_?tags\/?_?(user[:_])?/i;
const COST_CATEGORY = /^cost_?category\/?_?/i;

export const awsCur: Dialect = {
  id: 'aws-cur-1',
  title: 'an AWS Cost and Usage Report',
  mandatory: [
    [LINE_TYPE],
    [UNBLENDED],
    [START],
    ['line_item_usage_end_date'],
    ['line_item_currency_code'],
    ['bill_payer_account_id'],
    ['bill_billing_period_start_date'],
    ['bill_billing_period_end_date'],
  ],
  recognises: (columns) => columns.has(foldColumn(LINE_TYPE)) || columns.has(foldColumn(UNBLENDED)),
  translate: async (bill) => {
    const { cells } = bill;
    const amounts = await chooseAmounts(bill);
    return { ...whose(cells), ...what(cells), ...when(cells), ...costs(cells, amounts), ...commitment(cells) };
  },
};

/** The columns of the amounts: of one row, or of one row less the discounts that no row of their own shows. */
interface Amounts {
  readonly unblended: readonly string[];
  readonly reservation: readonly string[];
  readonly savingsPlan: readonly string[];
  readonly unusedReservation: readonly [readonly string[], readonly string[]];
}

const GROSS: Amounts = {
  unblended: [UNBLENDED],
  reservation: ['reservation_effective_cost'],
  savingsPlan: ['savings_plan_savings_plan_effective_cost'],
  unusedReservation: [
    ['reservation_unused_amortized_upfront_fee_for_billing_period'],
    ['reservation_unused_recurring_fee'],
  ],
};

const NET: Amounts = {
  unblended: ['line_item_net_unblended_cost', ...GROSS.unblended],
  reservation: ['reservation_net_effective_cost', ...GROSS.reservation],
  savingsPlan: ['savings_plan_net_savings_plan_effective_cost', ...GROSS.savingsPlan],
  unusedReservation: [
    [
      'reservation_net_unused_amortized_upfront_fee_for_billing_period',
      'reservation_unused_amortized_upfront_fee_for_billing_period',
    ],
    ['reservation_net_unused_recurring_fee', 'reservation_unused_recurring_fee'],
  ],
};

/**
 * Private discounts stand either on lines of their own, beside gross amounts, or in the net amounts alone. Taking net amounts and such
 * lines would discount twice.
 */
async function chooseAmounts({ session, cells, lines }: SourceBill): Promise<Amounts> {
  if (cells.find('line_item_net_unblended_cost') === null) return GROSS;
  const lineType = cells.text(LINE_TYPE);
  const [row] = await session.rows(
    `select (count(*) filter (ends_with(${lineType}, 'Discount')))::varchar as discounts ${lines()}`,
  );
  return textOf(row?.['discounts']) === '0' ? NET : GROSS;
}

function whose(cells: SourceCells): Record<string, FocusCell> {
  const isMarketplace = `${cells.text('bill_billing_entity')} = 'AWS Marketplace'`;
  return {
    ProviderName: { sql: `'AWS'` },
    PublisherName: {
      sql: `(case when ${isMarketplace} then coalesce(${cells.text('line_item_legal_entity')}, 'AWS Marketplace') else 'AWS' end)`,
    },
    InvoiceIssuerName: { sql: cells.text('bill_invoicing_entity', 'line_item_legal_entity') },
    InvoiceId: { sql: cells.text('bill_invoice_id') },
    BillingAccountId: read(cells, 'bill_payer_account_id'),
    BillingAccountName: { sql: cells.text('bill_payer_account_name') },
    SubAccountId: { sql: cells.text('line_item_usage_account_id') },
    SubAccountName: { sql: cells.text('line_item_usage_account_name') },
  };
}

function what(cells: SourceCells): Record<string, FocusCell> {
  const lineType = cells.text(LINE_TYPE);
  const product = cells.find('product');
  const productName =
    product === null ? 'null' : `json_extract_string(try_cast(${cells.text('product')} as json), 'product_name')`;
  const isUsage = `(${lineType} = 'Usage' or ${isOneOf(lineType, USED)})`;
  return {
    ServiceName: {
      sql: `coalesce(${cells.text('product_product_name')}, ${productName}, ${cells.text('product_servicename', 'product_servicecode', 'line_item_product_code')})`,
      from: cells.find('line_item_product_code') ?? LINE_TYPE,
    },
    RegionId: { sql: cells.text('product_region_code', 'product_region') },
    ResourceId: { sql: cells.text('line_item_resource_id') },
    ChargeCategory: {
      // Discounts and negations belong to the usage they lower, as in AWS's own FOCUS export.
      sql: `(case when ${isOneOf(lineType, PURCHASES)} then 'Purchase' when ${lineType} in ('Tax', 'Credit') then ${lineType}
        when ${lineType} = 'Refund' then 'Adjustment' when ${lineType} is not null then 'Usage' end)`,
      from: cells.find(LINE_TYPE) ?? LINE_TYPE,
    },
    ChargeFrequency: {
      sql: `(case when ${isOneOf(lineType, COMMITMENT_FEES)} then 'Recurring' when ${isUsage} then 'Usage-Based' else 'One-Time' end)`,
    },
    ChargeDescription: { sql: cells.text('line_item_line_item_description') },
    SkuId: { sql: cells.text('product_sku') },
    SkuPriceId: { sql: cells.text('pricing_rate_code', 'pricing_rate_id') },
    PricingCategory: {
      sql: `(case when ${isOneOf(lineType, USED)} then 'Committed' when contains(${cells.text('line_item_usage_type')}, 'SpotUsage') then 'Dynamic'
        when ${lineType} = 'Usage' then 'Standard' end)`,
    },
    ConsumedQuantity: {
      sql: `(case when ${isUsage} then ${cells.text('line_item_usage_amount')} end)`,
      from: cells.find('line_item_usage_amount') ?? 'line_item_usage_amount',
    },
    ConsumedUnit: { sql: `(case when ${isUsage} then ${cells.text('pricing_unit')} end)` },
    Tags: { sql: tags(cells), from: cells.find('resource_tags') ?? 'resourceTags' },
    x_LineItemType: { sql: lineType },
    x_UsageType: { sql: cells.text('line_item_usage_type') },
    x_Operation: { sql: cells.text('line_item_operation') },
  };
}

function when(cells: SourceCells): Record<string, FocusCell> {
  const [start, end, billEnd] = [START, 'line_item_usage_end_date', 'bill_billing_period_end_date'].map((name) =>
    cells.text(name),
  );
  return {
    BillingPeriodStart: read(cells, 'bill_billing_period_start_date'),
    BillingPeriodEnd: read(cells, 'bill_billing_period_end_date'),
    ChargePeriodStart: read(cells, START),
    ChargePeriodEnd: {
      sql: endAfter(start ?? '', end ?? '', billEnd),
      from: cells.find('line_item_usage_end_date') ?? START,
    },
  };
}

function costs(cells: SourceCells, amounts: Amounts): Record<string, FocusCell> {
  const lineType = cells.text(LINE_TYPE);
  const billed = cells.text(...amounts.unblended);
  const list = cells.text('pricing_public_on_demand_cost');
  const unusedPlan = exactSum([
    cells.text('savings_plan_total_commitment_to_date'),
    negated(cells.text('savings_plan_used_commitment')),
  ]);
  const isReservationFee = `(${lineType} = 'Fee' and ${cells.text('reservation_reservation_a_r_n')} is not null)`;
  return {
    BillingCurrency: read(cells, 'line_item_currency_code'),
    BilledCost: { sql: billed, from: cells.find(...amounts.unblended) ?? UNBLENDED },
    EffectiveCost: {
      sql: `(case when ${lineType} = 'DiscountedUsage' then ${cells.text(...amounts.reservation)}
        when ${lineType} = 'SavingsPlanCoveredUsage' then ${cells.text(...amounts.savingsPlan)}
        when ${lineType} = 'RIFee' then ${exactSum(amounts.unusedReservation.map((names) => cells.text(...names)))}
        when ${lineType} = 'SavingsPlanRecurringFee' then ${unusedPlan}
        when ${lineType} in ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') or ${isReservationFee} then '0'
        else ${billed} end)`,
      from: cells.find(...amounts.unblended) ?? UNBLENDED,
    },
    ListCost: { sql: `coalesce(${list}, ${billed})`, from: cells.find('pricing_public_on_demand_cost') ?? UNBLENDED },
    ContractedCost: {
      sql: `(case when ${lineType} = 'DiscountedUsage' then coalesce(${list}, ${billed}) else ${billed} end)`,
      from: cells.find(...amounts.unblended) ?? UNBLENDED,
    },
  };
}

function commitment(cells: SourceCells): Record<string, FocusCell> {
  const lineType = cells.text(LINE_TYPE);
  return {
    CommitmentDiscountId: {
      sql: `(case when ${isOneOf(lineType, [...USED, ...PURCHASES])}
        then ${cells.text('savings_plan_savings_plan_a_r_n', 'reservation_reservation_a_r_n', 'reservation_subscription_id')} end)`,
    },
    CommitmentDiscountStatus: {
      sql: `(case when ${isOneOf(lineType, USED)} then 'Used' when ${isOneOf(lineType, COMMITMENT_FEES)} then 'Unused' end)`,
    },
  };
}

/** Users' own keys without AWS's prefix, as users write them in rules; AWS's keep theirs. Cost categories stand beside them. */
function tags(cells: SourceCells): string {
  const map = cells.find('resource_tags');
  if (map !== null) return withoutKeyPrefix(cells.text(map), '^user[:_]');
  const columns = cells.header.flatMap((name) => {
    if (RESOURCE_TAG.test(name)) return [{ key: name.replace(RESOURCE_TAG, ''), cell: cells.text(name) }];
    return COST_CATEGORY.test(name)
      ? [{ key: `costCategory/${name.replace(COST_CATEGORY, '')}`, cell: cells.text(name) }]
      : [];
  });
  return tagsOfColumns(columns);
}
