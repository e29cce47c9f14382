/**
 * The AWS Cost and Usage Report as FOCUS: what each type of line bills and what it costs in effect, the same in the legacy CSV, in
 * CUR 2.0 and in Parquet, and the known sums of two published files.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  asCur2,
  asReportInParquet,
  AWS_MONTH as MONTH,
  AWS_MONTH_LINES as LINES,
  curLine as line,
} from '../support/aws-month.ts';
import { csvOf, inspect, makeBillFolder, writeBill } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { translated, writeParquet } from '../support/translated-bills.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

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
  test('has the same lines in CUR 2.0 as CSV and as Parquet with doubles, instants and a map, and in a legacy report as Parquet', async () => {
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
    const reportPath = join(folder.path, 'report.parquet');
    const reportCsv = await writeBill(folder.path, 'report.csv', csvOf(asReportInParquet(LINES)));
    await writeParquet(
      reportCsv,
      '* replace (line_item_unblended_cost::double as line_item_unblended_cost)',
      reportPath,
    );
    const report = await translated(folder.path, reportPath);
    for (const other of [csv, parquet, report]) {
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
