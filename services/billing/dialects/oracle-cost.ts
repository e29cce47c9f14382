/**
 * Oracle Cloud's own cost reports. A file holds what became known in six hours: usage of any day, and corrections of earlier lines as
 * further lines that net them, marked `isCorrection` with a reference back.
 *
 * Source: Oracle Cloud Infrastructure documentation, "Cost and Usage Reports Overview", cost report schema.
 */
import type { Dialect, FocusCell } from './dialect.ts';
import { isOneOf, read } from './read-cells.ts';
import type { SourceCells } from './source-cells.ts';
import { tagsOfColumns } from './tags-sql.ts';
import { endAfter, monthStart } from './times-sql.ts';

const COST = 'cost/myCost';
const START = 'lineItem/intervalUsageStart';
const END = 'lineItem/intervalUsageEnd';
const TAG = /^tags\//;

export const oracleCost: Dialect = {
  id: 'oracle-cost-1',
  title: 'a cost report of Oracle Cloud',
  mandatory: [[COST], [START], [END], ['lineItem/tenantId'], ['cost/currencyCode'], ['product/service']],
  recognises: (columns) =>
    columns.has('costmycost') || (columns.has('lineitemreferenceno') && columns.has('lineitemtenantid')),
  translate: async ({ cells }) => ({ ...whose(cells), ...what(cells), ...when(cells), ...costs(cells) }),
};

function whose(cells: SourceCells): Record<string, FocusCell> {
  return {
    ProviderName: { sql: `'Oracle'` },
    PublisherName: { sql: `'Oracle'` },
    InvoiceIssuerName: { sql: `'Oracle'` },
    BillingAccountId: read(cells, 'lineItem/tenantId'),
    SubAccountId: { sql: cells.text('product/compartmentId') },
    SubAccountName: { sql: cells.text('product/compartmentName') },
  };
}

function what(cells: SourceCells): Record<string, FocusCell> {
  const tags = cells.header
    .filter((name) => TAG.test(name))
    .map((name) => ({ key: name.replace(TAG, ''), cell: cells.text(name) }));
  return {
    ServiceName: read(cells, 'product/service'),
    RegionId: { sql: cells.text('product/region') },
    ResourceId: { sql: cells.text('product/resourceId') },
    ResourceType: { sql: cells.text('product/resource') },
    ChargeCategory: { sql: `'Usage'` },
    ChargeClass: {
      sql: `(case when ${isOneOf(cells.text('lineItem/isCorrection'), ['true', '1'])} then 'Correction' end)`,
    },
    ChargeDescription: { sql: cells.text('product/Description') },
    SkuId: { sql: cells.text('cost/productSku') },
    ConsumedQuantity: read(cells, 'usage/billedQuantity'),
    ConsumedUnit: { sql: cells.text('cost/billingUnitReadable', 'usage/consumedQuantityUnits') },
    Tags: { sql: tagsOfColumns(tags), from: tags.length === 0 ? 'tags' : 'tags/…' },
    x_ReferenceNo: { sql: cells.text('lineItem/referenceNo') },
    x_BackreferenceNo: { sql: cells.text('lineItem/backreferenceNo') },
  };
}

/** Oracle bills by calendar month of the usage. */
function when(cells: SourceCells): Record<string, FocusCell> {
  const [start, end] = [cells.text(START), cells.text(END)];
  const iso = `strftime(try_cast(replace(${start}, 'Z', ':00Z') as timestamptz), '%Y-%m-%d')`;
  const day = `coalesce(${iso}, left(${start}, 10))`;
  return {
    BillingPeriodStart: { sql: monthStart(day), from: START },
    BillingPeriodEnd: { sql: monthStart(day, 1), from: START },
    ChargePeriodStart: read(cells, START),
    ChargePeriodEnd: { sql: endAfter(start, end), from: END },
  };
}

function costs(cells: SourceCells): Record<string, FocusCell> {
  const cost = read(cells, COST);
  return {
    BillingCurrency: read(cells, 'cost/currencyCode'),
    BilledCost: cost,
    EffectiveCost: cost,
    ListCost: { sql: 'null::varchar', from: COST },
    ContractedCost: { sql: 'null::varchar', from: COST },
  };
}
