/** Oracle Cloud's own cost reports as FOCUS: lines, tags, and corrections that net what they refer back to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BillLine, csvOf, makeBillFolder, writeBill } from '../support/billing.ts';
import { translated } from '../support/translated-bills.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

function line(cells: BillLine = {}): BillLine {
  return {
    'lineItem/referenceNo': 'V2.A1',
    'lineItem/tenantId': 'ocid1.tenancy.oc1..t',
    'lineItem/intervalUsageStart': '2026-09-14T10:00Z',
    'lineItem/intervalUsageEnd': '2026-09-14T11:00Z',
    'product/service': 'COMPUTE',
    'product/compartmentId': 'ocid1.compartment.oc1..c',
    'product/compartmentName': 'shop',
    'product/region': 'eu-frankfurt-1',
    'product/resourceId': 'ocid1.instance.oc1..i',
    'usage/billedQuantity': '4',
    'cost/productSku': 'B88317',
    'cost/myCost': '0.04',
    'cost/currencyCode': 'EUR',
    'cost/billingUnitReadable': 'ONE GIGABYTE HOURS',
    'lineItem/backreferenceNo': '',
    'lineItem/isCorrection': 'false',
    'tags/operations.pod': 'checkout',
    'tags/Oracle-Tags.CreatedBy': '',
    ...cells,
  };
}

const readLines = async (name: string, lines: readonly BillLine[]) =>
  translated(folder.path, await writeBill(folder.path, name, csvOf(lines)));

test('a line is of the month of its usage, with its compartment and its tags', async () => {
  const { lines } = await readLines('line.csv', [line()]);
  expect(lines[0]).toMatchObject({
    ProviderName: 'Oracle',
    BillingAccountId: 'ocid1.tenancy.oc1..t',
    SubAccountName: 'shop',
    ServiceName: 'COMPUTE',
    BillingPeriodStart: '2026-09-01',
    BillingPeriodEnd: '2026-10-01',
    BilledCost: '0.04',
    Tags: '{"operations.pod":"checkout"}',
    ChargeClass: null,
  });
});

test('corrections are lines of their own that net the ones they refer back to', async () => {
  const { lines, billed } = await readLines('corrected.csv', [
    line(),
    line({
      'lineItem/referenceNo': 'V2.A2',
      'lineItem/backreferenceNo': 'V2.A1',
      'lineItem/isCorrection': 'true',
      'cost/myCost': '-0.04',
    }),
    line({
      'lineItem/referenceNo': 'V2.A3',
      'lineItem/backreferenceNo': 'V2.A1',
      'lineItem/isCorrection': 'true',
      'cost/myCost': '0.0312',
    }),
  ]);
  expect(billed).toBe('0.0312');
  expect(lines.map((one) => [one['ChargeClass'], one['x_BackreferenceNo']])).toEqual([
    [null, null],
    ['Correction', 'V2.A1'],
    ['Correction', 'V2.A1'],
  ]);
});
