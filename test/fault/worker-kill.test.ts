/**
 * A worker is killed with SIGKILL at every named point of a load's way, then another one is started: the load becomes current with the
 * bill's exact totals, once. Run on PostgreSQL's queue at every point, and on Redis at those where the queue matters most. Part of the
 * time goes by waiting for the dead worker's lock to run out, so the points are tried side by side. The worker that is killed is a
 * process; the one that carries on, which nobody kills, works in the test's own, for starting one takes longer than its work.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, test, vi } from 'vitest';
import { migrateQueue, openQueue } from '../../jobs/queue.ts';
import { FAULT_POINTS, type FaultPoint } from '../../services/kernel/fault-point.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { isAvailable, startRedis } from '../support/requirements.ts';
import { startTestWorker, type TestWorker } from '../support/worker.ts';

const WORKER = join(import.meta.dirname, '../support/worker-command.ts');
const PUBLISHED = { timeout: 120_000, interval: 200 };
const LOAD_POINTS = FAULT_POINTS.filter((point) => /^(sync|inspect|register|stage|finish|attach|publish)-/.test(point));
const QUEUE_POINTS: readonly FaultPoint[] = ['register-after-commit', 'stage-after-commit', 'publish-after-commit'];

const BILL = [
  'BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingAccountId,BillingAccountName,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,PublisherName,InvoiceIssuerName,ServiceName,ServiceCategory,ResourceId,Tags',
  ...['0.1000000000001', '-0.03', '12.5'].map(
    (money, hour) =>
      `${money},${money},${money},${money},USD,0001,Main,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,2026-09-02T0${hour}:00:00Z,2026-09-02T0${hour + 1}:00:00Z,Usage,AWS,AWS,AWS,Compute,Compute,i-${hour},`,
  ),
].join('\n');
const TOTAL = '12.5700000000001';
const ONCE = { loads: '1', days: TOTAL, lines: '3', unfinished: '0' };

interface Scene {
  readonly database: TestDatabase & { drop(): Promise<void> };
  readonly folder: string;
  readonly redisUrl?: string;
}

async function setScene(redisUrl?: string): Promise<Scene> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'outturn-kill-'));
  const bills = join(folder, 'bills');
  await mkdir(bills);
  await writeFile(join(bills, 'bill.csv'), BILL);
  await sql`insert into source (id, kind, settings) values ('aws', 'focus-files', ${JSON.stringify({ path: bills })}::jsonb)`.execute(
    database.db,
  );
  await migrateQueue({ databaseUrl: database.url, ...(redisUrl === undefined ? {} : { redisUrl }) });
  return { database, folder, ...(redisUrl === undefined ? {} : { redisUrl }) };
}

async function clear(scene: Scene): Promise<void> {
  await scene.database.drop();
  await rm(scene.folder, { recursive: true, force: true });
}

function environmentOf(scene: Scene): Record<string, string> {
  return {
    DATABASE_URL: scene.database.url,
    OUTTURN_DATA: join(scene.folder, 'data'),
    ...(scene.redisUrl === undefined ? {} : { REDIS_URL: scene.redisUrl }),
  };
}

function startWorkerToKill(scene: Scene, fault: FaultPoint): ChildProcess {
  return spawn(process.execPath, [WORKER], {
    env: { ...process.env, ...environmentOf(scene), OUTTURN_FAULT: fault },
    stdio: 'ignore',
  });
}

async function publishedTotals(scene: Scene): Promise<object> {
  const { rows } = await sql<{ loads: string; days: string | null; lines: string | null; unfinished: string }>`
    select (select count(*) from load where state = 'published') as loads,
      (select trim_scale(sum(effective_cost))::text from pod_day where kind = 'direct') as days,
      (select sum(charge.line_count)::text from charge where load_id = any (array(select id from load where state = 'published'))) as lines,
      (select count(*) from load where state in ('staging', 'staged')) as unfinished
  `.execute(scene.database.db);
  return rows[0] ?? {};
}

/** Kills a worker at the point, starts another, and tells how the first ended and what is published after the second. */
async function killAndRecover(scene: Scene, point: FaultPoint): Promise<NodeJS.Signals | null> {
  const queue = await openQueue({
    databaseUrl: scene.database.url,
    ...(scene.redisUrl === undefined ? {} : { redisUrl: scene.redisUrl }),
    logger: silentLogger,
  });
  const killed = startWorkerToKill(scene, point);
  let second: TestWorker | undefined;
  try {
    const exited = once(killed, 'exit');
    await queue.add('sync-source', { sourceId: 'aws', reason: 'request', mayDropAccounts: false });
    const [, signal] = (await exited) as [number | null, NodeJS.Signals | null];
    second = await startTestWorker(environmentOf(scene), silentLogger);
    await vi.waitFor(async () => assert.deepEqual(await publishedTotals(scene), ONCE), PUBLISHED);
    return signal;
  } finally {
    await second?.end();
    killed.kill('SIGKILL');
    await queue.close();
  }
}

describe('a worker killed on PostgreSQL’s queue and started again publishes the bill once', () => {
  test.concurrent.for(LOAD_POINTS)('at %s', { timeout: 240_000 }, async (point, { expect }) => {
    const scene = await setScene();
    try {
      expect(await killAndRecover(scene, point)).toBe('SIGKILL');
    } finally {
      await clear(scene);
    }
  });
});

describe.runIf(isAvailable('redis'))('a worker killed on Redis and started again publishes the bill once', () => {
  test.concurrent.for(QUEUE_POINTS)('at %s', { timeout: 240_000 }, async (point, { expect }) => {
    const redis = await startRedis();
    const scene = await setScene(redis.url);
    try {
      expect(await killAndRecover(scene, point)).toBe('SIGKILL');
    } finally {
      await clear(scene);
      await redis.stop();
    }
  });
});

test('a queue emptied while a load waits loses nothing: reconcile finds the load', { timeout: 120_000 }, async ({
  expect,
}) => {
  const scene = await setScene();
  const queue = await openQueue({ databaseUrl: scene.database.url, logger: silentLogger });
  const killed = startWorkerToKill(scene, 'register-after-commit');
  let second: TestWorker | undefined;
  try {
    const exited = once(killed, 'exit');
    await queue.add('sync-source', { sourceId: 'aws', reason: 'request', mayDropAccounts: false });
    await exited;
    await queue.obliterate();
    second = await startTestWorker(environmentOf(scene), silentLogger);
    await queue.add('reconcile', {});
    await expect.poll(() => publishedTotals(scene), PUBLISHED).toMatchObject({ loads: '1', days: TOTAL });
  } finally {
    await second?.end();
    await queue.close();
    await clear(scene);
  }
});
