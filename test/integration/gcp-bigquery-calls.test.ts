/**
 * The connector of Google Cloud's export by itself: what it says when Google refuses, throttles, breaks off or answers with nonsense, what
 * it makes of tables of every kind, and what its check finds.
 */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type {
  ConnectedSource,
  Connection,
  DeliveredFile,
  KnownFile,
  Listing,
  SourceCheck,
} from '../../connectors/connector.ts';
import { connectGcpBigQueryExport } from '../../connectors/gcp-bigquery-export/connect-gcp-bigquery-export.ts';
import { type BigQueryDouble, startBigQueryDouble } from '../support/bigquery-server/bigquery-server.ts';
import { ACCOUNT, costRow, STANDARD_FIELDS, STANDARD_TABLE } from '../support/bigquery-server/export-tables.ts';
import {
  type CloudBillingDouble,
  startCloudBillingDouble,
} from '../support/cloud-billing-server/cloud-billing-server.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import { writeIdentity } from '../support/google-identity.ts';

let bigQuery: BigQueryDouble;
let billing: CloudBillingDouble;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outturn-bigquery-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  [bigQuery, billing] = await Promise.all([startBigQueryDouble(), startCloudBillingDouble()]);
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', await writeIdentity(folder, bigQuery.tokenUrl));
  await bigQuery.createTable(STANDARD_TABLE, STANDARD_FIELDS);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([bigQuery.stop(), billing.stop()]);
});

function connect(settings: object = {}): Promise<Connection> {
  const all = { table: STANDARD_TABLE, endpoint: bigQuery.url, billingEndpoint: billing.url, ...settings };
  return connectGcpBigQueryExport(
    connectedSource('gcp-bigquery-export', all),
    connectionContext('2026-10-06T08:00:00Z'),
  );
}

async function list(known: ReadonlyMap<string, KnownFile> = new Map(), settings: object = {}): Promise<Listing> {
  return (await connect(settings)).list({ known });
}

const fetchedOf = ({ manifests }: Listing) =>
  new Map(
    manifests.flatMap(({ files }) =>
      files.map(({ key, version }) => [key, { version, fetchedAt: new Date(0) }] as const),
    ),
  );
const daysOf = ({ manifests }: Listing) =>
  manifests.flatMap(({ files }) => files.map(({ key }) => key.split('/').slice(1).join('/')));

async function fetchInto(name: string, file: DeliveredFile, offset = 0): Promise<string> {
  const path = join(folder, name);
  await (await connect()).fetch(file, { path, offset, report: () => {} });
  return gunzipSync(await readFile(path)).toString();
}

async function oneFile(): Promise<DeliveredFile> {
  const [file] = (await list()).manifests.flatMap(({ files }) => files);
  if (file === undefined) throw new Error('nothing is listed');
  return file;
}

describe('a refusal names what is missing and how to give it', () => {
  test.each([
    ['bigquery.tables.get', 'Grant roles/bigquery.dataViewer on the dataset billing (bigquery.tables.get)'],
    ['bigquery.tables.getData', 'Grant roles/bigquery.dataViewer on the dataset billing (bigquery.tables.getData)'],
    ['bigquery.jobs.create', 'Grant roles/bigquery.jobUser on it (bigquery.jobs.create)'],
  ] as const)('%s', async (permission, fix) => {
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
    bigQuery.denied.add(permission);
    // The record of partitions can be done without; the rows cannot.
    await expect(list()).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining(fix) as string,
    });
  });

  test('a table that is not there', async () => {
    await expect(list(new Map(), { table: 'acme-billing.billing.nothing' })).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('There is no table of acme-billing.billing.nothing') as string,
    });
  });

  test('a table that is no export', async () => {
    await bigQuery.createTable('acme-billing.billing.orders', [{ name: 'cost', type: 'FLOAT' }]);
    await expect(list(new Map(), { table: 'acme-billing.billing.orders' })).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('is no export of Cloud Billing') as string,
    });
  });

  test('credentials that are refused half-way', async () => {
    const connection = await connect();
    await connection.list({ known: new Map() });
    bigQuery.revokeTokens();
    await expect(connection.list({ known: new Map() })).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('does not accept the credentials, or they have expired') as string,
    });
  });

  test('credentials whose token is refused', async () => {
    bigQuery.faults.push({ operation: 'token', kind: 'error', status: 400, reason: 'invalid_grant' });
    await expect(list()).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('does not accept the credentials, or they have expired') as string,
    });
  });

  test.each([
    [{ table: undefined }, 'names no table'],
    [{ table: 'billing' }, 'Write project.dataset.table'],
    [{ project: 'No Project' }, 'names the project "No Project"'],
    [{ endpoint: 'here' }, 'has endpoint: "here", which is no address'],
  ])('a setting that is wrong: %j', async (settings, message) => {
    await expect(connect(settings)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('a trouble that passes', () => {
  test('is waited for as long as Google says', async () => {
    bigQuery.faults.push({ operation: 'jobs.insert', kind: 'throttle', retryAfterSeconds: 60 });
    await expect(list()).rejects.toMatchObject({ name: 'TransientError', retryAfterMs: 60_000 });
  });

  test.each([
    ['tables.get', { kind: 'reset' }],
    ['tables.get', { kind: 'nonsense' }],
    ['jobs.insert', { kind: 'nonsense' }],
    ['jobs.insert', { kind: 'cut' }],
    // The table grew between the dry run and the query.
    ['jobs.insert', { kind: 'error', status: 400, reason: 'bytesBilledLimitExceeded' }],
    ['getQueryResults', { kind: 'nonsense' }],
    ['getQueryResults', { kind: 'error', status: 503, reason: 'backendError' }],
    ['getQueryResults', { kind: 'error', status: 400, reason: 'internalError' }],
  ] as const)('%s %j', async (operation, fault) => {
    bigQuery.faults.push({ operation, ...fault });
    await expect(list()).rejects.toMatchObject({ name: 'TransientError' });
    expect(await list()).toEqual({ manifests: [], waiting: [] });
  });

  test('BigQuery and Cloud Billing are reached through the proxy of the environment', async () => {
    const proxy = await startConnectProxy();
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    // The token is not asked for through it.
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await expect(list(new Map(), { endpoint: 'https://bigquery.invalid' })).rejects.toMatchObject({
      name: 'TransientError',
    });
    expect(proxy.asked).toEqual(['bigquery.invalid:443']);
    const checks: SourceCheck[] = [];
    for await (const one of (await connect({ billingEndpoint: 'https://billing.invalid' })).check()) checks.push(one);
    expect(checks.at(-1)).toMatchObject({ subject: 'billing account', state: 'note' });
    expect(proxy.asked.slice(1)).toEqual(['billing.invalid:443']);
    proxy.stop();
  });

  test('a query that takes a while is waited for', async () => {
    bigQuery.pollsBeforeDone = 2;
    expect(await list()).toEqual({ manifests: [], waiting: [] });
  });
});

test('every query is run dry first, which bills nothing, and may bill no more than that said', async () => {
  bigQuery.bytesPerRow = 20_000_000;
  await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
  await fetchInto('dry.csv.gz', await oneFile());
  const queries = bigQuery.calls.filter(({ operation }) => operation === 'jobs.insert');
  const [min, row] = [10 * 1_048_576, 20 * 1_048_576];
  expect(queries.map(({ isDryRun, bytesBilled, bytesMax }) => [isDryRun, bytesBilled, bytesMax])).toEqual([
    [true, 0, undefined],
    [false, min, String(2 * min)],
    ...[1, 2].flatMap(() => [
      [true, 0, undefined],
      [false, row, String(row)],
    ]),
  ]);
});

describe('a listing', () => {
  test('has every day of every invoice month, and the months in order', async () => {
    const august = { invoice: { month: '202608' } };
    await bigQuery.insert(STANDARD_TABLE, '2026-09-01', [costRow(), costRow(august)]);
    await bigQuery.insert(STANDARD_TABLE, '2026-08-31', [costRow(august)]);
    expect(daysOf(await list())).toEqual(['2026-08/2026-08-31', '2026-08/2026-09-01', '2026-09/2026-09-01']);
  });

  test('counts anew only days that changed, and leaves the other month of such a day as it was', async () => {
    const august = { invoice: { month: '202608' } };
    await bigQuery.insert(STANDARD_TABLE, '2026-08-31', [costRow(august), costRow()]);
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
    const first = await list();
    await bigQuery.insert(STANDARD_TABLE, '2026-08-31', [costRow()]);
    bigQuery.calls.length = 0;
    const second = await list(fetchedOf(first));
    const changed = second.manifests.flatMap(({ files }) =>
      files.filter(({ key, version }) => fetchedOf(first).get(key)?.version !== version).map(({ key }) => key),
    );
    expect(changed.map((key) => key.split('/').slice(1).join('/'))).toEqual(['2026-09/2026-08-31']);
    expect(bigQuery.calls.find(({ sql }) => sql.includes('count(*)'))?.sql).toContain(
      `(_PARTITIONTIME >= timestamp '2026-08-31' and _PARTITIONTIME < timestamp '2026-09-01')`,
    );
  });

  test('says which rows are in no day yet, and which have no month', async () => {
    await bigQuery.insert(STANDARD_TABLE, null, [costRow(), costRow()]);
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow(), costRow({ invoice: { month: null } })]);
    const { waiting, manifests } = await list();
    expect(waiting).toEqual(['1 rows without an invoice month', '2 rows that BigQuery is still loading']);
    expect(manifests).toHaveLength(1);
  });

  test('counts every day where the record of partitions may not be read, and fetches nothing for it', async () => {
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
    const first = await list();
    bigQuery.denied.add('bigquery.tables.list');
    expect(fetchedOf(await list(fetchedOf(first)))).toEqual(fetchedOf(first));
    await bigQuery.insert(STANDARD_TABLE, '2026-08-14', [costRow()]);
    expect(daysOf(await list(fetchedOf(first)))).toEqual(['2026-09/2026-08-14', '2026-09/2026-09-14']);
  });

  test('goes by the days of export where the table is a view', async () => {
    const name = 'acme-billing.billing.all_exports';
    await bigQuery.createTable(name, STANDARD_FIELDS, { type: 'VIEW', partitioning: null });
    await bigQuery.insert(name, '2026-01-01', [costRow(), costRow({ export_time: '2026-09-16 01:00:00' })]);
    expect(daysOf(await list(new Map(), { table: name }))).toEqual(['2026-09/2026-09-15', '2026-09/2026-09-16']);
  });
});

describe('a file', () => {
  test('has the columns that the table has, costs as the shortest text of their double', async () => {
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [
      costRow({ cost: 2.3202039301395416e-5, sku: { id: 'D5A4', description: 'Core, "N2"' }, project: null }),
    ]);
    const [header = '', line = ''] = (await fetchInto('columns.csv.gz', await oneFile())).split('\n');
    expect(header).toContain(',project.id,project.name,project.labels,labels,system_labels,');
    expect(header).not.toMatch(/resource\.name|cost_at_list|adjustment_info|ancestry/);
    expect(line).toContain(',0.000023202039301395416,EUR,0.92,3600,seconds,[],202609,regular');
    expect(line).toContain('"Core, ""N2"""');
    expect(line).toContain(',2026-09-15T05:00:00.000000Z,');
  });

  test('is refused where its day has other rows than when it was listed', async () => {
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
    const file = await oneFile();
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow()]);
    await expect(fetchInto('changed.csv.gz', file)).rejects.toMatchObject({ code: 'source_changed' });
    await expect(stat(join(folder, 'changed.csv.gz'))).rejects.toThrow('ENOENT');
  });

  test('is asked for anew where BigQuery has the results of the first attempt no more', async () => {
    bigQuery.rowsPerPage = 2;
    await bigQuery.fill(STANDARD_TABLE, '2026-09-14', costRow(), 5);
    const file = await oneFile();
    bigQuery.faults.push({ operation: 'getQueryResults', kind: 'reset', skip: 1 });
    await expect(fetchInto('forgotten.csv.gz', file)).rejects.toMatchObject({ name: 'TransientError' });
    await bigQuery.forgetResults();
    const { size } = await stat(join(folder, 'forgotten.csv.gz'));
    expect((await fetchInto('forgotten.csv.gz', file, size)).trimEnd().split('\n')).toHaveLength(1 + 5);
  });

  test('is asked for a page at a time, each on disk before the next, so that memory does not grow with it', async () => {
    [bigQuery.rowsPerPage, bigQuery.rowsRepeated] = [250, 2_500];
    await bigQuery.insert(STANDARD_TABLE, '2026-09-14', [costRow(), costRow({ cost: 2 })]);
    const file = await oneFile();
    const path = join(folder, 'large.csv.gz');
    bigQuery.calls.length = 0;
    const asked: number[] = [];
    const report = () =>
      void asked.push(bigQuery.calls.filter(({ operation }) => operation === 'getQueryResults').length);
    await (await connect()).fetch(file, { path, offset: 0, report });
    expect(asked).toEqual(Array.from({ length: 20 }, (_, page) => page + 1));
    const lines = gunzipSync(await readFile(path))
      .toString()
      .trimEnd()
      .split('\n');
    expect([lines.length, lines[2_500]?.includes(',1.5,'), lines[2_501]?.includes(',2,')]).toEqual([5_001, true, true]);
  });

  test('whose credentials are taken away half-way keeps its pages, and goes on with others', async () => {
    bigQuery.rowsPerPage = 2;
    await bigQuery.fill(STANDARD_TABLE, '2026-09-14', costRow(), 5);
    const file = await oneFile();
    const path = join(folder, 'renewed.csv.gz');
    const report = () => bigQuery.revokeTokens();
    await expect((await connect()).fetch(file, { path, offset: 0, report })).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining('or they have expired') as string,
    });
    bigQuery.calls.length = 0;
    expect((await fetchInto('renewed.csv.gz', file, (await stat(path)).size)).trimEnd().split('\n')).toHaveLength(
      1 + 5,
    );
    expect(bigQuery.calls.filter(({ operation }) => operation === 'getQueryResults').map(({ from }) => from)).toEqual([
      2, 4,
    ]);
  });

  test('goes on at the last whole page, whatever lies behind it', async () => {
    bigQuery.rowsPerPage = 2;
    await bigQuery.fill(STANDARD_TABLE, '2026-09-14', costRow(), 5);
    const file = await oneFile();
    bigQuery.faults.push({ operation: 'getQueryResults', kind: 'cut', skip: 2 });
    await expect(fetchInto('resumed.csv.gz', file)).rejects.toMatchObject({ name: 'TransientError' });
    const { size } = await stat(join(folder, 'resumed.csv.gz'));
    bigQuery.calls.length = 0;
    // As if the process had been killed while it wrote the second page.
    expect((await fetchInto('resumed.csv.gz', file, size - 1)).trimEnd().split('\n')).toHaveLength(1 + 5);
    expect(bigQuery.calls.filter(({ operation }) => operation === 'getQueryResults').map(({ from }) => from)).toEqual([
      2, 4,
    ]);
    expect(bigQuery.calls.some(({ operation }) => operation === 'jobs.insert')).toBe(false);
  });
});

describe('a check', () => {
  async function check(settings: object = {}, others: readonly ConnectedSource[] = []): Promise<SourceCheck[]> {
    const checks: SourceCheck[] = [];
    for await (const one of (await connect(settings)).check(others)) checks.push(one);
    return checks;
  }

  test('finds each permission, the account, and projects of other accounts', async () => {
    billing.pageSize = 1;
    billing.put({ id: ACCOUNT, displayName: 'Acme', projects: ['acme-billing', 'shop-1'] });
    billing.put({ id: 'FFFFFF-000000-FFFFFF', displayName: 'Acme Labs', projects: ['lab-1'] });
    expect(await check()).toEqual([
      { subject: 'credentials', state: 'ok', message: 'the credentials of this machine' },
      { subject: 'bigquery.tables.get', state: 'ok', message: `${STANDARD_TABLE} is a standard export in EU` },
      {
        subject: 'bigquery.jobs.create, bigquery.tables.getData',
        state: 'ok',
        message: 'queries run in acme-billing; to count the whole table reads 10 MiB ($0.00006)',
      },
      { subject: 'bigquery.tables.list', state: 'ok', message: 'only days that changed are asked for' },
      {
        subject: 'billing account',
        state: 'ok',
        message: `Acme (${ACCOUNT}): it pays for 2 projects (acme-billing, shop-1)`,
      },
      {
        subject: 'billing account FFFFFF-000000-FFFFFF',
        state: 'note',
        message:
          'Acme Labs (FFFFFF-000000-FFFFFF) pays for 1 project (lab-1), of which no source reads the export. Enable its export and add a source for it.',
      },
    ]);
    expect(bigQuery.calls.every(({ operation, isDryRun }) => operation !== 'jobs.insert' || isDryRun)).toBe(true);
  });

  test('knows what other sources read, and notes an export in a project of another account', async () => {
    billing.put({ id: ACCOUNT, displayName: 'Acme', projects: ['shop-1'] });
    billing.put({ id: 'FFFFFF-000000-FFFFFF', displayName: 'Acme Labs', projects: ['lab-1'] });
    billing.put({ id: 'AAAAAA-000000-AAAAAA', displayName: 'Closed', open: false, projects: ['old'] });
    const table = 'labs.billing.gcp_billing_export_v1_FFFFFF_000000_FFFFFF';
    const others = [{ ...connectedSource('gcp-bigquery-export', { table }), id: 'labs' }];
    const checks = await check({}, [...others, connectedSource('focus-files', { path: 'bills' })]);
    expect(checks.slice(-3).map(({ subject, state, message }) => [subject, state, message])).toEqual([
      ['billing account', 'ok', `Acme (${ACCOUNT}): it pays for 1 project (shop-1)`],
      [
        'project of the export',
        'note',
        `acme-billing, in which the export lies, is not among the projects that ${ACCOUNT} pays for, as Google asks for. Link it to that account; if the table is a copy, check that it still gets rows.`,
      ],
      [
        'billing account FFFFFF-000000-FFFFFF',
        'ok',
        'Acme Labs (FFFFFF-000000-FFFFFF) pays for 1 project (lab-1), whose export the source "labs" reads',
      ],
    ]);
  });

  test('notes what it does without: billing accounts, the record of partitions', async () => {
    billing.denied.add(ACCOUNT);
    bigQuery.denied.add('bigquery.tables.list');
    const notes = (await check()).filter(({ state }) => state === 'note');
    expect(notes.map(({ subject }) => subject)).toEqual(['bigquery.tables.list', 'billing account']);
    expect(notes[1]?.message).toContain('Grant roles/billing.viewer on it');
  });

  test.each([
    ['bigquery.tables.get', 'bigquery.tables.get'],
    ['bigquery.jobs.create', 'bigquery.jobs.create, bigquery.tables.getData'],
    ['bigquery.tables.getData', 'bigquery.jobs.create, bigquery.tables.getData'],
  ] as const)('ends with the first that is wrong: %s', async (permission, subject) => {
    bigQuery.denied.add(permission);
    expect((await check()).at(-1)).toMatchObject({ subject, state: 'wrong' });
  });

  test('says that credentials are missing', async () => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'none.json'));
    expect(await check()).toEqual([
      { subject: 'credentials', state: 'wrong', message: expect.stringContaining('credentials') as string },
    ]);
  });
});
