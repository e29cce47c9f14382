/** Azure's own cost exports as FOCUS: every header spelling, actual and amortized cost, and the known sums of published files. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BillLine, csvOf, inspect, makeBillFolder, writeBill } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { translated, writeParquet } from '../support/translated-bills.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

const RESOURCE = '/subscriptions/ABC/resourceGroups/Shop/providers/Microsoft.Compute/virtualMachines/Web-1';

/** A line of an Enterprise Agreement file. */
function line(cells: BillLine = {}): BillLine {
  return {
    BillingAccountId: '0012',
    SubscriptionId: 'ABC',
    Date: '09/14/2026',
    MeterCategory: 'Virtual Machines',
    MeterId: 'm-1',
    Quantity: '1',
    CostInBillingCurrency: '1.5',
    BillingCurrencyCode: 'EUR',
    BillingPeriodStartDate: '09/01/2026',
    BillingPeriodEndDate: '09/30/2026',
    ResourceId: RESOURCE,
    ResourceLocation: 'West Europe',
    ChargeType: 'Usage',
    PricingModel: 'OnDemand',
    Frequency: 'UsageBased',
    Tags: '"pod": "checkout"',
    ...cells,
  };
}

const readLines = async (name: string, lines: readonly BillLine[]) =>
  translated(folder.path, await writeBill(folder.path, name, csvOf(lines)));

describe('a line', () => {
  test('has half-open periods, ids in one case and tags in braces', async () => {
    const { lines } = await readLines('ea.csv', [line()]);
    expect(lines[0]).toMatchObject({
      BillingPeriodStart: '2026-09-01',
      BillingPeriodEnd: '2026-10-01',
      ChargePeriodStart: '2026-09-14',
      ChargePeriodEnd: '2026-09-15',
      BillingAccountId: '0012',
      SubAccountId: 'abc',
      ResourceId: RESOURCE.toLowerCase(),
      ResourceName: 'web-1',
      RegionId: 'westeurope',
      BillingCurrency: 'EUR',
      Tags: '{"pod": "checkout"}',
    });
  });

  test.each([
    ['Usage', 'Usage'],
    ['UnusedReservation', 'Usage'],
    ['Purchase', 'Purchase'],
    ['Refund', 'Adjustment'],
    ['RoundingAdjustment', 'Adjustment'],
    ['Tax', 'Tax'],
  ])('of type %s is of the category %s', async (type, category) => {
    const { lines } = await readLines(`type-${type}.csv`, [line({ ChargeType: type })]);
    expect(lines[0]?.['ChargeCategory']).toBe(category);
  });
});

describe('a header', () => {
  test('in German, with the English names behind its own', async () => {
    const { lines } = await readLines('german.csv', [
      {
        'Abonnement-GUID (SubscriptionGuid)': 'ABC',
        'UsageDateTime (UsageDateTime)': '2026-09-14',
        'Kategorie der Verbrauchseinheit (MeterCategory)': 'Storage',
        'ID der Verbrauchseinheit (MeterId)': 'm-1',
        'PreTaxCost (PreTaxCost)': '0.075',
        Currency: 'USD',
        'Maßeinheit (UnitOfMeasure)': '100 Hours',
      },
    ]);
    expect(lines[0]).toMatchObject({
      BilledCost: '0.075',
      ServiceName: 'Storage',
      SubAccountId: 'abc',
      ConsumedUnit: '100 Hours',
      BillingPeriodStart: '2026-09-01',
      BillingPeriodEnd: '2026-10-01',
    });
  });

  test('of a Customer Agreement is of its billing profile, with the list price and the invoice', async () => {
    const { lines } = await readLines('customer-agreement.csv', [
      {
        invoiceId: 'G001',
        billingAccountId: '5e98:564b_2019-05-31',
        billingProfileId: 'RJUI-WHJ7-BG7-TGB',
        billingPeriodEndDate: '09/30/2026',
        billingPeriodStartDate: '09/01/2026',
        date: '09/14/2026',
        meterId: 'm-1',
        meterCategory: 'Storage',
        SubscriptionId: 'ABC',
        ResourceId: RESOURCE,
        quantity: '1',
        chargeType: 'Usage',
        billingCurrency: 'EUR',
        pricingCurrency: 'USD',
        costInBillingCurrency: '0.9',
        costInPricingCurrency: '1',
        costInUsd: '1',
        paygCostInBillingCurrency: '1.1',
        tags: '"pod": "checkout"',
      },
    ]);
    expect(lines[0]).toMatchObject({
      InvoiceId: 'G001',
      BillingAccountId: 'RJUI-WHJ7-BG7-TGB',
      SubAccountId: 'abc',
      ResourceId: RESOURCE.toLowerCase(),
      BillingCurrency: 'EUR',
      BilledCost: '0.9',
      EffectiveCost: '0.9',
      ListCost: '1.1',
      Tags: '{"pod": "checkout"}',
    });
  });

  test('of pay-as-you-go is of its subscription, whatever its case', async () => {
    const payAsYouGo = {
      SubscriptionGuid: 'ABC',
      ResourceGroup: 'Shop',
      UsageDateTime: '2026-09-14',
      MeterCategory: 'Storage',
      MeterId: 'm-1',
      UsageQuantity: '2',
      PreTaxCost: '0.5',
      InstanceId: RESOURCE,
      Currency: 'EUR',
      Tags: '',
    };
    const { lines } = await readLines('pay-as-you-go.csv', [payAsYouGo, { ...payAsYouGo, SubscriptionGuid: 'abc' }]);
    const read = {
      BillingAccountId: 'abc',
      SubAccountId: 'abc',
      ResourceId: RESOURCE.toLowerCase(),
      BilledCost: '0.5',
    };
    expect(lines).toMatchObject([read, read]);
  });

  test('in camel case and in one word reads the same', async () => {
    const recased = (change: (name: string) => string) =>
      [line()].map((cells) => Object.fromEntries(Object.entries(cells).map(([name, cell]) => [change(name), cell])));
    const own = await readLines('pascal.csv', [line()]);
    const camel = await readLines(
      'camel.csv',
      recased((name) => name.charAt(0).toLowerCase() + name.slice(1)),
    );
    const flat = await readLines(
      'flat.csv',
      recased((name) => name.toLowerCase()),
    );
    expect(camel.lines).toEqual(own.lines);
    expect(flat.lines).toEqual(own.lines);
  });

  test('of Parquet reads the same, with instants, decimals and doubles', async () => {
    const cells = line({ CostInBillingCurrency: '0.1', Quantity: '2.5' });
    const csvPath = await writeBill(folder.path, 'typed.csv', csvOf([cells]));
    const csv = await translated(folder.path, csvPath);
    for (const type of ['double', 'decimal(38,18)']) {
      const path = join(folder.path, `typed-${type.slice(0, 3)}.parquet`);
      const dates = ['Date', 'BillingPeriodStartDate', 'BillingPeriodEndDate'].map(
        (name) => `strptime("${name}", '%m/%d/%Y')::timestamptz as "${name}"`,
      );
      await writeParquet(
        csvPath,
        `* replace (CostInBillingCurrency::${type} as CostInBillingCurrency, ${dates.join(', ')})`,
        path,
      );
      const parquet = await translated(folder.path, path);
      expect([parquet.billed, parquet.effective]).toEqual([csv.billed, csv.effective]);
      const { BilledCost: _billed, EffectiveCost: _effective, ...rest } = csv.lines[0] ?? {};
      expect(parquet.lines[0]).toMatchObject(rest);
    }
  });

  test('without a currency is in the one its source is billed in, dollars unless it says', async () => {
    const { BillingCurrencyCode, ...cells } = line();
    const { lines } = await readLines('no-currency.csv', [cells]);
    expect({ was: BillingCurrencyCode, read: lines[0]?.['BillingCurrency'] }).toEqual({ was: 'EUR', read: 'USD' });
  });
});

describe('dates with slashes', () => {
  test('have the month first', async () => {
    const { lines } = await readLines('month-first.csv', [line({ Date: '9/2/2026' })]);
    expect(lines[0]?.['ChargePeriodStart']).toBe('2026-09-02');
  });

  test('have the day first where one of them proves it', async () => {
    const dayFirst = { BillingPeriodStartDate: '01/09/2026', BillingPeriodEndDate: '30/09/2026' };
    const { lines } = await readLines('day-first.csv', [
      line({ Date: '02/09/2026', ...dayFirst }),
      line({ Date: '14/09/2026', ...dayFirst }),
    ]);
    expect(lines.map((one) => one['ChargePeriodStart'])).toEqual(['2026-09-02', '2026-09-14']);
    expect(lines[0]?.['BillingPeriodEnd']).toBe('2026-10-01');
  });
});

describe('cost', () => {
  const lines = [
    line({ CostInBillingCurrency: '2' }),
    line({ CostInBillingCurrency: '0.5', PricingModel: 'Reservation' }),
    line({ CostInBillingCurrency: '0.25', ChargeType: 'UnusedSavingsPlan', PricingModel: 'SavingsPlan' }),
  ];

  test('amortized bills nothing for what a commitment paid for', async () => {
    const bill = await readLines('export_AmortizedCost.csv', lines);
    expect({ billed: bill.billed, effective: bill.effective }).toEqual({ billed: '2', effective: '2.75' });
    expect(bill.lines.map((one) => one['CommitmentDiscountStatus'])).toEqual([null, 'Used', 'Unused']);
  });

  test('amortized is recognised by its lines where the name does not say', async () => {
    expect((await readLines('part-1.csv', lines)).billed).toBe('2');
  });

  test('actual bills what it says', async () => {
    const bill = await readLines('export_ActualCost.csv', [
      line({ CostInBillingCurrency: '2' }),
      line({ CostInBillingCurrency: '3.25', ChargeType: 'Purchase', PricingModel: 'Reservation' }),
    ]);
    expect({ billed: bill.billed, effective: bill.effective }).toEqual({ billed: '5.25', effective: '5.25' });
  });
});

test('a faulty cell is named by the column and line of the file', async () => {
  const path = await writeBill(folder.path, 'faulty.csv', csvOf([line(), line({ CostInBillingCurrency: 'much' })]));
  await expect(inspect(folder.path, path)).rejects.toThrow(
    'faulty.csv line 3 (record 2), column CostInBillingCurrency: "much" is not a number.',
  );
});

describe.runIf(isAvailable('bills'))('the published exports', () => {
  test.each([
    ['azure-ea/EA_ActualCost_Small.csv', 11, '8.5450077867419368'],
    ['azure-ea/EA_AmortizedCost_Small.csv', 28, '16.296932136636644627485419'],
    ['azure-ea/EA_anonymous.csv', 27, '1.26136926505726'],
    ['azure-ea/EA_NoRows.csv', 0, '0'],
    ['azure-export/payg_actual.csv', 87, '16.393506212224391'],
  ])('%s have their known sum', async (name, lines, effective) => {
    const bill = await translated(folder.path, join(realBills(), name));
    expect({ lines: bill.lines.length, effective: bill.effective }).toEqual({ lines, effective });
  });
});
