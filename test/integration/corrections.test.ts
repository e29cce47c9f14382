/**
 * Goal: whatever way a provider corrects a bill, figures by charge date end at the same truth, and nothing is counted twice unseen.
 * Method: the worked example of FOCUS 1.4 (1,500 charged to R-111 in May turns out to be 1,200 of R-111 and 300 of R-222), delivered
 * as real files in each style, and read back through the reports.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { attributeLoadOrigins } from '../../services/attribution/attribute-origins.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { currentRulebook } from '../../services/attribution/store-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { describeLoads, type LoadView } from '../../services/billing/describe-load.ts';
import { listOverlaps } from '../../services/billing/load-overlaps.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { registerDelivery } from '../../services/billing/register-delivery.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { completenessOf } from '../../services/reports/complete-through.ts';
import { readReportFacts } from '../../services/reports/report-facts.ts';
import { costs } from '../../services/reports/costs.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { AT, pod, rulebook, store } from '../support/billed-charges.ts';
import { type BillLine, billLine, csvOf, inspect, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { createTemplate, createTestDatabase, type TestDatabase, test as base } from '../support/database.ts';

const RULES = rulebook(
  [
    { id: 'first', when: { resourceId: 'R-111' }, pod: 'checkout' },
    { id: 'second', when: { resourceId: 'R-222' }, pod: 'search' },
  ],
  [pod('checkout'), pod('search')],
);
const OPTIONS = { at: AT, principal: systemPrincipal };

/** A bill's line: all four costs alike, charged on 10 May unless told otherwise. */
function line(billedIn: 'May' | 'June', resource: string, cost: string, cells: BillLine = {}): BillLine {
  return billLine({
    ...Object.fromEntries(
      ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'].map((metric) => [metric, cost]),
    ),
    BillingPeriodStart: billedIn === 'May' ? '2026-05-01T00:00:00Z' : '2026-06-01T00:00:00Z',
    BillingPeriodEnd: billedIn === 'May' ? '2026-06-01T00:00:00Z' : '2026-07-01T00:00:00Z',
    ChargePeriodStart: '2026-05-10T00:00:00Z',
    ChargePeriodEnd: '2026-05-11T00:00:00Z',
    ChargeClass: '',
    ResourceId: resource,
    SubAccountId: 'sub-1',
    InvoiceId: '',
    Tags: '',
    ...cells,
  });
}

const CORRECTION = { ChargeClass: 'Correction' };
const JUNE_USAGE = { ChargePeriodStart: '2026-06-05T00:00:00Z', ChargePeriodEnd: '2026-06-06T00:00:00Z' };
/** Another day of May. */
const LATER_IN_MAY = { ChargePeriodStart: '2026-05-20T00:00:00Z', ChargePeriodEnd: '2026-05-21T00:00:00Z' };
const MAY = [line('May', 'R-111', '1500')];

interface Bills {
  readonly database: TestDatabase;
  /** Delivers lines as one file and publishes what they became; gives the load's id. */
  deliver(
    lines: readonly BillLine[],
    options?: { sourceId?: string; appends?: boolean; at?: string },
  ): Promise<LoadView>;
  costOfMay(): Promise<Record<string, string>>;
}

/** A database of its own for every test: each tells a whole history. `billed` begins with May's bill delivered as `bill-1.csv`. */
const test = base
  .extend('folder', async ({}, { onCleanup }) => {
    const folder = await makeBillFolder();
    onCleanup(folder.remove);
    return folder.path;
  })
  .extend('may', { scope: 'file' }, async ({}, { onCleanup }) => {
    const folder = await makeBillFolder();
    const { template, drop } = await createTemplate(async (database) => {
      await putInForce(database);
      await billsIn(database, folder.path, 0).deliver(MAY);
    });
    onCleanup(async () => {
      await drop();
      await folder.remove();
    });
    return template;
  })
  .extend('billed', async ({ folder, may }, { onCleanup }): Promise<Bills> => {
    const { drop, ...database } = await createTestDatabase({ template: may });
    onCleanup(drop);
    return billsIn(database, folder, 1);
  })
  .extend('bills', async ({ folder }, { onCleanup }): Promise<Bills> => {
    const { drop, ...database } = await createTestDatabase();
    onCleanup(drop);
    await putInForce(database);
    return billsIn(database, folder, 0);
  });

async function putInForce({ db }: TestDatabase): Promise<void> {
  const rulebookId = await db.transaction().execute((trx) => store(trx, RULES));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, OPTIONS));
}

function billsIn(database: TestDatabase, folder: string, delivered: number): Bills {
  const { db } = database;
  let count = delivered;
  return {
    database,
    deliver: async (lines, { sourceId = 'files', appends = false, at } = {}) => {
      count += 1;
      await sql`insert into source (id, kind) values (${sourceId}, 'focus-files') on conflict do nothing`.execute(db);
      const path = await writeBill(folder, `bill-${count}.csv`, csvOf(lines));
      const deliveredAt = new Date(at ?? `2026-07-0${count}T00:00:00Z`);
      const [load] = await stage(database, folder, [path], { sourceId, appends, deliveredAt });
      const loadId = load?.loadId ?? '';
      if (load?.unchanged !== true) await publish(database, loadId);
      const { loads } = await describeLoads(db, [loadId]);
      return { ...(loads[0] as LoadView), unchanged: load?.unchanged === true };
    },
    costOfMay: async () => {
      const { rows } = await costs(db, { period: '2026-05', by: ['resourceId'], at: AT });
      return Object.fromEntries(rows.map((row) => [row['resourceId'] ?? '', row.effectiveCost]));
    },
  };
}

async function publish({ db }: TestDatabase, loadId: string): Promise<void> {
  const { id } = await currentRulebook(db);
  await db.transaction().execute((trx) => attributeLoadOrigins(trx, id, loadId));
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, OPTIONS);
}

async function podsOfMay({ db }: TestDatabase): Promise<Record<string, string>> {
  const { rows } = await costs(db, { period: '2026-05', by: ['pod'], at: AT });
  return Object.fromEntries(rows.map((row) => [row['pod'] ?? 'nobody', row.billedCost]));
}

describe('1,500 of R-111 that should have been 1,200 and 300 of R-222 end there', () => {
  const corrected = { 'R-111': '1200', 'R-222': '300' };

  test('by replacement: May’s bill comes again', async ({ billed: bills }) => {
    expect(await bills.costOfMay()).toEqual({ 'R-111': '1500' });
    await bills.deliver([line('May', 'R-111', '1200'), line('May', 'R-222', '300')]);
    expect(await bills.costOfMay()).toEqual(corrected);
  });

  test('by ledger: June’s bill takes the charge back and charges anew', async ({ billed: bills }) => {
    await bills.deliver([
      line('June', 'R-111', '-1500', CORRECTION),
      line('June', 'R-111', '1200', CORRECTION),
      line('June', 'R-222', '300', CORRECTION),
      line('June', 'R-111', '40', JUNE_USAGE),
    ]);
    expect(await bills.costOfMay()).toEqual(corrected);
    expect(await podsOfMay(bills.database)).toEqual({ checkout: '1200', search: '300' });
  });

  test('by delta: June’s bill moves the difference', async ({ billed: bills }) => {
    await bills.deliver([
      line('June', 'R-111', '-300', CORRECTION),
      line('June', 'R-222', '300', CORRECTION),
      line('June', 'R-111', '40', JUNE_USAGE),
    ]);
    expect(await bills.costOfMay()).toEqual(corrected);
    expect(await podsOfMay(bills.database)).toEqual({ checkout: '1200', search: '300' });
  });

  test('by delta in May’s own period, appended to what was delivered', async ({ billed: bills }) => {
    const appended = await bills.deliver(
      [line('May', 'R-111', '-300', CORRECTION), line('May', 'R-222', '300', CORRECTION)],
      { appends: true },
    );
    expect(appended).toMatchObject({
      state: 'published',
      rows: 3,
      files: [{ name: 'bill-1.csv' }, { name: 'bill-2.csv' }],
    });
    expect(await bills.costOfMay()).toEqual(corrected);
  });
});

test('a correction billed in June reconciles with June’s bill, as billed there and charged elsewhere', async ({
  billed: bills,
}) => {
  await bills.deliver([line('June', 'R-111', '-300', CORRECTION), line('June', 'R-222', '300.5', CORRECTION)]);
  const june = await reconciliation(bills.database.db, { period: '2026-06', at: AT });
  const billed = (row: { metric: string }) => row.metric === 'BilledCost';
  expect(june.rows.filter(billed)).toMatchObject([
    { billingPeriod: '2026-06', file: '0.5', ingested: '0.5', attributed: '0.5', difference: '0' },
  ]);
  expect(june.billedHereChargedElsewhere.filter(billed)).toMatchObject([
    { billingPeriod: '2026-06', chargeMonth: '2026-05', ingested: '0.5' },
  ]);
  const may = await reconciliation(bills.database.db, { period: '2026-05', at: AT });
  expect(may.rows.filter(billed)).toMatchObject([{ billingPeriod: '2026-05', file: '1500', difference: '0' }]);
  expect(may.chargedHereBilledElsewhere.filter(billed)).toMatchObject([{ billingPeriod: '2026-06', ingested: '0.5' }]);
});

test('usage billed a month late counts on its charge date, and leaves again when its bill is restated', async ({
  billed: bills,
}) => {
  await bills.deliver([line('June', 'R-222', '7'), line('June', 'R-222', '9', JUNE_USAGE)]);
  expect(await bills.costOfMay()).toEqual({ 'R-111': '1500', 'R-222': '7' });
  await bills.deliver([line('June', 'R-222', '9', JUNE_USAGE)]);
  expect(await bills.costOfMay()).toEqual({ 'R-111': '1500' });
});

describe('an appended delivery', () => {
  test('keeps what was there, is unchanged when it comes again, and a replacement takes all of it away', async ({
    bills,
  }) => {
    await bills.deliver(MAY, { appends: true });
    const more = [line('May', 'R-222', '20')];
    const second = await bills.deliver(more, { appends: true });
    expect(await bills.costOfMay()).toEqual({ 'R-111': '1500', 'R-222': '20' });
    expect(await bills.deliver(more, { appends: true })).toMatchObject({ loadId: second.loadId, unchanged: true });
    await bills.deliver([line('May', 'R-111', '1')]);
    expect(await bills.costOfMay()).toEqual({ 'R-111': '1' });
  });

  test('registered while another is still being read takes that one’s files along', async ({ bills }) => {
    const { db } = bills.database;
    const folder = await makeBillFolder();
    const first = await inspect(folder.path, await writeBill(folder.path, 'a.csv', csvOf(MAY)));
    const other = await inspect(folder.path, await writeBill(folder.path, 'b.csv', csvOf([line('May', 'R-222', '5')])));
    await sql`insert into source (id, kind) values ('oci', 'focus-files')`.execute(db);
    const options = { sourceId: 'oci', deliveredAt: AT, mayDropAccounts: false, appends: true };
    await registerDelivery(db, { ...options, files: [first] });
    const [second] = await registerDelivery(db, { ...options, files: [other] });
    const { rows } = await sql<{ name: string; ordinal: number }>`
      select name, ordinal from load_file where load_id = ${second?.loadId ?? ''}::bigint order by ordinal
    `.execute(db);
    expect(rows).toEqual([
      { name: 'a.csv', ordinal: 1 },
      { name: 'b.csv', ordinal: 2 },
    ]);
    await folder.remove();
  });
});

describe('files of one load', () => {
  const [one, two] = [line('May', 'R-111', '100'), line('May', 'R-222', '50', { SubAccountId: 'sub-2' })];

  test('that repeat others under another name are warned of, by account and day, with the money at stake', async ({
    bills,
  }) => {
    await bills.deliver([one, two]);
    const other = await bills.deliver([line('May', 'R-222', '51', { SubAccountId: 'sub-2' })], { appends: true });
    expect(other.warnings).toEqual([]);
    const twice = await bills.deliver([one, line('May', 'R-111', '1', LATER_IN_MAY)], { appends: true });
    expect(twice.warnings).toMatchObject([
      {
        code: 'overlapping_files',
        otherLoadId: twice.loadId,
        firstChargeDate: '2026-05-10',
        lastChargeDate: '2026-05-10',
        scopes: [{ providerName: 'AWS', billingAccountId: '0012', subAccountId: 'sub-1' }],
        sameCharges: '1',
        atStake: [{ billingCurrency: 'USD', billedCost: '100', effectiveCost: '100' }],
      },
    ]);
    expect(twice.warnings[0]?.message).toContain(`Files of load ${twice.loadId} of source "files" hold the same lines`);
    expect(await listOverlaps(bills.database.db)).toHaveLength(1);
    await bills.deliver([one, two]);
    expect(await listOverlaps(bills.database.db)).toEqual([]);
  });
});

describe('one bill in two sources', () => {
  const account = [line('May', 'R-111', '100'), line('May', 'R-222', '50', { SubAccountId: 'sub-2' })];

  test('is warned of on both sides with the money at stake, and counts until one is gone', async ({ bills }) => {
    const whole = await bills.deliver(account, { sourceId: 'whole' });
    expect(whole.warnings).toEqual([]);
    const part = await bills.deliver([line('May', 'R-222', '40', { SubAccountId: 'sub-2' })], { sourceId: 'part' });
    expect(part.warnings).toMatchObject([
      {
        code: 'overlapping_scope',
        otherLoadId: whole.loadId,
        otherSourceId: 'whole',
        firstChargeDate: '2026-05-10',
        lastChargeDate: '2026-05-10',
        scopes: [{ providerName: 'AWS', billingAccountId: '0012', subAccountId: 'sub-2' }],
        scopeCount: 1,
        sameCharges: '0',
        atStake: [{ billingCurrency: 'USD', billedCost: '40', effectiveCost: '40' }],
      },
    ]);
    expect(part.warnings[0]?.message).toContain('Up to 40 USD EffectiveCost');
    const { loads } = await describeLoads(bills.database.db, [whole.loadId]);
    expect(loads[0]?.warnings).toMatchObject([{ otherLoadId: part.loadId, otherSourceId: 'part' }]);
    expect(await bills.costOfMay()).toEqual({ 'R-111': '100', 'R-222': '90' });
    expect(await listOverlaps(bills.database.db)).toHaveLength(1);
    await bills.deliver([line('May', 'R-111', '100')], { sourceId: 'whole' });
    expect(await listOverlaps(bills.database.db)).toEqual([]);
  });

  test('delivered to both under other names has all of its charges in common', async ({ bills }) => {
    await bills.deliver(account, { sourceId: 'one' });
    const copy = await bills.deliver(account, { sourceId: 'two' });
    expect(copy.warnings).toMatchObject([
      { sameCharges: '2', scopeCount: 2, atStake: [{ billedCost: '150', effectiveCost: '150' }] },
    ]);
  });

  test('is none where the sources share an account but not its sub accounts, services, days or billing periods', async ({
    bills,
  }) => {
    await bills.deliver(account, { sourceId: 'whole' });
    const beside = [
      line('May', 'R-9', '1', { SubAccountId: 'sub-9' }),
      line('May', 'R-9', '1', { ServiceName: 'Marketplace' }),
      line('May', 'R-9', '1', { ChargePeriodStart: '2026-05-11', ChargePeriodEnd: '2026-05-12' }),
    ];
    expect((await bills.deliver(beside, { sourceId: 'beside' })).warnings).toEqual([]);
    expect((await bills.deliver([line('June', 'R-111', '1')], { sourceId: 'late' })).warnings).toEqual([]);
  });
});

describe('a month', () => {
  const may = { id: '2026-05', kind: 'month' as const, start: '2026-05-01', end: '2026-06-01' };
  const SOON = new Date('2026-06-02T00:00:00Z');
  const invoiced = { InvoiceId: 'INV-1' };

  test('is final once every line has its invoice id, before its time to settle is over', async ({ bills }) => {
    const { db } = bills.database;
    const estimate = await bills.deliver([line('May', 'R-111', '1', invoiced), line('May', 'R-222', '2')], {
      at: '2026-06-01T08:00:00Z',
    });
    expect(estimate.finality).toBe('estimated');
    expect(completenessOf(await readReportFacts(db), may, SOON)).toMatchObject({ openMonths: ['2026-05-01'] });
    const final = await bills.deliver([line('May', 'R-111', '1', invoiced), line('May', 'R-222', '2', invoiced)], {
      at: '2026-06-01T20:00:00Z',
    });
    expect(final.finality).toBe('final');
    expect(completenessOf(await readReportFacts(db), may, SOON)).toMatchObject({ openMonths: [] });
  });

  test('that an invoice came for before its end stays an estimate', async ({ bills }) => {
    const load = await bills.deliver([line('May', 'R-111', '1', invoiced)], { at: '2026-05-20T00:00:00Z' });
    expect(load.finality).toBe('estimated');
    expect(completenessOf(await readReportFacts(bills.database.db), may, SOON)).toMatchObject({
      openMonths: ['2026-05-01'],
    });
  });

  test('without invoice ids is final by time alone', async ({ bills }) => {
    await bills.deliver(MAY, { at: '2026-06-01T08:00:00Z' });
    expect(
      completenessOf(await readReportFacts(bills.database.db), may, new Date('2026-06-05T23:00:00Z')),
    ).toMatchObject({
      openMonths: ['2026-05-01'],
    });
    expect(
      completenessOf(await readReportFacts(bills.database.db), may, new Date('2026-06-06T00:00:00Z')),
    ).toMatchObject({
      openMonths: [],
    });
  });
});
