/**
 * Daily costs of AWS Cost Explorer, as the connector of that kind writes them: a record per group of GetCostAndUsage. BilledCost is the
 * unblended cost; EffectiveCost the net amortised one, which spreads commitments and private discounts over what used them. No line has
 * an invoice, so that such a month stays estimated until time settles it.
 *
 * Source: AWS Billing and Cost Management API reference, "GetCostAndUsage".
 */
import type { Dialect, FocusCell } from './dialect.ts';
import { isOneOf, read } from './read-cells.ts';
import { foldColumn, type SourceCells } from './source-cells.ts';
import { monthStart } from './times-sql.ts';

const START = 'TimePeriodStart';
const BILLED = 'UnblendedCost';
const AMORTISED = 'NetAmortizedCost';
const KIND = 'RecordType';
/** What commits; the first are fees whose net amortised part is the commitment that nothing used. */
const COMMITMENT_FEES = ['RIFee', 'Recurring', 'SavingsPlanRecurringFee'];
const PURCHASES = [...COMMITMENT_FEES, 'Fee', 'Upfront', 'SavingsPlanUpfrontFee'];

export const awsCostExplorer: Dialect = {
  id: 'aws-cost-explorer-1',
  title: 'daily costs of AWS Cost Explorer',
  mandatory: [
    [START],
    ['TimePeriodEnd'],
    ['PayerAccountId'],
    ['LinkedAccountId'],
    [BILLED],
    [AMORTISED],
    ['CurrencyCode'],
  ],
  recognises: (columns) => [START, 'PayerAccountId', AMORTISED].every((name) => columns.has(foldColumn(name))),
  translate: async ({ cells }) => ({ ...whose(cells), ...what(cells), ...when(cells), ...costs(cells) }),
};

function whose(cells: SourceCells): Record<string, FocusCell> {
  return {
    ProviderName: { sql: `'AWS'` },
    PublisherName: { sql: `'AWS'` },
    InvoiceIssuerName: { sql: `'AWS'` },
    BillingAccountId: read(cells, 'PayerAccountId'),
    SubAccountId: read(cells, 'LinkedAccountId'),
    SubAccountName: read(cells, 'LinkedAccountName'),
  };
}

function what(cells: SourceCells): Record<string, FocusCell> {
  const kind = cells.text(KIND);
  const [key, value] = [cells.text('TagKey'), cells.text('TagValue')];
  return {
    // Tagged costs are not told by service, other charges than usage neither.
    ServiceName: read(cells, 'Service'),
    ChargeCategory: {
      sql: `(case when ${isOneOf(kind, PURCHASES)} then 'Purchase' when ${kind} in ('Tax', 'Credit') then ${kind}
        when ${kind} = 'Refund' then 'Adjustment' else 'Usage' end)`,
      from: KIND,
    },
    ChargeFrequency: {
      sql: `(case when ${isOneOf(kind, COMMITMENT_FEES)} then 'Recurring' when ${kind} is null then 'Usage-Based' else 'One-Time' end)`,
    },
    ChargeDescription: { sql: kind },
    CommitmentDiscountStatus: { sql: `(case when ${isOneOf(kind, COMMITMENT_FEES)} then 'Unused' end)` },
    Tags: {
      sql: `(case when ${key} is not null and ${value} is not null then to_json(map([${key}], [${value}]))::varchar end)`,
      from: 'TagValue',
    },
    x_Estimated: { sql: cells.text('Estimated') },
  };
}

/** AWS bills by calendar month. */
function when(cells: SourceCells): Record<string, FocusCell> {
  const day = cells.text(START);
  return {
    BillingPeriodStart: { sql: monthStart(day), from: START },
    BillingPeriodEnd: { sql: monthStart(day, 1), from: START },
    ChargePeriodStart: read(cells, START),
    ChargePeriodEnd: read(cells, 'TimePeriodEnd'),
  };
}

function costs(cells: SourceCells): Record<string, FocusCell> {
  return {
    BillingCurrency: read(cells, 'CurrencyCode'),
    BilledCost: read(cells, BILLED),
    EffectiveCost: read(cells, AMORTISED),
    ListCost: { sql: 'null::varchar', from: BILLED },
    ContractedCost: { sql: 'null::varchar', from: BILLED },
  };
}
