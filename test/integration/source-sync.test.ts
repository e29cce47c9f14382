/**
 * Looking at a source, here a folder: what is new is read once, what is known is not read again, a fault of one billing period leaves the
 * others, and every look leaves its record, its cost and the time of the next one, also where it failed or was killed.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withSourceLock } from '../../jobs/source-lock.ts';
import { syncEach } from '../../jobs/sync-each.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { countSpending } from '../../services/sources/spending.ts';
import { listDueSources } from '../../services/sources/source-runs.ts';
import { billLine, csvOf } from '../support/billing.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const HOUR_MS = 3_600_000;
let scene: SyncedSource;

beforeEach(async () => {
  scene = await createSyncedSource({
    id: 'aws',
    kind: 'focus-files',
    settings: (folder) => ({ path: join(folder, 'bills') }),
  });
  await mkdir(join(scene.folder, 'bills'));
});
afterEach(() => scene.drop());

function month(name: string, cells: Readonly<Record<string, string>> = {}): string {
  const end = new Date(Date.UTC(Number(name.slice(0, 4)), Number(name.slice(5)), 1)).toISOString();
  const periods = {
    BillingPeriodStart: `${name}-01T00:00:00Z`,
    BillingPeriodEnd: end,
    ChargePeriodStart: `${name}-14T00:00:00Z`,
    ChargePeriodEnd: `${name}-15T00:00:00Z`,
  };
  return csvOf([billLine({ ...periods, ...cells })]);
}

const deliver = (name: string, content: string) => writeFile(join(scene.folder, 'bills', name), content);
const later = (ms: number) => (scene.now = new Date(scene.now.getTime() + ms));

test('what a command is refused by one source keeps it from no other', async () => {
  await sql`insert into source (id, kind, settings) values ('absent', 'focus-files', '{"path": "/nowhere/at/all"}')`.execute(
    scene.database.db,
  );
  await deliver('2026-09.csv', month('2026-09'));
  const asked = { reason: 'command', mayDropAccounts: false } as const;
  const { loads, failures } = await syncEach(scene.context, ['absent', 'aws'], asked);
  expect(failures).toMatchObject([{ sourceId: 'absent', error: { code: 'source_refused' } }]);
  expect(loads).toHaveLength(1);
  expect((await scene.published()).map(({ billed }) => billed)).toEqual(['1.5']);
});

describe('a look', () => {
  test('publishes what is there, and reads nothing again where nothing changed', async () => {
    await deliver('2026-08.csv', month('2026-08'));
    await deliver('2026-09.csv', month('2026-09'));
    scene.now = new Date(Date.now() + HOUR_MS); // Files touched just now could still be written to.
    await scene.sync();
    expect((await scene.published()).map(({ period, billed }) => [period, billed])).toEqual([
      ['2026-08', '1.5'],
      ['2026-09', '1.5'],
    ]);
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'changed', filesFetched: 2 });
    later(HOUR_MS);
    const again = await scene.sync();
    expect(again.loads.map(({ unchanged }) => unchanged)).toEqual([true, true]);
    expect((await scene.status()).lastRun).toMatchObject({ outcome: 'unchanged', filesFetched: 0 });
  });

  test('replaces a billing period that was delivered anew, and leaves the others', async () => {
    await deliver('2026-08.csv', month('2026-08'));
    await deliver('2026-09.csv', month('2026-09'));
    await scene.sync();
    later(HOUR_MS);
    await deliver('2026-09.csv', month('2026-09', { BilledCost: '9.75' }));
    const { loads } = await scene.sync();
    expect(loads.map(({ unchanged }) => unchanged)).toEqual([true, false]);
    expect((await scene.published()).map(({ billed }) => billed)).toEqual(['1.5', '9.75']);
  });

  test('reads a file again whose archive is gone', async () => {
    await deliver('2026-09.csv', month('2026-09'));
    scene.now = new Date(Date.now() + HOUR_MS);
    await scene.sync();
    await rm(scene.context.settings.archiveDir, { recursive: true });
    await scene.sync();
    expect((await scene.status()).lastRun?.filesFetched).toBe(1);
  });

  test('says that a faulty bill is wrong, when it looks again, and keeps what was published', async () => {
    await deliver('2026-09.csv', month('2026-09'));
    await scene.sync();
    later(HOUR_MS);
    await deliver('2026-09.csv', month('2026-09', { BilledCost: 'much' }));
    await expect(scene.sync()).rejects.toMatchObject({ code: 'invalid_bill' });
    const status = await scene.status();
    expect(status).toMatchObject({
      state: 'retrying',
      failures: 1,
      lastRun: { outcome: 'failed', error: { code: 'invalid_bill' } },
    });
    expect(status.summary).toContain('"much" is not a number');
    expect(status.lastRun?.error?.faults).toMatchObject([{ file: '2026-09.csv', line: 2, column: 'BilledCost' }]);
    expect((await scene.published()).map(({ billed }) => billed)).toEqual(['1.5']);
  });
});

describe('the record of a look', () => {
  test('is there although the process was killed: the next one says so', async () => {
    await sql`insert into source_run (source_id, reason, started_at) values ('aws', 'schedule', now())`.execute(
      scene.database.db,
    );
    expect(await scene.status()).toMatchObject({ state: 'waiting', lastRun: { error: { code: 'interrupted' } } });
    await withSourceLock(scene.database.url, 'aws', async () => {
      expect((await scene.status()).state).toBe('running');
    });
    await scene.sync();
    const { rows } = await sql`select outcome, error_code from source_run order by id`.execute(scene.database.db);
    expect(rows).toEqual([
      { outcome: 'failed', error_code: 'interrupted' },
      { outcome: 'unchanged', error_code: null },
    ]);
  });

  test('is one at a time: a second look at once is refused', async () => {
    await withSourceLock(scene.database.url, 'aws', async () => {
      await expect(scene.sync()).rejects.toMatchObject({ code: 'source_busy' });
    });
    await scene.sync();
  });

  test('opens the circuit after five failures in a row, and closes it with the first that goes well', async () => {
    await deliver('2026-09.csv', month('2026-09', { BilledCost: 'much' }));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(scene.sync()).rejects.toThrow();
      later(HOUR_MS);
    }
    const paused = await scene.status();
    expect(paused).toMatchObject({ state: 'paused', failures: 5 });
    expect(paused.summary).toMatch(/^paused since .* after 5 failures in a row .*"much" is not a number/);
    await deliver('2026-09.csv', month('2026-09'));
    await scene.sync();
    expect(await scene.status()).toMatchObject({ state: 'waiting', failures: 0 });
  });
});

describe('the schedule', () => {
  test('has a new source due at once, and then at its next hour', async () => {
    expect(await listDueSources(scene.database.db, scene.now)).toHaveLength(1);
    await scene.sync();
    expect(await listDueSources(scene.database.db, scene.now)).toEqual([]);
    later(HOUR_MS);
    expect(await listDueSources(scene.database.db, scene.now)).toHaveLength(1);
  });

  test('leaves a source alone that is looked at by hand', async () => {
    await sql`update source set settings = settings || '{"schedule": {"manual": true}}'`.execute(scene.database.db);
    expect(await listDueSources(scene.database.db, scene.now)).toEqual([]);
    await scene.sync();
    expect(await scene.status()).toMatchObject({ state: 'manual', nextRunAt: null });
  });
});

describe('what calls cost', () => {
  const spend = (requests: number, day = '2026-10-06') =>
    countSpending(scene.database.db, {
      sourceId: 'aws',
      requests,
      amount: decimal('0.01'),
      requestsPerDayMax: 5,
      at: new Date(`${day}T10:00:00Z`),
    });

  test('is added up by day, and a call beyond the day’s budget is refused before it is made', async () => {
    await spend(3);
    await spend(2);
    await expect(spend(1)).rejects.toMatchObject({ code: 'source_budget' });
    await spend(1, '2026-10-07');
    expect((await scene.status()).spentToday).toEqual({ requests: '5', bytesBilled: '0', amount: '0.02' });
  });
});
