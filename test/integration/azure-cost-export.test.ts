/**
 * An Azure cost export from the container to the published figures, by the product itself: what arrives is read once and nothing is asked for
 * again, the newest run replaces its billing period, what is not whole is waited for, what fails is said and gone on with where it stopped.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { type AzureRun, deliverRun, RUNS } from '../support/azure-exports.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { type BillLine, billLine, csvOf } from '../support/billing.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
/** Makes a bill far larger than what streams hold, which a cut takes with it. */
const PADDING = 'x'.repeat(1_000);
const DAY_MS = 24 * HOUR_MS;
const [RUN_1 = '', RUN_2 = ''] = RUNS;
const SEPTEMBER = '20260901-20260930';
const OCTOBER = '20261001-20261031';

let azurite: Azurite;
let scene: SyncedSource;
let container: string;
let number = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString;
});
afterAll(async () => {
  delete env['AZURE_STORAGE_CONNECTION_STRING'];
  await azurite.stop();
});
beforeEach(async () => {
  number += 1;
  container = `costs-${number}`;
  await azurite.createContainer(container);
  const place = { account: azurite.account, container, prefix: 'costs', endpoint: azurite.endpoint };
  scene = await createSyncedSource({ id: 'azure', kind: 'azure-cost-export', settings: () => place });
  scene.now = new Date(Date.now() + HOUR_MS); // Azurite has a clock of its own.
});
afterEach(async () => {
  azurite.gate.reset();
  await scene.drop();
});

/** A line of a FOCUS export of Azure. */
function lineOf(month: string, cells: BillLine = {}): BillLine {
  const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString();
  return billLine({
    ProviderName: 'Microsoft',
    BillingPeriodStart: `${month}-01T00:00:00Z`,
    BillingPeriodEnd: end,
    ChargePeriodStart: `${month}-05T00:00:00Z`,
    ChargePeriodEnd: `${month}-06T00:00:00Z`,
    InvoiceId: '',
    ...cells,
  });
}

const deliver = (run: Partial<AzureRun> = {}, lines: readonly BillLine[] = [{}]) =>
  deliverRun(azurite, container, {
    root: 'costs/focus',
    range: SEPTEMBER,
    run: RUN_1,
    files: { 'part_0_0001.csv': csvOf(lines.map((cells) => lineOf('2026-09', cells))) },
    submittedAt: '2026-10-01T04:00:00Z',
    ...run,
  });
const october = (cells: BillLine = {}) => ({
  range: OCTOBER,
  files: { 'part_0_0001.csv': csvOf([lineOf('2026-10', cells)]) },
});
const later = (ms = DAY_MS) => (scene.now = new Date(scene.now.getTime() + ms));
const billed = async () => (await scene.published()).map(({ period, lines, billed: sum }) => [period, lines, sum]);
const filesRead = () => azurite.gate.calls.filter(({ key }) => /part_/.test(key));
const callsOf = async (work: () => Promise<unknown>) => {
  azurite.gate.reset();
  await work();
  return azurite.gate.calls.map(({ operation }) => operation);
};

describe('a source of Azure exports', () => {
  test('is read once: the next look lists, reads the manifests and fetches nothing', async () => {
    await deliver({}, [{ SubAccountId: '/subscriptions/ABC', BilledCost: '1' }, { BilledCost: '0.1' }]);
    await deliver(october());
    await scene.sync();
    expect(await billed()).toEqual([
      ['2026-09', '2', '1.1'],
      ['2026-10', '1', '1.5'],
    ]);
    later(HOUR_MS);
    const calls = await callsOf(() => scene.sync());
    expect(calls.sort()).toEqual(['list', 'read', 'read']);
    expect(filesRead()).toEqual([]);
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });
    expect((await scene.status()).spentToday.requests).not.toBe('0');
  });

  test('replaces a billing period by its newest run, late lines included, and leaves the others', async () => {
    await deliver();
    await deliver(october());
    await scene.sync();
    later();
    const run = { run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' };
    await deliver(run, [
      {},
      { BilledCost: '9.75', ChargePeriodStart: '2026-09-30T00:00:00Z', ChargePeriodEnd: '2026-10-01T00:00:00Z' },
    ]);
    azurite.gate.reset();
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([false, true]);
    expect(await billed()).toEqual([
      ['2026-09', '2', '11.25'],
      ['2026-10', '1', '1.5'],
    ]);
    expect(filesRead()).toHaveLength(1);
  });

  test('becomes final with the invoice', async () => {
    await deliver();
    await scene.sync();
    expect((await scene.status()).latest?.finality).toBe('estimated');
    later();
    await deliver({ run: RUN_2, submittedAt: '2026-10-04T04:00:00Z' }, [{ InvoiceId: 'G001' }]);
    await scene.sync();
    expect((await scene.status()).latest).toMatchObject({ finality: 'final', deliveredAt: '2026-10-04T04:00:00.000Z' });
  });

  test('waits for a run that is delivered by half, and keeps what was published', async () => {
    await deliver();
    await scene.sync();
    later();
    await deliver({ run: RUN_2, manifest: null }, [{ BilledCost: '7' }]);
    // The run before is whole, so nothing changes; that a newer one is coming is said.
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
    const status = await scene.status();
    expect(status.lastRun).toMatchObject({ outcome: 'waiting' });
    expect(status.summary).toContain('2026-09 has files but no manifest.json yet');
    await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' }, [{ BilledCost: '7' }]);
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '7']]);
  });

  test('does not go back to the run before where the newest is deleted', async () => {
    await deliver();
    await scene.sync();
    later();
    const [newest = ''] = await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' }, [{ BilledCost: '7' }]);
    await scene.sync();
    later();
    await azurite.remove(container, newest);
    await azurite.remove(container, newest.replace('part_0_0001.csv', 'manifest.json'));
    const { loads } = await scene.sync();
    expect(loads).toEqual([]);
    expect(await billed()).toEqual([['2026-09', '1', '7']]);
    expect((await scene.status()).summary).toContain('stays as it was read: the run it came from was deleted');
  });

  test('takes a run of nothing but headers as the whole period', async () => {
    await deliver({ files: { 'part_0_0001.csv': `${csvOf([lineOf('2026-09')]).split('\n')[0]}\n` } });
    await scene.sync();
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'changed', filesFetched: 1 });
    later();
    await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' });
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
  });

  test('bills from the 15th to the 14th where its offer does', async () => {
    const cells = {
      BillingPeriodStart: '2026-08-15T00:00:00Z',
      BillingPeriodEnd: '2026-09-15T00:00:00Z',
    };
    await deliver({ range: '20260815-20260914' }, [cells]);
    const { loads } = await scene.sync();
    expect(loads.map((load) => [load.billingPeriodStart, load.billingPeriodEnd])).toEqual([
      ['2026-08-15', '2026-09-15'],
    ]);
  });

  test('of calendar months gathers such a period from both months, and replaces it when either is delivered anew', async () => {
    const half = (BilledCost: string) => [
      { BillingPeriodStart: '2026-08-15T00:00:00Z', BillingPeriodEnd: '2026-09-15T00:00:00Z', BilledCost },
    ];
    await deliver({ range: '20260801-20260831' }, half('1'));
    await deliver({}, half('2'));
    await scene.sync();
    expect(await billed()).toEqual([['2026-08', '2', '3']]);
    later();
    await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' }, half('4.5'));
    azurite.gate.reset();
    await scene.sync();
    expect(await billed()).toEqual([['2026-08', '2', '5.5']]);
    expect(filesRead()).toHaveLength(1);
  });
});

describe('what goes wrong', () => {
  test('is a permission: named with its role, in the run and in the check', async () => {
    await deliver();
    const answer = { status: 403, code: 'AuthorizationPermissionMismatch' };
    azurite.gate.fail({ operation: 'list', times: 2, answer });
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_refused' });
    expect((await scene.status()).summary).toContain('Storage Blob Data Reader');
    const checks = await checkSource(scene.context, 'azure');
    expect(checks.map(({ subject, state }) => [subject, state])).toEqual([
      ['credentials', 'ok'],
      ['list blobs', 'wrong'],
    ]);
  });

  test('is throttling: the next look comes when Azure says, and not before', async () => {
    await deliver();
    const answer = { status: 503, code: 'ServerBusy', headers: { 'retry-after': '600' } };
    azurite.gate.fail({ operation: 'read', times: 1, answer });
    await expect(scene.sync()).rejects.toMatchObject({ retryAfterMs: 600_000 });
    const status = await scene.status();
    expect(status.state).toBe('retrying');
    expect(status.nextRunAt).toBe(new Date(scene.now.getTime() + 600_000).toISOString());
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '1', '1.5']]);
  });

  test('is a cut connection: what arrived is kept, and only the rest is asked for', async () => {
    const lines = Array.from({ length: 2_000 }, (_, index) => ({ ResourceId: `vm-${index}`, x_Padding: PADDING }));
    await deliver({}, lines);
    azurite.gate.fail({ key: /part_/, times: 1, cutAfterBytes: 1_500_000 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    await scene.sync();
    expect(await billed()).toEqual([['2026-09', '2000', '3000']]);
    const [first, second, ...more] = filesRead();
    const offset = Number(/^bytes=(\d+)-$/.exec(second?.range ?? '')?.[1]);
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(first?.bytesSent ?? 0);
    expect(more).toEqual([]);
  });

  test('is a credential that expires half-way: what was read stays, and the rest follows', async () => {
    await deliver();
    await deliver(october());
    const message = 'Signature not valid in the specified time frame';
    azurite.gate.fail({
      key: /20261001.*part_/,
      times: 1,
      answer: { status: 403, code: 'AuthenticationFailed', message },
    });
    await expect(scene.sync()).rejects.toThrow('has expired. Renew it');
    azurite.gate.reset();
    await scene.sync();
    expect(filesRead()).toHaveLength(1);
    expect(await billed()).toEqual([
      ['2026-09', '1', '1.5'],
      ['2026-10', '1', '1.5'],
    ]);
  });

  test('is actual and amortized cost below one prefix: nothing is read', async () => {
    await deliver({ root: 'costs/actual', type: 'ActualCost' });
    await deliver({ root: 'costs/amortized', type: 'AmortizedCost' });
    await expect(scene.sync()).rejects.toThrow('Actual and amortized cost are the same usage twice');
    expect(await billed()).toEqual([]);
  });
});

describe.runIf(isAvailable('bills'))('the published exports have their known sums', () => {
  const sample = async (path: string) => readFile(join(realBills(), path));

  test.each([
    [
      'actual',
      'azure-ea/EA_ActualCost_Small.csv',
      'ActualCost',
      '20230901-20230930',
      ['2023-09', '11', '8.5450077867419368'],
    ],
    [
      'amortized',
      'azure-ea/EA_AmortizedCost_Small.csv',
      'AmortizedCost',
      '20230901-20230930',
      ['2023-09', '28', '16.296932136636644627485419'],
    ],
    [
      'of another customer',
      'azure-ea/EA_anonymous.csv',
      'ActualCost',
      '20230901-20230930',
      ['2023-09', '27', '1.26136926505726'],
    ],
    [
      'pay-as-you-go',
      'azure-export/payg_actual.csv',
      'ActualCost',
      '20210201-20210228',
      ['2021-02', '87', '16.393506212224391'],
    ],
  ])('%s', async (_what, path, type, range, expected) => {
    await deliver({
      type,
      range,
      files: { 'part_0_0001.csv': await sample(path), 'part_1_0001.csv': await headerOf(path) },
    });
    await scene.sync();
    expect((await scene.published()).map(({ period, lines, effective }) => [period, lines, effective])).toEqual([
      expected,
    ]);
  });

  test('amortized bills nothing for what a commitment paid for, actual what its lines say: the export knows which', async () => {
    const files = { 'part_0_0001.csv': await sample('azure-ea/EA_AmortizedCost_Small.csv') };
    await deliver({ type: 'AmortizedCost', range: '20230901-20230930', files });
    await scene.sync();
    const [amortized] = await scene.published();
    await sql`delete from source_file`.execute(scene.database.db);
    await deliver({
      type: 'ActualCost',
      run: RUN_2,
      submittedAt: '2026-10-05T04:00:00Z',
      range: '20230901-20230930',
      files,
    });
    later();
    await scene.sync();
    const [actual] = await scene.published();
    expect(actual?.billed).toBe(actual?.effective);
    expect(amortized?.billed).not.toBe(amortized?.effective);
  });

  test('the FOCUS sample, month by month', async () => {
    const [header = '', ...lines] = (await sample('focus-sample-1.0/focus_sample.csv'))
      .toString()
      .trimEnd()
      .split('\n');
    const ofMonth = (month: string) => {
      const chosen = lines.filter((line) => line.includes(month));
      return [header, ...chosen, ''].join('\n');
    };
    const october = '2024-11-01';
    const september = lines.filter((line) => !line.includes(october));
    const files = { 'part_0_0001.csv.gz': [header, ...september, ''].join('\n') };
    await deliver({ range: '20240901-20240930', files });
    await deliver({ range: '20241001-20241031', files: { 'part_0_0001.csv': ofMonth(october) } });
    await scene.sync();
    expect(await scene.published()).toEqual([
      { period: '2024-09', lines: '999', billed: '20.28022672899', effective: '14.97651418586' },
      { period: '2024-10', lines: '1', billed: '0.24', effective: '0' },
    ]);
  });

  async function headerOf(path: string): Promise<string> {
    return `${(await sample(path)).toString().split('\n')[0]}\n`;
  }
});
