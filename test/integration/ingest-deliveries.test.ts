/**
 * What becomes of a delivery: one load per billing period, nothing for the same files again, a new load for other ones, and whatever
 * happens in between leaves the same charges once.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { attachLoad, dropLoadCharges } from '../../services/billing/charge-partition.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { failLoad } from '../../services/billing/fail-load.ts';
import { finishStaging } from '../../services/billing/finish-staging.ts';
import { registerDelivery } from '../../services/billing/register-delivery.ts';
import { AppError } from '../../services/kernel/errors.ts';
import {
  billLine,
  csvOf,
  inspect,
  makeBillFolder,
  stage,
  stageLoad,
  stageLoadFile,
  writeBill,
} from '../support/billing.ts';
import { type TestDatabase, test } from '../support/database.ts';

const AT = new Date('2026-10-02T00:00:00Z');
let folder: Awaited<ReturnType<typeof makeBillFolder>>;
let count = 0;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

async function newSource(database: TestDatabase): Promise<string> {
  count += 1;
  await database.pool.query(`insert into source (id, kind) values ($1, 'focus-files')`, [`source-${count}`]);
  return `source-${count}`;
}

/** Marks a load current, which is all that staging looks at; publishing has tests of its own. */
async function markPublished(database: TestDatabase, loadId: string): Promise<void> {
  await database.pool.query(`update load set state = 'published', published_at = now() where id = $1`, [loadId]);
}

async function billOf(name: string, ...lines: Readonly<Record<string, string>>[]): Promise<string> {
  count += 1;
  return writeBill(folder.path, `${count}-${name}`, csvOf(lines.map((line) => billLine(line))));
}

async function chargesOf(database: TestDatabase, loadId: string): Promise<{ billed: string; lines: number }> {
  const { rows } = await database.pool.query(
    `select trim_scale(sum(billed_cost))::text as billed, sum(line_count)::int as lines from charge_${BigInt(loadId)}`,
  );
  return rows[0];
}

const OCTOBER = { BillingPeriodStart: '2026-10-01', BillingPeriodEnd: '2026-11-01' };

describe('a delivery', () => {
  test('of several billing periods is a load for each, a file of two in both', async ({ database }) => {
    const sourceId = await newSource(database);
    const both = await billOf('both.csv', { BilledCost: '1' }, { BilledCost: '10', ...OCTOBER });
    const azure = await billOf('azure.csv', {
      BilledCost: '100',
      BillingPeriodStart: '2026-08-15',
      BillingPeriodEnd: '2026-09-15',
    });
    const more = await billOf('more.csv', { BilledCost: '1000' });
    const loads = await stage(database, folder.path, [both, azure, more], { sourceId });
    const { loads: described } = await describeLoads(
      database.db,
      loads.map(({ loadId }) => loadId),
    );
    expect(
      described.map(({ billingPeriod, rows, files, totals }) => ({
        billingPeriod,
        rows,
        files: files.length,
        billed: totals[0]?.billedCost,
      })),
    ).toEqual([
      { billingPeriod: '2026-08-15..2026-09-15', rows: 1, files: 1, billed: '100' },
      { billingPeriod: '2026-09', rows: 2, files: 2, billed: '1001' },
      { billingPeriod: '2026-10', rows: 1, files: 1, billed: '10' },
    ]);
  });

  test('with the files of the current load is unchanged', async ({ database }) => {
    const sourceId = await newSource(database);
    const files = [await billOf('a.csv', { BilledCost: '1' }), await billOf('b.csv', { BilledCost: '2' })];
    const [first] = await stage(database, folder.path, files, { sourceId });
    await markPublished(database, first?.loadId ?? '');
    const again = await stage(database, folder.path, files.toReversed(), { sourceId });
    expect(again).toEqual([
      {
        loadId: first?.loadId,
        billingPeriodStart: '2026-09-01',
        billingPeriodEnd: '2026-10-01',
        unchanged: true,
        resumed: false,
      },
    ]);
  });

  test('that was restated is a new load; the former one again after it, too', async ({ database }) => {
    const sourceId = await newSource(database);
    const former = await billOf('bill.csv', { BilledCost: '1' });
    const [first] = await stage(database, folder.path, [former], { sourceId });
    await markPublished(database, first?.loadId ?? '');
    const [second] = await stage(database, folder.path, [await billOf('bill.csv', { BilledCost: '7' })], { sourceId });
    expect(second).toMatchObject({ unchanged: false, resumed: false });
    expect(await chargesOf(database, second?.loadId ?? '')).toEqual({ billed: '7', lines: 1 });
    await database.pool.query(`update load set state = 'superseded' where id = $1`, [first?.loadId]);
    await markPublished(database, second?.loadId ?? '');
    const [third] = await stage(database, folder.path, [former], { sourceId });
    expect(third?.unchanged).toBe(false);
    expect([first?.loadId, second?.loadId]).not.toContain(third?.loadId);
  });

  test('with the same file twice is refused', async ({ database }) => {
    const content = csvOf([billLine({ BilledCost: '3.3' })]);
    const paths = [await writeBill(folder.path, 'one.csv', content), await writeBill(folder.path, 'copy.csv', content)];
    await expect(stage(database, folder.path, paths, { sourceId: await newSource(database) })).rejects.toThrow(
      /^one\.csv and copy\.csv are the same file \(SHA-256 [0-9a-f]{12}…\): its charges would count twice\. Remove one of them\.$/,
    );
  });

  test('of a header alone needs its period, and is zero rows', async ({ database }) => {
    const sourceId = await newSource(database);
    const path = await writeBill(folder.path, 'header.csv', csvOf([]));
    await expect(stage(database, folder.path, [path], { sourceId })).rejects.toThrow(
      'header.csv has only a header, so it does not tell its billing period. Say which one it is, for instance --period 2026-09.',
    );
    const [load] = await stage(database, folder.path, [path], {
      sourceId,
      period: { start: '2026-09-01', end: '2026-10-01' },
    });
    const { loads } = await describeLoads(database.db, [load?.loadId ?? '']);
    expect(loads[0]).toMatchObject({ state: 'staged', billingPeriod: '2026-09', rows: 0, totals: [] });
  });

  test('of another period than asked for is refused', async ({ database }) => {
    const period = { start: '2026-10-01', end: '2026-11-01' };
    await expect(
      stage(database, folder.path, [await billOf('bill.csv', {})], { sourceId: await newSource(database), period }),
    ).rejects.toThrow(/^The files bill 2026-09, not 2026-10\./);
  });

  test('to a source that is not there is refused', async ({ database }) => {
    await expect(
      stage(database, folder.path, [await billOf('bill.csv', {})], { sourceId: 'nobody' }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  test('that would lose a billing account is refused unless that is wanted', async ({ database }) => {
    const sourceId = await newSource(database);
    const [first] = await stage(
      database,
      folder.path,
      [await billOf('a.csv', { BillingAccountId: '111' }, { BillingAccountId: '222' })],
      { sourceId },
    );
    await markPublished(database, first?.loadId ?? '');
    const lost = await billOf('b.csv', { BillingAccountId: '222', BilledCost: '5' });
    await expect(stage(database, folder.path, [lost], { sourceId })).rejects.toMatchObject({
      code: 'would_drop_account',
      message: expect.stringContaining(
        `would remove billing account 111 (AWS): a delivery replaces the whole billing period of its source.`,
      ),
    });
    const [again] = await stage(database, folder.path, [lost], { sourceId, mayDropAccounts: true });
    expect(again).toMatchObject({ resumed: true });
    expect(await chargesOf(database, again?.loadId ?? '')).toEqual({ billed: '5', lines: 1 });
  });
});

describe('staging', () => {
  test('a file twice, or by two at once, stores it once', async ({ database }) => {
    const sourceId = await newSource(database);
    const files = [await inspect(folder.path, await billOf('bill.csv', { BilledCost: '2' }, { BilledCost: '3' }))];
    const options = { sourceId, files, deliveredAt: AT, mayDropAccounts: false };
    const [[load], [same]] = await Promise.all([
      registerDelivery(database.db, options),
      registerDelivery(database.db, options),
    ]);
    expect(load?.loadId).toBe(same?.loadId);
    const loadId = load?.loadId ?? '';
    await Promise.all([
      stageLoadFile(database, folder.path, loadId, 1),
      stageLoadFile(database, folder.path, loadId, 1),
    ]);
    await stageLoad(database, folder.path, loadId);
    await database.db.transaction().execute((trx) => finishStaging(trx, loadId));
    expect(await chargesOf(database, loadId)).toEqual({ billed: '5', lines: 2 });
  });

  test('keeps how far usage reaches, credits left aside', async ({ database }) => {
    const usage = { ChargePeriodStart: '2026-09-14T22:00:00Z', ChargePeriodEnd: '2026-09-14T23:00:00Z' };
    const credit = { ChargeCategory: 'Credit', ChargePeriodStart: '2026-09-29', ChargePeriodEnd: '2026-09-30' };
    const [load] = await stage(database, folder.path, [await billOf('bill.csv', usage, credit)], {
      sourceId: await newSource(database),
    });
    const { rows } = await database.pool.query(
      'select data_as_of, usage_until, row_count::int, charge_count::int from load where id = $1',
      [load?.loadId],
    );
    expect(rows).toEqual([
      {
        data_as_of: new Date('2026-09-14T22:00:00Z'),
        usage_until: new Date('2026-09-14T23:00:00Z'),
        row_count: 2,
        charge_count: 2,
      },
    ]);
  });

  test('a charge that went missing on the way is found', async ({ database }) => {
    const sourceId = await newSource(database);
    const files = [
      await inspect(
        folder.path,
        await billOf('bill.csv', { BilledCost: '2' }, { BilledCost: '0.00001', ResourceId: 'vm-2' }),
      ),
    ];
    const [load] = await registerDelivery(database.db, { sourceId, files, deliveredAt: AT, mayDropAccounts: false });
    const loadId = load?.loadId ?? '';
    await stageLoadFile(database, folder.path, loadId, 1);
    await database.pool.query(`delete from charge_${loadId} where billed_cost < 1`);
    await expect(database.db.transaction().execute((trx) => finishStaging(trx, loadId))).rejects.toMatchObject({
      code: 'control_total_mismatch',
      message: expect.stringContaining(
        'USD lines 2 in the files, 1 arrived; BilledCost 2.00001 USD in the files, 2 arrived',
      ),
    });
  });

  test('an origin whose id another one has is refused, and nothing is stored', async ({ database }) => {
    const path = await billOf('bill.csv', { ResourceId: 'collides' });
    const [load] = await stage(database, folder.path, [path], { sourceId: await newSource(database) });
    await database.pool.query(`update origin set digest = gen_random_uuid() where resource_id = 'collides'`);
    expect(load).toBeDefined();
    await expect(stage(database, folder.path, [path], { sourceId: await newSource(database) })).rejects.toThrow(
      /has an origin whose id/,
    );
    await database.pool.query(`delete from origin where resource_id = 'collides'`);
  });

  test('a load that failed takes nothing more; its reasons are kept and its charges are not', async ({ database }) => {
    const sourceId = await newSource(database);
    const files = [await inspect(folder.path, await billOf('bill.csv', {}))];
    const [load] = await registerDelivery(database.db, { sourceId, files, deliveredAt: AT, mayDropAccounts: false });
    const loadId = load?.loadId ?? '';
    await stageLoadFile(database, folder.path, loadId, 1);
    const error = new AppError('invalid_bill', 'No.', {
      faults: [{ file: files[0]?.name ?? '', line: 2, record: 1, column: 'Tags', reason: 'bad', fix: 'mend' }],
    });
    await database.db.transaction().execute((trx) => failLoad(trx, loadId, error, AT));
    const { rows } = await database.pool.query(
      `select state, failure ->> 'code' as code, to_regclass('charge_' || id) as charges, ordinal, record::int, line::int, column_name, reason, fix
       from load join rejection on load_id = id where id = $1`,
      [loadId],
    );
    expect(rows).toEqual([
      {
        state: 'failed',
        code: 'invalid_bill',
        charges: null,
        ordinal: 1,
        record: 1,
        line: 2,
        column_name: 'Tags',
        reason: 'bad',
        fix: 'mend',
      },
    ]);
    const { loads } = await describeLoads(database.db, [loadId]);
    expect(loads[0]).toMatchObject({ state: 'failed', rejectedRows: 1 });
    await expect(database.db.transaction().execute((trx) => finishStaging(trx, loadId))).rejects.toMatchObject({
      code: 'conflict',
    });
    const [next] = await stage(database, folder.path, [], { sourceId }).then(() =>
      registerDelivery(database.db, { sourceId, files, deliveredAt: AT, mayDropAccounts: false }),
    );
    expect(next?.loadId).not.toBe(loadId);
  });
});

test('a load is attached to charge once, and dropped only when it is no longer current', async ({ database }) => {
  const [load] = await stage(database, folder.path, [await billOf('bill.csv', { BilledCost: '9' })], {
    sourceId: await newSource(database),
  });
  const loadId = load?.loadId ?? '';
  await attachLoad(database.db, loadId);
  await attachLoad(database.db, loadId);
  const read = async () =>
    (
      await database.pool.query('select trim_scale(sum(billed_cost))::text as billed from charge where load_id = $1', [
        loadId,
      ])
    ).rows;
  expect(await read()).toEqual([{ billed: '9' }]);
  await expect(dropLoadCharges(database.db, loadId)).rejects.toMatchObject({ code: 'conflict' });
  await database.pool.query(`update load set state = 'superseded' where id = $1`, [loadId]);
  await dropLoadCharges(database.db, loadId);
  await dropLoadCharges(database.db, loadId);
  expect(await read()).toEqual([{ billed: null }]);
});
