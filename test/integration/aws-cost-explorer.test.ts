/**
 * Costs of AWS Cost Explorer from the paid request to the published figure: each charge once, a month whole at every look, nothing paid for
 * twice, and a warning where an export bills the same.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSync } from '../../jobs/run-ingest.ts';
import { readOverlaps } from '../../services/billing/load-overlaps.ts';
import { billLine, csvOf } from '../support/billing.ts';
import {
  type CostExplorerDouble,
  startCostExplorerDouble,
} from '../support/cost-explorer-server/cost-explorer-server.ts';
import { cost, costsOfDays, MEMBER, PAYER, useExplorerKeys } from '../support/explorer-costs.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';
import { translated } from '../support/translated-bills.ts';

let double: CostExplorerDouble;
let scene: SyncedSource;

beforeAll(async () => {
  double = await startCostExplorerDouble({ today: '2026-10-03' });
  useExplorerKeys(double);
  scene = await createSyncedSource({
    id: 'aws-quick',
    kind: 'aws-cost-explorer',
    settings: () => ({ endpoint: double.url, billingAccountId: PAYER, requestsPerDayMax: 40 }),
  });
});
afterAll(async () => {
  await scene.drop();
  await double.stop();
});
beforeEach(() => {
  double.calls.length = 0;
  double.faults.length = 0;
});

const at = (instant: string) => {
  scene.now = new Date(instant);
  double.today = instant.slice(0, 10);
};
const costsOf = async (period: string) => (await scene.published()).find((load) => load.period === period);

/** One after the other: each test goes on from the days that the one before left. */
describe('a source that asks Cost Explorer', () => {
  test('publishes two months, all of them, for three paid requests', async () => {
    at('2026-10-03T08:00:00Z');
    double.charges = costsOfDays('2026-09-01', '2026-10-04', (day) => [
      cost(day, '10.0000000001', { netAmortized: '8' }),
      cost(day, '1', { account: MEMBER, service: 'AWS Lambda' }),
    ]);
    await scene.sync();
    expect(await scene.published()).toEqual([
      { period: '2026-09', lines: '60', billed: '330.000000003', effective: '270' },
      { period: '2026-10', lines: '6', billed: '33.0000000003', effective: '27' },
    ]);
    expect(double.calls).toHaveLength(3);
    const status = await scene.status();
    expect(status.spentToday).toMatchObject({ requests: '3', amount: '0.03' });
    expect(status.latest).toMatchObject({ billingPeriod: '2026-10', finality: 'estimated' });
  });

  test('asks nothing as long as nothing can have changed', async () => {
    at('2026-10-03T09:00:00Z');
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect(double.calls).toEqual([]);
  });

  test('changes nothing where it asks and the costs are the same', async () => {
    at('2026-10-03T14:00:00Z');
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect(double.calls.map(({ TimePeriod }) => TimePeriod.Start)).toEqual(Array(3).fill('2026-10-01'));
  });

  test('takes late costs and restated ones, of the month before too', async () => {
    at('2026-10-04T08:00:00Z');
    double.charges.push(cost('2026-09-30', '5', { service: 'AWS Support (Business)' }), cost('2026-10-04', '2'));
    double.charges = double.charges.filter(({ day, account }) => day !== '2026-10-01' || account === PAYER);
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([false, false]);
    expect((await costsOf('2026-09'))?.billed).toBe('335.000000003');
    expect((await costsOf('2026-10'))?.billed).toBe('34.0000000003');
  });

  test('keeps what was published where it is throttled, and comes back as late as it was asked to', async () => {
    at('2026-10-04T14:00:00Z');
    double.faults.push({ kind: 'throttle', retryAfterSeconds: 600 });
    await expect(scene.sync()).rejects.toMatchObject({ name: 'TransientError' });
    expect((await scene.status()).nextRunAt).toBe('2026-10-04T14:10:00.000Z');
    expect(double.calls).toHaveLength(1);
    expect((await costsOf('2026-10'))?.billed).toBe('34.0000000003');
  });

  test('stops where the budget of a day ends, keeps what it has, and goes on the next day', async () => {
    at('2026-10-05T08:00:00Z');
    // A request for each day's whole, its kinds and each of its services: 32 for eight days, of 40.
    double.charges = costsOfDays('2026-07-01', '2026-08-01', (day) => [
      cost(day, '1'),
      cost(day, '2', { service: 'AWS Lambda' }),
    ]);
    double.pageSize = 1;
    const july = { range: { start: '2026-07-01', end: '2026-08-01' } };
    const fetchedAfter = async (instant: string) => {
      at(instant);
      double.calls.length = 0;
      const outcome = await scene.sync(july).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      const { rows } = await sql<{ parts: number }>`
        select count(*)::int as parts from source_file where name like 'from-2026-07-%'`.execute(scene.database.db);
      return { outcome, requests: double.calls.length, parts: rows[0]?.parts ?? 0 };
    };
    const runs = [];
    for (let day = 5; day < 13 && runs.at(-1)?.outcome !== 'done'; day += 1) {
      runs.push(await fetchedAfter(`2026-10-${String(day).padStart(2, '0')}T08:00:00Z`));
    }
    expect(runs.at(-1)).toMatchObject({ outcome: 'done', parts: 4 });
    for (const run of runs.slice(0, -1)) expect(run).toMatchObject({ outcome: 'source_budget', requests: 40 });
    expect(runs.map(({ parts }) => parts)).toEqual([1, 2, 3, 4]);
    expect((await costsOf('2026-07'))?.billed).toBe('93');
    double.pageSize = 1_000;
  });

  test('leaves a settled month alone after one last look', async () => {
    double.charges = costsOfDays('2026-09-01', '2026-10-19', (day) => [cost(day, '10')]);
    at('2026-10-17T08:00:00Z');
    await scene.sync();
    expect((await costsOf('2026-09'))?.billed).toBe('300');
    double.calls.length = 0;
    at('2026-10-18T08:00:00Z');
    await scene.sync();
    expect(double.calls.map(({ TimePeriod }) => TimePeriod.Start)).toEqual(Array(3).fill('2026-10-01'));
  });

  test('keeps what was published where all costs of an account are gone', async () => {
    at('2026-10-18T14:00:00Z');
    const charges = double.charges;
    double.charges = [];
    await expect(scene.sync()).rejects.toMatchObject({ code: 'would_drop_account' });
    expect((await costsOf('2026-10'))?.billed).toBe('180');
    double.charges = charges;
    at('2026-10-18T20:00:00Z');
    await scene.sync();
    expect((await scene.status()).failures).toBe(0);
  });

  test('refuses days that AWS no longer keeps', async () => {
    await expect(scene.sync({ range: { start: '2024-01-01', end: '2024-02-01' } })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    expect(double.calls).toEqual([]);
  });

  test('and an export of the same account are one bill twice, which both are warned of, whatever their services are called', async () => {
    await writeFile(join(scene.folder, 'export.csv'), csvOf([exported(PAYER), exported(MEMBER)]));
    const settings = JSON.stringify({ path: join(scene.folder, 'export.csv') });
    await sql`insert into source (id, kind, settings) values ('aws', 'focus-files', ${settings}::jsonb)`.execute(
      scene.database.db,
    );
    const { loads } = await runSync(scene.context, { sourceId: 'aws', reason: 'command', mayDropAccounts: false });
    const loadId = loads[0]?.loadId ?? '';
    const [warning] = (await readOverlaps(scene.database.db, [loadId])).get(loadId) ?? [];
    expect(warning).toMatchObject({
      code: 'overlapping_scope',
      otherSourceId: 'aws-quick',
      scopes: [{ providerName: 'AWS', billingAccountId: PAYER, subAccountId: PAYER }],
      atStake: [{ billingCurrency: 'USD', billedCost: '7.5' }],
    });
  });

  test('is followed by an export under its own id, which replaces its months', async () => {
    const { db } = scene.database;
    await sql`update source set removed_at = now() where id = 'aws'`.execute(db);
    await sql`update source set kind = 'focus-files', settings = (select settings from source where id = 'aws') where id = 'aws-quick'`.execute(
      db,
    );
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([false]);
    const { rows } = await sql`
      select trim_scale(billed_cost)::text as billed from load join load_total on load_id = load.id
      where source_id = 'aws-quick' and state = 'published' and billing_period_start = '2026-10-01'`.execute(db);
    expect(rows).toEqual([{ billed: '15' }]);
  });
});

/** 7.50 of another name of the same service. */
function exported(account: string): Record<string, string> {
  return billLine({
    ProviderName: 'AWS',
    BillingAccountId: PAYER,
    SubAccountId: account,
    ServiceName: 'Amazon Elastic Compute Cloud',
    BilledCost: '7.5',
    EffectiveCost: '7.5',
    BillingPeriodStart: '2026-10-01T00:00:00Z',
    BillingPeriodEnd: '2026-11-01T00:00:00Z',
    ChargePeriodStart: '2026-10-02T00:00:00Z',
    ChargePeriodEnd: '2026-10-03T00:00:00Z',
  });
}

describe('a file of days', () => {
  test('reads as FOCUS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outturn-ce-'));
    const path = join(folder, '2026-09-30.csv');
    const header =
      'TimePeriodStart,TimePeriodEnd,Estimated,PayerAccountId,LinkedAccountId,LinkedAccountName,Service,RecordType,TagKey,TagValue,UnblendedCost,NetAmortizedCost,CurrencyCode';
    const line = (cells: string) => `2026-09-30,2026-10-01,true,${PAYER},${MEMBER},"Shop, EU",${cells},USD`;
    const lines = [
      line('AWS Lambda,,,,0.00000000000000000001,2'),
      line(',,application,"a ""b""",3E-7,1.25'),
      line(',,application,,1,1'),
      line(',Tax,,,4,4'),
      line(',Credit,,,-5,-5'),
      line(',Refund,,,-6,-6'),
      line(',SavingsPlanRecurringFee,,,7,0.5'),
      line(',Upfront,,,8,0'),
    ];
    await writeFile(path, `${[header, ...lines].join('\n')}\n`);
    const bill = await translated(folder, path);
    await rm(folder, { recursive: true });
    expect(bill.billed).toBe('9.00000030000000000001');
    expect(bill.effective).toBe('-2.25');
    expect(
      bill.lines.map((read) => [
        read['ChargeCategory'],
        read['ServiceName'],
        read['Tags'],
        read['CommitmentDiscountStatus'],
      ]),
    ).toEqual([
      ['Usage', 'AWS Lambda', null, null],
      ['Usage', null, String.raw`{"application":"a \"b\""}`, null],
      ['Usage', null, null, null],
      ['Tax', null, null, null],
      ['Credit', null, null, null],
      ['Adjustment', null, null, null],
      ['Purchase', null, null, 'Unused'],
      ['Purchase', null, null, null],
    ]);
    expect(bill.lines[0]).toMatchObject({
      ProviderName: 'AWS',
      BillingAccountId: PAYER,
      SubAccountId: MEMBER,
      SubAccountName: 'Shop, EU',
      BillingPeriodStart: '2026-09-01',
      BillingPeriodEnd: '2026-10-01',
      ChargePeriodStart: '2026-09-30',
      ChargePeriodEnd: '2026-10-01',
      x_Estimated: 'true',
    });
  });
});
