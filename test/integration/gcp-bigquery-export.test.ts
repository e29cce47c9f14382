/**
 * Google Cloud's billing export, looked at by the product itself through the real SDKs: each bill once and whole, also where rows come late,
 * and no row asked for or paid twice. What BigQuery answers it takes from the rows that a test put into its tables.
 */
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { checkSource } from '../../jobs/check-source.ts';
import { type BigQueryDouble, startBigQueryDouble } from '../support/bigquery-server/bigquery-server.ts';
import {
  ACCOUNT,
  costRow,
  DETAILED_FIELDS,
  DETAILED_TABLE,
  FOCUS_FIELDS,
  FOCUS_TABLE,
  focusRow,
} from '../support/bigquery-server/export-tables.ts';
import { startCloudBillingDouble } from '../support/cloud-billing-server/cloud-billing-server.ts';
import { readExportedSample } from '../support/exported-samples.ts';
import { writeIdentity } from '../support/google-identity.ts';
import { isAvailable, realBills } from '../support/requirements.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MIB = 1_048_576;
let bigQuery: BigQueryDouble;
let scene: SyncedSource;

async function open(table: string, settings: object = {}): Promise<void> {
  bigQuery = await startBigQueryDouble({ now: () => scene.now });
  scene = await createSyncedSource({
    id: 'gcp',
    kind: 'gcp-bigquery-export',
    settings: () => ({ table, endpoint: bigQuery.url, ...settings }),
  });
  await bigQuery.createTable(table, table === FOCUS_TABLE ? FOCUS_FIELDS : DETAILED_FIELDS);
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', await writeIdentity(scene.folder, bigQuery.tokenUrl));
}

const later = (ms: number) => (scene.now = new Date(scene.now.getTime() + ms));
/** Queries that were run and billed since the last call of this. */
function queriesRun(): string[] {
  const run = bigQuery.calls.filter(
    ({ operation, isDryRun, status }) => operation === 'jobs.insert' && !isDryRun && status === 200,
  );
  bigQuery.calls.length = 0;
  return run.map(({ sql: text }) =>
    text.includes('PARTITIONS') ? 'partitions' : text.includes('count(*)') ? 'days' : 'rows',
  );
}
const billed = async () => (await scene.published()).map(({ period, lines, billed: cost }) => [period, lines, cost]);

async function close(): Promise<void> {
  vi.unstubAllEnvs();
  await scene.drop();
  await bigQuery.stop();
}

describe('an export, look after look', () => {
  afterAll(close);
  beforeAll(async () => {
    await open(DETAILED_TABLE);
    const credits = [
      { name: 'Committed use', amount: -0.05, type: 'COMMITTED_USAGE_DISCOUNT' },
      { name: 'Sustained use', amount: -2.5e-7, type: 'SUSTAINED_USAGE_DISCOUNT' },
    ];
    await bigQuery.insert(DETAILED_TABLE, '2026-08-31', [costRow({ invoice: { month: '202608' } }), costRow()]);
    await bigQuery.insert(DETAILED_TABLE, '2026-09-14', [
      costRow({ cost: 0.1, credits }),
      costRow({ cost: 0.19, cost_type: 'tax', project: null, labels: [] }),
      costRow({ cost: -1e-9, cost_type: 'rounding_error', project: null }),
    ]);
    await scene.sync();
  });

  test('is published by month of invoice, each row its cost and all its credits; nothing changed asks for nothing', async () => {
    const months = [
      ['2026-08', '1', '1.5'],
      ['2026-09', '4', '1.739999749'],
    ];
    expect(await billed()).toEqual(months);
    expect(queriesRun()).toEqual(['partitions', 'days', 'rows', 'rows', 'rows']);
    expect((await scene.status()).spentToday).toEqual({
      requests: '5',
      bytesBilled: String(60 * MIB),
      amount: '0.00036',
    });
    later(HOUR_MS);
    const again = await scene.sync();
    expect(again.loads.map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect(queriesRun()).toEqual(['partitions']);
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });
  });

  test('asks a backfill about its own months, without fetching what is known', async () => {
    queriesRun();
    const { loads } = await scene.sync({ range: { start: '2026-08-05', end: '2026-08-06' } });
    expect(loads.map(({ billingPeriodStart, unchanged }) => [billingPeriodStart, unchanged])).toEqual([
      ['2026-08-01', true],
    ]);
    expect(queriesRun()).toEqual(['partitions', 'days']);
  });

  test('restates a month long settled, from one late row, and asks for the day of that row alone', async () => {
    later(60 * DAY_MS);
    const late = { usage_start_time: '2026-08-03 10:00:00', usage_end_time: '2026-08-03 11:00:00', cost: -0.25 };
    await bigQuery.insert(DETAILED_TABLE, '2026-08-31', [
      costRow({ ...late, invoice: { month: '202608' }, cost_type: 'adjustment', export_time: '2026-12-04 01:00:00' }),
    ]);
    queriesRun();
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([false, true]);
    expect(await billed()).toEqual([
      ['2026-08', '2', '1.25'],
      ['2026-09', '4', '1.739999749'],
    ]);
    expect(queriesRun()).toEqual(['partitions', 'days', 'rows']);
    later(HOUR_MS);
    await scene.sync();
    expect(queriesRun()).toEqual(['partitions']);
  });

  test('keeps a month as it was published where the table loses some of its days', async () => {
    await bigQuery.removeDay(DETAILED_TABLE, '2026-09-14');
    const { waiting } = await scene.sync();
    expect(waiting).toEqual([
      expect.stringContaining('2026-09 stays as it was published: acme-billing.billing.gcp_billing_export_resource_v1'),
    ]);
    expect(await billed()).toContainEqual(['2026-09', '4', '1.739999749']);
  });

  test('is checked beside the other sources: an account whose export one of them reads is covered', async () => {
    const billing = await startCloudBillingDouble();
    billing.put({ id: ACCOUNT, displayName: 'Acme', projects: ['acme-billing'] });
    for (const account of ['AAAAAA-000000-AAAAAA', 'BBBBBB-000000-BBBBBB']) {
      billing.put({ id: account, displayName: 'Labs', projects: ['lab'] });
      const table = `labs.billing.gcp_billing_export_v1_${account.replaceAll('-', '_')}`;
      await sql`insert into source (id, kind, settings) values (${account}, 'gcp-bigquery-export', ${JSON.stringify({ table })}::jsonb)`.execute(
        scene.database.db,
      );
    }
    await sql`update source set removed_at = now() where id = 'BBBBBB-000000-BBBBBB'`.execute(scene.database.db);
    await sql`update source set settings = settings || ${JSON.stringify({ billingEndpoint: billing.url })}::jsonb where id = 'gcp'`.execute(
      scene.database.db,
    );
    const checks = await checkSource(scene.context, 'gcp');
    await billing.stop();
    expect(checks.slice(-2).map(({ subject, state }) => [subject, state])).toEqual([
      ['billing account AAAAAA-000000-AAAAAA', 'ok'],
      ['billing account BBBBBB-000000-BBBBBB', 'note'],
    ]);
  });
});

describe('one look', () => {
  afterEach(close);

  test('a download that was cut off goes on where it was, and the query is not paid again', async () => {
    await open(DETAILED_TABLE);
    bigQuery.faults.push({ operation: 'jobs.insert', kind: 'throttle', retryAfterSeconds: 300 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    expect((await scene.status()).nextRunAt, 'as late as Google asked').toBe('2026-10-06T08:05:00.000Z');
    later(300_000);
    bigQuery.calls.length = 0;
    bigQuery.rowsPerPage = 100;
    await bigQuery.fill(DETAILED_TABLE, '2026-09-14', costRow({ cost: 0.01 }), 1_000);
    bigQuery.faults.push({ operation: 'getQueryResults', kind: 'cut', skip: 2 + 6 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    const { spentToday } = await scene.status();
    queriesRun();
    later(60_000);
    await scene.sync();
    expect(bigQuery.calls.filter(({ operation }) => operation === 'getQueryResults').map(({ from }) => from)).toEqual([
      0, 0, 600, 700, 800, 900,
    ]);
    expect(queriesRun()).toEqual(['partitions', 'days']);
    expect(await billed()).toEqual([['2026-09', '1000', '10']]);
    expect(spentToday.requests).toBe('3');
  });

  test('queries stop at the day’s budget before they run, and go on the day after', async () => {
    await open(DETAILED_TABLE, { bytesBilledPerDayMax: 100 * MIB });
    bigQuery.bytesPerRow = 40 * MIB;
    await bigQuery.insert(DETAILED_TABLE, '2026-08-14', [costRow({ invoice: { month: '202608' } })]);
    await bigQuery.insert(DETAILED_TABLE, '2026-09-14', [costRow()]);
    await expect(scene.sync()).rejects.toMatchObject({ code: 'source_budget' });
    expect(queriesRun()).toEqual(['partitions', 'days']);
    await sql`update source set settings = settings || '{"bytesBilledPerDayMax": 200000000}'`.execute(
      scene.database.db,
    );
    later(DAY_MS);
    await scene.sync();
    expect(await billed()).toEqual([
      ['2026-08', '1', '1.5'],
      ['2026-09', '1', '1.5'],
    ]);
    expect((await scene.status()).spentToday.bytesBilled).toBe(String((20 + 80 + 40 + 40) * MIB));
  });

  test('a FOCUS export keeps its four costs, and the resource’s labels before its project’s', async () => {
    await open(FOCUS_TABLE);
    await bigQuery.insert(FOCUS_TABLE, '2026-09-15', [focusRow(), focusRow({ BilledCost: 1e-9, EffectiveCost: 0 })]);
    await scene.sync();
    expect(await scene.published()).toEqual([
      { period: '2026-09', lines: '2', billed: '1.500000001', effective: '1.25' },
    ]);
    const { rows } = await sql<{ tags: unknown }>`select tags from origin`.execute(scene.database.db);
    expect(rows).toEqual([{ tags: { pod: 'checkout' } }]);
  });

  describe.runIf(isAvailable('bills'))('the published exports', () => {
    test('give their known totals once they lie in BigQuery', async () => {
      await open(DETAILED_TABLE);
      for (const [name, day] of [
        ['2020-11.csv', '2020-11-10'],
        ['2022-08-01_5.csv', '2022-08-01'],
      ] as const) {
        await bigQuery.insert(DETAILED_TABLE, day, await readExportedSample(join(realBills(), 'gcp-export', name)));
      }
      await scene.sync();
      expect(await billed()).toEqual([
        ['2020-11', '25', '0'],
        ['2022-08', '9', '0.000012'],
      ]);
      const { rows } = await sql<{ cost: string }>`
      select trim_scale(sum(contracted_cost))::text as cost from load join load_total on load_total.load_id = load.id
      group by billing_period_start order by billing_period_start`.execute(scene.database.db);
      expect(rows.map(({ cost }) => cost)).toEqual(['0.000032', '0.000012']);
    });
  });
});
