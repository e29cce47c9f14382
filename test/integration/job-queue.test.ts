/**
 * One suite for both queue backends: what the product relies on holds on Redis and on PostgreSQL alike.
 */
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { jobId } from '../../jobs/job-id.ts';
import { type JobQueue, migrateQueue, openQueue, type RunningWorker, unrecoverable } from '../../jobs/queue.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { createTestDatabase, type TestDatabase, test } from '../support/database.ts';
import { isAvailable, type RedisServer, startRedis } from '../support/requirements.ts';

const POLL = { timeout: 15_000, interval: 50 };

describe.each(['postgresql', 'redis'] as const)('the queue on %s', (backend) => {
  describe.runIf(backend === 'postgresql' || isAvailable('redis'))('where it is there', () => {
    let database: TestDatabase & { drop(): Promise<void> };
    let redis: RedisServer | undefined;
    let queue: JobQueue;
    let worker: RunningWorker | undefined;

    beforeAll(async () => {
      database = await createTestDatabase();
      if (backend === 'redis') redis = await startRedis();
      const options = {
        databaseUrl: database.url,
        ...(redis === undefined ? {} : { redisUrl: redis.url }),
        logger: silentLogger,
      };
      await migrateQueue(options);
      queue = await openQueue({ ...options, lockMs: 2_000 });
    });

    beforeEach(async () => {
      await worker?.close();
      worker = undefined;
      await queue.obliterate();
    });

    afterAll(async () => {
      await worker?.close();
      await queue.close();
      await redis?.stop();
      await database.drop();
    });

    test('says which backend it is', () => {
      expect(queue.backend).toBe(backend);
    });

    test('runs a job with its payload', async () => {
      const seen: unknown[] = [];
      worker = queue.work('bulk', 1, async (name, payload) => {
        seen.push([name, payload]);
      });
      await queue.add('publish-load', { loadId: '12' });
      await expect.poll(() => seen, POLL).toEqual([['publish-load', { loadId: '12' }]]);
    });

    test('runs a parent only when all its children are done', async () => {
      const seen: string[] = [];
      await queue.addFlow({
        job: 'publish-load',
        payload: { loadId: '1' },
        id: jobId('publish-load', '1', 1),
        children: [0, 1, 2].map((ordinal) => ({
          job: 'stage-file' as const,
          payload: { loadId: '1', ordinal },
          id: jobId('stage-file', '1', ordinal, 1),
          children: [],
        })),
      });
      worker = queue.work('bulk', 1, async (name) => {
        seen.push(name);
      });
      await expect.poll(() => seen.length, POLL).toBe(4);
      expect(seen.at(-1)).toBe('publish-load');
    });

    test('fails the parent of a child that is refused', async () => {
      const id = jobId('publish-load', '2', 1);
      await queue.addFlow({
        job: 'publish-load',
        payload: { loadId: '2' },
        id,
        children: [
          { job: 'stage-file', payload: { loadId: '2', ordinal: 0 }, id: jobId('stage-file', '2', 0, 1), children: [] },
        ],
      });
      const seen: string[] = [];
      worker = queue.work('bulk', 1, async (name) => {
        seen.push(name);
        throw unrecoverable(new Error('refused'));
      });
      await expect.poll(() => queue.state('publish-load', id), POLL).toBe('failed');
      expect(seen).toEqual(['stage-file']);
    });

    test('does not take an id that it already holds a second time', async () => {
      const id = jobId('publish-load', '3', 1);
      await queue.add('publish-load', { loadId: '3' }, { id });
      await queue.add('publish-load', { loadId: '3' }, { id });
      const seen: string[] = [];
      worker = queue.work('bulk', 1, async (name) => {
        seen.push(name);
      });
      await expect.poll(() => queue.state('publish-load', id), POLL).toBe('completed');
      await queue.add('publish-load', { loadId: '3' }, { id });
      await queue.add('publish-load', { loadId: '4' });
      await expect.poll(() => seen.length, POLL).toBe(2);
      expect(seen).toHaveLength(2);
    });

    test('tries a passing failure again', async () => {
      let tries = 0;
      worker = queue.work('bulk', 1, async () => {
        tries += 1;
        if (tries === 1) throw new Error('the connection broke');
      });
      const id = jobId('publish-load', '5', 1);
      await queue.add('publish-load', { loadId: '5' }, { id });
      await expect.poll(() => queue.state('publish-load', id), POLL).toBe('completed');
      expect(tries).toBe(2);
    });

    test('knows nothing of a job it was never given', async () => {
      expect(await queue.state('publish-load', jobId('publish-load', 'never', 1))).toBe('absent');
    });

    test('refuses a job id with a colon, which only one backend would', () => {
      expect(() => jobId('publish-load', 'aws:1')).toThrow(/colon/);
    });

    test('repeats a scheduled job and keeps one schedule however often it is set', async () => {
      await queue.schedule('deliver-alert', 200);
      await queue.schedule('deliver-alert', 200);
      let runs = 0;
      worker = queue.work('quick', 1, async () => {
        runs += 1;
      });
      await expect.poll(() => runs, POLL).toBeGreaterThanOrEqual(2);
      const counts = await queue.counts();
      expect(counts.quick['delayed'] ?? 0).toBeLessThanOrEqual(1);
    });
  });
});
