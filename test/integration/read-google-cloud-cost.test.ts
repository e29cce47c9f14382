/** Google Cloud's billing export as FOCUS: cost and all its credits, every type of cost, labels by precedence, and published files. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BillLine, csvOf, inspect, makeBillFolder, writeBill } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { translated } from '../support/translated-bills.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

function row(cells: BillLine = {}): BillLine {
  return {
    billing_account_id: '000000-AAAAAA-000000',
    'service.description': 'Compute Engine',
    'sku.id': 'D5A4',
    usage_start_time: '2026-09-14 23:00:00+00:00',
    usage_end_time: '2026-09-15 00:00:00+00:00',
    'project.id': 'shop-1',
    'project.name': 'Shop',
    'project.labels': '[]',
    labels: '[]',
    system_labels: '[]',
    'location.region': 'europe-west1',
    export_time: '2026-09-15 05:00:00+00:00',
    cost: '1.5',
    currency: 'EUR',
    'usage.amount': '24909.0',
    'usage.unit': 'bytes',
    credits: '[]',
    'invoice.month': '202609',
    cost_type: 'regular',
    ...cells,
  };
}

const readRows = async (name: string, rows: readonly BillLine[]) =>
  translated(folder.path, await writeBill(folder.path, name, csvOf(rows)));

describe('what a row costs', () => {
  test('is its cost and all its credits, exactly', async () => {
    const credits = JSON.stringify([
      { name: 'Committed use', amount: -0.1, type: 'COMMITTED_USAGE_DISCOUNT' },
      { name: 'Sustained use', amount: -2.3e-7, type: 'SUSTAINED_USAGE_DISCOUNT' },
      { name: 'Free trial', amount: -1.2, type: 'PROMOTION' },
    ]);
    const { lines, billed } = await readRows('credits.csv', [row({ credits })]);
    expect(billed).toBe('0.19999977');
    expect(lines[0]).toMatchObject({ ListCost: '1.5', EffectiveCost: lines[0]?.['BilledCost'] });
  });

  test('has credits as a script in Python saves them, too', async () => {
    const credits = "[{'name': 'Free', 'amount': -5e-06, 'full_name': None, 'id': 'Free'}]";
    expect((await readRows('python.csv', [row({ cost: '5e-06', credits })])).billed).toBe('0');
  });

  test('is refused where 38 digits cannot hold the sum', async () => {
    const credits = '[{"amount": -1e-30}]';
    const path = await writeBill(folder.path, 'digits.csv', csvOf([row({ cost: '1', credits })]));
    await expect(inspect(folder.path, path)).rejects.toThrow('column cost:');
  });
});

test.each([
  ['regular', 'Usage'],
  ['tax', 'Tax'],
  ['adjustment', 'Adjustment'],
  ['rounding_error', 'Adjustment'],
])('cost of type %s belongs to the bill as %s', async (type, category) => {
  const { lines, billed } = await readRows(`${type}.csv`, [
    row({ cost_type: type, 'project.id': '', 'project.name': '' }),
  ]);
  expect({ category: lines[0]?.['ChargeCategory'], account: lines[0]?.['SubAccountId'], billed }).toEqual({
    category,
    account: null,
    billed: '1.5',
  });
});

test('the billing period is the month of the invoice, not of the usage', async () => {
  const { lines } = await readRows('month.csv', [
    row({ usage_start_time: '2026-08-31 23:00:00+00:00', usage_end_time: '2026-09-01 00:00:00+00:00' }),
  ]);
  expect(lines[0]).toMatchObject({
    BillingPeriodStart: '2026-09-01',
    BillingPeriodEnd: '2026-10-01',
    ChargePeriodStart: '2026-08-31 23:00:00+00:00',
  });
});

test('labels of the resource count before those of its project, and these before the system’s', async () => {
  const list = (labels: Record<string, string>) =>
    JSON.stringify(Object.entries(labels).map(([key, value]) => ({ key, value })));
  const { lines } = await readRows('labels.csv', [
    row({
      labels: list({ pod: 'checkout' }),
      'project.labels': list({ pod: 'whole-project', team: 'shop' }),
      system_labels: list({ team: 'no', 'compute.googleapis.com/cores': '4' }),
    }),
  ]);
  expect(JSON.parse(lines[0]?.['Tags'] ?? '')).toEqual({
    pod: 'checkout',
    team: 'shop',
    'compute.googleapis.com/cores': '4',
  });
});

describe.runIf(isAvailable('bills'))('the published exports', () => {
  test.each([
    ['2020-11.csv', 25, '0.000032', '0'],
    ['2022-08-01_5.csv', 9, '0.000012', '0.000012'],
  ])('%s have their known cost, and what is left after credits', async (name, count, cost, billed) => {
    const bill = await translated(folder.path, join(realBills(), 'gcp-export', name));
    expect({ count: bill.lines.length, cost: bill.sumOf('ContractedCost'), billed: bill.billed }).toEqual({
      count,
      cost,
      billed,
    });
  });
});
