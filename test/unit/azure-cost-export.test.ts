/**
 * Which runs of Azure's cost exports are read: the newest whole one of each billing period, in every layout that exports have had; what is
 * waited for, and what must not be read together.
 */
import { env } from 'node:process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectAzureCostExport } from '../../connectors/azure-cost-export/connect-azure-cost-export.ts';
import type { Connection, KnownFile, Listing, ListRequest, SourceCheck } from '../../connectors/connector.ts';
import { type AzureRun, deliverRun, RUNS } from '../support/azure-exports.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';

const HOUR_MS = 3_600_000;
const SEPTEMBER = '20260901-20260930';
const [RUN_1 = '', RUN_2 = '', RUN_3 = ''] = RUNS;

let azurite: Azurite;
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
});
afterEach(() => azurite.gate.reset());

async function connect(prefix: string | undefined = 'costs', hoursFromNow = 1): Promise<Connection> {
  const place = {
    account: azurite.account,
    container,
    endpoint: azurite.endpoint,
    ...(prefix === '' ? {} : { prefix }),
  };
  const now = new Date(Date.now() + hoursFromNow * HOUR_MS).toISOString();
  return connectAzureCostExport(connectedSource('azure-cost-export', place), connectionContext(now));
}

async function list(request: Partial<ListRequest> = {}, prefix?: string, hoursFromNow?: number): Promise<Listing> {
  return (await connect(prefix, hoursFromNow)).list({ known: new Map(), ...request });
}

const deliver = (run: Partial<AzureRun> = {}) =>
  deliverRun(azurite, container, {
    root: 'costs/focus',
    range: SEPTEMBER,
    run: RUN_1,
    files: { 'part_0_0001.csv': 'A,B\n1,2\n' },
    submittedAt: '2026-10-01T04:00:00.1234567Z',
    ...run,
  });
const chosen = ({ manifests }: Listing) =>
  manifests.map(({ billingPeriod, files }) => [
    billingPeriod?.start,
    billingPeriod?.end,
    ...files.map(({ key }) => key),
  ]);

async function checks(prefix?: string): Promise<SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of (await connect(prefix)).check()) found.push(check);
  return found;
}

describe('the run of a billing period', () => {
  test('is the one that was asked for last, though it was written first', async () => {
    const [newest] = await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z' });
    await deliver({ run: RUN_1, submittedAt: '2026-10-01T04:00:00Z' });
    const listing = await list();
    expect(chosen(listing)).toEqual([['2026-09-01', '2026-10-01', newest]]);
    expect(listing.manifests[0]?.deliveredAt).toEqual(new Date('2026-10-02T04:00:00Z'));
    expect(listing.waiting).toEqual([]);
  });

  test.each([
    ['its GUID', RUN_1],
    ['its time and its GUID', `202610010400/${RUN_1}`],
    ['no folder of its own', ''],
  ])('is found in a folder of %s', async (_what, run) => {
    const files = await deliver({ run, files: { 'part_0_0001.csv': 'A\n', 'part_1_0001.csv': 'B\n' } });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', ...files]]);
  });

  test('is found at the root of a container, and nothing else there is taken for one', async () => {
    const files = await deliver({ root: 'focus' });
    await azurite.put(container, 'readme.csv', 'x');
    await azurite.put(container, 'focus/20269901-20269930/part.csv', 'x');
    expect(chosen(await list({}, ''))).toEqual([['2026-09-01', '2026-10-01', ...files]]);
  });

  test('is Parquet or CSV, packed or not', async () => {
    const files = { 'part_0_0001.csv.gz': 'A\n1\n', 'part_1_0001.parquet': 'PAR1' };
    const [gz, parquet] = await deliver({ files });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', gz, parquet]]);
  });

  test('of an older export has one file and no manifest; the newest of them counts', async () => {
    await azurite.put(container, `costs/daily/${SEPTEMBER}/daily_${RUN_1}.csv`, 'old');
    const newest = `costs/daily/${SEPTEMBER}/daily_${RUN_2}.csv`;
    await until(async () => {
      await azurite.put(container, newest, 'new');
      const { manifests } = await list();
      return manifests[0]?.files[0]?.key === newest;
    });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', newest]]);
  });

  test('may begin on any day of a month', async () => {
    await deliver({ range: '20260815-20260914' });
    await deliver({ range: '20260131-20260227' });
    expect(chosen(await list()).map(([start, end]) => [start, end])).toEqual([
      ['2026-01-31', '2026-02-28'],
      ['2026-08-15', '2026-09-15'],
    ]);
  });

  test('with a manifest of former versions, which counts nothing and names no time, is of the time of its manifest', async () => {
    const blobName = `costs/focus/${SEPTEMBER}/${RUN_1}/part_0_0001.csv`;
    const former = { manifestVersion: undefined, byteCount: undefined, blobCount: undefined, runInfo: undefined };
    await deliver({ manifest: { ...former, blobs: [{ blobName }] } });
    const listing = await list();
    expect(chosen(listing)).toEqual([['2026-09-01', '2026-10-01', blobName]]);
    const writtenAt = listing.manifests[0]?.deliveredAt?.getTime() ?? 0;
    expect(Math.abs(Date.now() - writtenAt)).toBeLessThan(HOUR_MS);
  });

  test('of a copied container is found beside its manifest', async () => {
    const blobName = `elsewhere/${RUN_1}/part_0_0001.csv`;
    const files = await deliver({ manifest: { blobs: [{ blobName, byteCount: 8 }] } });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', ...files]]);
  });

  test('with nothing but headers is whole', async () => {
    const files = await deliver({ files: { 'part_0_0001.csv': 'A,B\n' }, manifest: { dataRowCount: 0 } });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', ...files]]);
  });

  test('is looked for in the range that was asked for', async () => {
    await deliver();
    await deliver({ range: '20261001-20261031' });
    const range = { start: '2026-10-01', end: '2026-11-01' };
    expect(chosen(await list({ range })).map(([start]) => start)).toEqual(['2026-10-01']);
  });

  test('costs one request for the list and one for each manifest that is looked at', async () => {
    for (const run of [RUN_1, RUN_2, RUN_3]) await deliver({ run });
    await deliver({ range: '20261001-20261031' });
    azurite.gate.reset();
    await list();
    expect(azurite.gate.calls.map(({ operation }) => operation).sort()).toEqual([
      'list',
      'read',
      'read',
      'read',
      'read',
    ]);
  });
});

/** The emulator's times have whole seconds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(holds, { timeout: 5_000, interval: 200 }).toBe(true);
}

describe('a run that is not whole is waited for, and the one before it counts', () => {
  const half: readonly (readonly [what: string, run: Partial<AzureRun>, words: RegExp])[] = [
    ['no manifest', { manifest: null }, /^2026-09 has files but no manifest\.json yet$/],
    ['fewer files than it counts', { manifest: { blobCount: 2 } }, /names 1 of 2 files in its manifest/],
    [
      'a file too few',
      { manifest: { blobs: [{ blobName: 'x/part_0_0009.csv' }] } },
      /lacks part_0_0009\.csv, which its/,
    ],
    ['bytes too few', { manifest: { byteCount: 9 } }, /has 8 of the 9 bytes that its manifest names/],
    ['a manifest that is none', { manifest: { blobs: 'many' } }, /has a manifest that cannot be read/],
    ['no file at all', { manifest: { blobs: [], blobCount: 0, byteCount: 0 } }, /was delivered without a file/],
  ];
  test.each(half)('%s', async (_what, run, words) => {
    await deliver({ run: RUN_2, submittedAt: '2026-10-02T04:00:00Z', ...run });
    expect(await list()).toMatchObject({ manifests: [], waiting: [expect.stringMatching(words)] });
    const files = await deliver({ run: RUN_1, submittedAt: '2026-09-30T04:00:00Z' });
    expect(chosen(await list())).toEqual([['2026-09-01', '2026-10-01', ...files]]);
  });

  test('one file shorter than its manifest says', async () => {
    const blobs = (key: string) => [{ blobName: key, byteCount: 9 }];
    await deliver({ manifest: { blobs: blobs(`costs/focus/${SEPTEMBER}/${RUN_1}/part_0_0001.csv`) } });
    expect((await list()).waiting).toEqual(['2026-09 has 8 of the 9 bytes of part_0_0001.csv that its manifest names']);
  });

  test('one whose files are overwritten by the next', async () => {
    await deliver({ run: '' });
    const key = `costs/focus/${SEPTEMBER}/part_0_0001.csv`;
    // Of the same size, so that only its time tells.
    await until(async () => {
      await azurite.put(container, key, 'A,B\n3,4\n');
      return (await list({}, 'costs', 0)).waiting.length > 0;
    });
    const { manifests, waiting } = await list({}, 'costs', 0);
    expect(manifests).toEqual([]);
    expect(waiting).toEqual(['2026-09 is being delivered anew: part_0_0001.csv was written after its manifest']);
    await deliver({ run: '' });
    expect((await list()).manifests).toHaveLength(1);
  });

  test('and nothing at all is said so', async () => {
    expect((await list()).waiting[0]).toMatch(/^no export lies below costs-\d+\/costs\/ yet; Azure delivers the first/);
  });
});

describe('a run that was read and then deleted', () => {
  const known = (key: string, at: number): ReadonlyMap<string, KnownFile> =>
    new Map([[key, { version: '0x1', fetchedAt: new Date(at) }]]);

  test('is not followed by the one before it', async () => {
    await deliver();
    const gone = `costs/focus/${SEPTEMBER}/${RUN_2}/part_0_0001.csv`;
    const listing = await list({ known: known(gone, Date.now() + 24 * HOUR_MS) });
    expect(listing).toMatchObject({
      manifests: [],
      waiting: ['2026-09 stays as it was read: the run it came from was deleted'],
    });
  });

  test('is followed by a newer one', async () => {
    await deliver();
    const gone = `costs/focus/${SEPTEMBER}/${RUN_2}/part_0_0001.csv`;
    expect((await list({ known: known(gone, Date.now() - 24 * HOUR_MS) })).manifests).toHaveLength(1);
  });
});

describe('several exports below one prefix', () => {
  test('of one bill are read together: the month to date, and the last month once more', async () => {
    await deliver({ root: 'costs/daily', run: RUN_1, submittedAt: '2026-09-30T04:00:00Z' });
    const [last] = await deliver({ root: 'costs/monthly', run: RUN_2, submittedAt: '2026-10-05T04:00:00Z' });
    const [open] = await deliver({ root: 'costs/daily', range: '20261001-20261031' });
    expect(chosen(await list()).map((one) => one.at(-1))).toEqual([last, open]);
  });

  test('of actual and amortized cost are refused, with what to do', async () => {
    await deliver({ root: 'costs/a', type: 'ActualCost' });
    await deliver({ root: 'costs/b', type: 'AmortizedCost' });
    await expect(list()).rejects.toMatchObject({ code: 'source_refused' });
    await expect(list()).rejects.toThrow(
      /costs\/a \(actual cost\), costs\/b \(amortized cost\).*a source of each would count it twice as well.*FOCUS/,
    );
    expect((await list({}, 'costs/b')).manifests[0]?.hint).toEqual({ dataset: 'amortized' });
    expect((await list({}, 'costs/a')).manifests[0]?.hint).toEqual({ dataset: 'actual' });
  });

  test('of amortized cost alone is one by the name of its folder where no manifest says it', async () => {
    await deliver({ root: 'costs/team-amortised', manifest: { exportConfig: {} } });
    expect((await list()).manifests[0]?.hint).toEqual({ dataset: 'amortized' });
  });

  test('of actual and amortized cost are told apart by their names where they have no manifest', async () => {
    await azurite.put(container, `costs/EA_ActualCost/${SEPTEMBER}/EA_ActualCost_${RUN_1}.csv`, 'x');
    await azurite.put(container, `costs/EA_AmortizedCost/${SEPTEMBER}/EA_AmortizedCost_${RUN_1}.csv`, 'x');
    await expect(list()).rejects.toThrow('Actual and amortized cost are the same usage twice');
  });

  test.each([
    [
      'of FOCUS and actual cost',
      { type: 'ActualCost' },
      'the same usage more than once. Read one of them: prefix: costs/a',
    ],
    ['that do not say what they are', { manifest: { exportConfig: {} } }, 'Nothing says whether they are of one bill'],
  ])('%s are refused', async (_what, run, words) => {
    await deliver({ root: 'costs/a' });
    await deliver({ root: 'costs/b', ...run });
    await expect(list()).rejects.toThrow(words);
  });

  test('of a billing account and of a subscription of it are refused: the wider one holds the other', async () => {
    await deliver({ root: 'costs/a' });
    await deliver({ root: 'costs/b', scope: '/subscriptions/S' });
    await expect(list()).rejects.toThrow(
      'different scopes (/providers/microsoft.billing/billingaccounts/1234, /subscriptions/s). Where one scope holds the other, read the wider one alone; else make a source of each',
    );
    expect(chosen(await list({}, 'costs/a'))).toHaveLength(1);
  });

  test('may be no bills: price sheets and reservations are left alone', async () => {
    await deliver({ root: 'costs/prices', type: 'PriceSheet' });
    await deliver({ root: 'costs/reservations', type: 'ReservationDetails' });
    await deliver();
    expect(chosen(await list())).toHaveLength(1);
    expect(await checks()).toContainEqual({
      subject: 'export',
      state: 'note',
      message: 'costs/prices, costs/reservations holds no costs and is not read',
    });
  });
});

describe('a check', () => {
  test('names export, data and newest delivery', async () => {
    await deliver();
    await deliver({ range: '20261001-20261031' });
    expect((await checks()).slice(3)).toEqual([
      {
        subject: 'export',
        state: 'ok',
        message: 'costs/focus holds FOCUS cost: 2 billing periods, 2026-09 to 2026-10',
      },
      { subject: 'delivery', state: 'ok', message: '2026-10 was delivered 2026-10-01T04:00:00.123Z: 1 file' },
    ]);
  });

  test('says what an export of actual cost lacks, and which ranges are no bill', async () => {
    await deliver({ type: 'ActualCost' });
    await deliver({ type: 'ActualCost', range: '20260907-20260913' });
    const messages = (await checks()).filter(({ state }) => state === 'note').map(({ message }) => message);
    expect(messages[0]).toContain('reservations and savings plans are not spread over their use');
    expect(messages[1]).toBe(
      'costs/focus/20260907-20260913 is no whole billing period and is not read. Export the month to date, and the last month.',
    );
  });

  test('says what is wrong in one sentence', async () => {
    await deliver({ root: 'costs/a', type: 'ActualCost' });
    await deliver({ root: 'costs/b', type: 'AmortizedCost' });
    expect((await checks()).at(-1)).toMatchObject({ subject: 'export', state: 'wrong' });
  });
});
