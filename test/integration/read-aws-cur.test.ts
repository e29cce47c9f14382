/**
 * The AWS Cost and Usage Report as FOCUS: what each type of line bills and what it costs in effect, the same in the legacy CSV, in
 * CUR 2.0 and in Parquet, and the known sums of two published files.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BillLine, csvOf, inspect, makeBillFolder, writeBill } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { translated, writeParquet } from '../support/translated-bills.ts';

const ARN = 'arn:aws:savingsplans::000000000017:savingsplan/one';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

/** A line of the legacy report; its columns in CUR 2.0 are the same words with underscores. */
function line(type: string, cells: BillLine): BillLine {
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
const MONTH: readonly (readonly [line: BillLine, billed: string, effective: string, category: string])[] = [
  [line('Usage', { 'lineItem/UnblendedCost': '1.25', 'resourceTags/user:pod': 'checkout' }), '1.25', '1.25', 'Usage'],
  [line('DiscountedUsage', { 'lineItem/UnblendedCost': '0', 'reservation/EffectiveCost': '0.6' }), '0', '0.6', 'Usage'],
  [
    line('RIFee', {
      'lineItem/UnblendedCost': '30',
      'reservation/UnusedAmortizedUpfrontFeeForBillingPeriod': '1.1',
      'reservation/UnusedRecurringFee': '2.2E-1',
    }),
    '30',
    '1.32',
    'Purchase',
  ],
  [line('Fee', { 'lineItem/UnblendedCost': '500', 'reservation/ReservationARN': 'arn:ri' }), '500', '0', 'Purchase'],
  [
    line('SavingsPlanCoveredUsage', {
      'lineItem/UnblendedCost': '0.096',
      'savingsPlan/SavingsPlanEffectiveCost': '0.07',
      'savingsPlan/SavingsPlanARN': ARN,
    }),
    '0.096',
    '0.07',
    'Usage',
  ],
  [
    line('SavingsPlanNegation', { 'lineItem/UnblendedCost': '-0.096', 'savingsPlan/SavingsPlanARN': ARN }),
    '-0.096',
    '0',
    'Usage',
  ],
  [
    line('SavingsPlanRecurringFee', {
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
    line('SavingsPlanUpfrontFee', { 'lineItem/UnblendedCost': '900', 'savingsPlan/SavingsPlanARN': ARN }),
    '900',
    '0',
    'Purchase',
  ],
  [line('EdpDiscount', { 'lineItem/UnblendedCost': '-0.125' }), '-0.125', '-0.125', 'Usage'],
  [line('PrivateRateDiscount', { 'lineItem/UnblendedCost': '-0.01' }), '-0.01', '-0.01', 'Usage'],
  [line('BundledDiscount', { 'lineItem/UnblendedCost': '-0.02' }), '-0.02', '-0.02', 'Usage'],
  [line('Credit', { 'lineItem/UnblendedCost': '-5' }), '-5', '-5', 'Credit'],
  [line('Refund', { 'lineItem/UnblendedCost': '-3' }), '-3', '-3', 'Adjustment'],
  [
    line('Tax', { 'lineItem/UnblendedCost': '12.34', 'lineItem/UsageEndDate': '2026-09-14T00:00:00Z' }),
    '12.34',
    '12.34',
    'Tax',
  ],
  [
    line('Fee', { 'lineItem/UnblendedCost': '9.99', 'bill/BillingEntity': 'AWS Marketplace' }),
    '9.99',
    '9.99',
    'Purchase',
  ],
];
const LINES = MONTH.map(([cells]) => cells);

const TAGGED = /^resourceTags\//;
const snakeCase = (name: string) =>
  name
    .replace('/', '_')
    .replace(/(?<=[a-z])(?=[A-Z])|(?<=ARN)(?=[a-z])/g, '_')
    .toLowerCase();

/** The same month as CUR 2.0 writes it: other names, tags in one map. */
function asCur2(lines: readonly BillLine[]): BillLine[] {
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

describe('a line of each type', () => {
  test('bills what it adds to the invoice and costs in effect what it used of a commitment', async () => {
    const bill = await translated(folder.path, await writeBill(folder.path, 'legacy.csv', csvOf(LINES)));
    expect(
      bill.lines.map((one) => [
        one['x_LineItemType'],
        one['BilledCost'],
        trimmed(one['EffectiveCost']),
        one['ChargeCategory'],
      ]),
    ).toEqual(
      MONTH.map(([cells, billed, effective, category]) => [
        cells['lineItem/LineItemType'],
        billed,
        effective,
        category,
      ]),
    );
  });

  test('keeps leading zeros of accounts, and tags as users wrote them', async () => {
    const bill = await translated(folder.path, await writeBill(folder.path, 'tags.csv', csvOf(LINES)));
    expect(bill.lines[0]).toMatchObject({
      BillingAccountId: '000000000017',
      SubAccountId: '000000000042',
      Tags: '{"pod":"checkout"}',
      ServiceName: 'Amazon Elastic Compute Cloud',
    });
    expect(bill.lines[1]?.['Tags']).toBeNull();
  });

  test('says which commitment was used and which was not', async () => {
    const bill = await translated(folder.path, await writeBill(folder.path, 'commitments.csv', csvOf(LINES)));
    const statuses = bill.lines.map((one) => [one['x_LineItemType'], one['CommitmentDiscountStatus'] ?? null]);
    expect(statuses.filter(([, status]) => status !== null)).toEqual([
      ['DiscountedUsage', 'Used'],
      ['RIFee', 'Unused'],
      ['SavingsPlanCoveredUsage', 'Used'],
      ['SavingsPlanRecurringFee', 'Unused'],
    ]);
  });

  test('has a period that ends after it starts, as a tax does not', async () => {
    const bill = await translated(folder.path, await writeBill(folder.path, 'tax.csv', csvOf(LINES)));
    const tax = bill.lines.find((one) => one['ChargeCategory'] === 'Tax');
    expect(tax).toMatchObject({ ChargePeriodStart: '2026-09-14T00:00:00Z', ChargePeriodEnd: '2026-10-01T00:00:00Z' });
  });
});

describe('one month in every spelling', () => {
  test('has the same lines in CUR 2.0 as CSV and as Parquet with doubles, instants and a map', async () => {
    const legacy = await translated(folder.path, await writeBill(folder.path, 'month.csv', csvOf(LINES)));
    const csvPath = await writeBill(folder.path, 'month-2.csv', csvOf(asCur2(LINES)));
    const csv = await translated(folder.path, csvPath);
    const parquetPath = join(folder.path, 'month-2.parquet');
    await writeParquet(
      csvPath,
      `* replace (line_item_unblended_cost::double as line_item_unblended_cost, line_item_usage_start_date::timestamptz as line_item_usage_start_date,
        resource_tags::json::map(varchar, varchar) as resource_tags)`,
      parquetPath,
    );
    const parquet = await translated(folder.path, parquetPath);
    for (const other of [csv, parquet]) {
      expect(other.billed).toBe(legacy.billed);
      expect(other.effective).toBe(legacy.effective);
      expect(other.lines.map(withoutSpelling)).toEqual(legacy.lines.map(withoutSpelling));
    }
  });
});

describe('private discounts', () => {
  const usage = (net: string) => ({
    ...line('Usage', { 'lineItem/UnblendedCost': '10' }),
    'lineItem/NetUnblendedCost': net,
  });

  test('count once where lines of their own show them beside net amounts', async () => {
    const discount = { ...line('EdpDiscount', { 'lineItem/UnblendedCost': '-1' }), 'lineItem/NetUnblendedCost': '' };
    const bill = await translated(folder.path, await writeBill(folder.path, 'edp.csv', csvOf([usage('9'), discount])));
    expect(bill.billed).toBe('9');
  });

  test('count once where only the net amount has them', async () => {
    const bill = await translated(folder.path, await writeBill(folder.path, 'net.csv', csvOf([usage('9')])));
    expect(bill.billed).toBe('9');
  });
});

describe('a report that is wrong', () => {
  test('names its own column and the physical line', async () => {
    const lines = [...LINES.slice(0, 3), line('Usage', { 'lineItem/UnblendedCost': 'twelve' })];
    const path = await writeBill(folder.path, 'faulty.csv', csvOf(lines));
    await expect(inspect(folder.path, path)).rejects.toThrow(
      'faulty.csv line 5 (record 4), column lineItem/UnblendedCost: "twelve" is not a number.',
    );
  });
});

describe.runIf(isAvailable('bills'))('the published reports', () => {
  test.each([
    ['test_cur.csv', 19, '0.0827499841274349353'],
    ['cur_anonymous.csv', 1281, '1.6823086974'],
  ])('%s have their known sum', async (name, lines, billed) => {
    const bill = await translated(folder.path, join(realBills(), 'aws-cur', name));
    expect({ lines: bill.lines.length, billed: bill.billed }).toEqual({ lines, billed });
  });
});

/** What two spellings of one line may differ in: how many zeros a decimal ends in, and how an instant is written. */
function withoutSpelling(one: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(one).map(([column, value]) => [
      column,
      value === null ? null : column.endsWith('Cost') ? trimmed(value) : value.replace(/(T[\d:]+)\.000000Z$/, '$1Z'),
    ]),
  );
}

function trimmed(text: string | null | undefined): string | null {
  return text?.includes('.') === true ? text.replace(/\.?0+$/, '') : (text ?? null);
}
