/**
 * A day of hourly schedules for twenty sources, and on the other queue backend for five: the handlers run as a worker runs them, brought by the real queue,
 * while a clock that nobody waits for goes from minute to minute. What is counted is what providers see. The sources are folders of one
 * bucket that hold nothing yet, so that a look is one list and nothing else.
 */
import { type Kysely, sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { syncDue } from '../../jobs/handlers/sync-due.ts';
import { syncSource } from '../../jobs/handlers/sync-source.ts';
import type { JobPayload } from '../../jobs/catalog.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { type JobQueue, migrateQueue, openQueue, type RunningWorker } from '../../jobs/queue.ts';
import { withSourceLock } from '../../jobs/source-lock.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { keepSourceRequest, listSourceRequests } from '../../services/sources/source-requests.ts';
import { listRuns } from '../../services/sources/list-runs.ts';
import { useAwsKeysOf } from '../support/aws-exports.ts';
import { isAvailable, type RedisServer, startRedis } from '../support/requirements.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIDNIGHT = new Date('2026-10-06T00:00:00Z');
const MIDNIGHT_AFTER = new Date(MIDNIGHT.getTime() + 24 * HOUR_MS);
const BROKEN = 'source-3';
const idOf = (index: number) => `source-${index}`;

let double: S3Double;

beforeAll(async () => {
  double = await startS3Double();
  double.createBucket('bills');
  useAwsKeysOf(double);
});
afterAll(() => double.stop());

describe.each([
  { backend: 'postgresql', sources: 20 },
  { backend: 'redis', sources: 5 },
])('a queue on $backend', ({ backend, sources }) => {
  describe.runIf(backend === 'postgresql' || isAvailable('redis'))('where it is there', () => {
    let scene: SyncedSource;
    let redis: RedisServer | undefined;
    let queue: JobQueue;
    let context: JobContext;
    let worker: RunningWorker | undefined;
    /** Jobs that came from the queue and ended. */
    let ended: number;

    beforeEach(async () => {
      const place = { bucket: 'bills', region: 'us-east-1', endpoint: double.url, forcePathStyle: true };
      scene = await createSyncedSource({ id: 'none', kind: 'aws-data-export', settings: () => ({}) });
      for (let index = 0; index < sources; index += 1) {
        const id = idOf(index);
        // A bucket that is not there: its look fails like that of any provider that refuses.
        // Without jitter all are due in one minute, which is the hardest.
        const schedule = { cron: '0 * * * *', jitter: 'PT0S' };
        const settings = { ...place, prefix: id, schedule, ...(id === BROKEN ? { bucket: 'gone' } : {}) };
        await addSource(scene.database.db, id, settings);
      }
      redis = backend === 'redis' ? await startRedis() : undefined;
      const options = { databaseUrl: scene.database.url, ...(redis === undefined ? {} : { redisUrl: redis.url }) };
      await migrateQueue(options);
      queue = await openQueue({ ...options, logger: silentLogger });
      context = { ...scene.context, queue };
      ended = 0;
      scene.now = MIDNIGHT;
      double.calls.length = 0;
      worker = queue.work('bulk', 1, async (_name, payload) => {
        try {
          await syncSource(payload as JobPayload<'sync-source'>, context);
        } finally {
          ended += 1;
        }
      });
    });
    afterEach(async () => {
      await worker?.close();
      await queue.close();
      await scene.drop();
      await redis?.stop();
    });

    /** What the schedule of sync-due brings in the minute, done by the worker to its end. */
    async function passMinute(): Promise<void> {
      await syncDue({}, context);
      await expect
        .poll(
          async () => {
            const { bulk } = await queue.counts();
            return [bulk['waiting'] ?? 0, bulk['active'] ?? 0, bulk['prioritized'] ?? 0];
          },
          { interval: 40, timeout: 60_000 },
        )
        .toEqual([0, 0, 0]);
    }

    /** By prefix; the broken one's bucket refuses its calls. */
    const lists = () => {
      const counts = new Map<string, number>();
      for (const { bucket, prefix } of double.calls) {
        const id = bucket === 'gone' ? BROKEN : prefix.slice(0, -1);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      return Object.fromEntries(counts);
    };

    test('looks at each of its sources once an hour, and at one that fails ever more rarely', {
      timeout: 300_000,
    }, async () => {
      while (scene.now < MIDNIGHT_AFTER) {
        await passMinute();
        scene.now = await nextInstant(scene);
      }
      const healthy = Array.from({ length: sources }, (_one, index) => idOf(index)).filter((id) => id !== BROKEN);
      // Refused at 0:00, again after 1, 2, 4 and 8 minutes; then its circuit is open: 6:15, 12:15, 18:15.
      expect(lists()).toEqual({ ...Object.fromEntries(healthy.map((id) => [id, 24])), [BROKEN]: 8 });
      expect(ended).toBe(double.calls.length);
      const runs = await listRuns(scene.database.db, { sourceId: BROKEN, before: null, limit: 100 });
      expect(new Set(runs.map(({ error }) => error?.code))).toEqual(new Set(['source_refused']));
    });

    test('brings a look twice, too late or not at all, and the provider sees it once', async () => {
      await worker?.close();
      for (const id of ['a', 'b', 'c']) {
        await queue.add('sync-source', { sourceId: 'source-1', reason: 'schedule', mayDropAccounts: false }, { id });
      }
      await syncDue({}, context);
      await queue.obliterate();
      await syncDue({}, context);
      for (const id of ['d', 'e']) {
        await queue.add('sync-source', { sourceId: 'source-1', reason: 'schedule', mayDropAccounts: false }, { id });
      }
      worker = queue.work('bulk', 1, async (_name, payload) =>
        syncSource(payload as JobPayload<'sync-source'>, context),
      );
      await passMinute();
      expect(lists()).toEqual(Object.fromEntries(Array.from({ length: sources }, (_one, index) => [idOf(index), 1])));
    });

    test('that forgets what somebody asked for, or meets a busy source with it, is reminded of it', async () => {
      await passMinute();
      double.calls.length = 0;
      const request = { sourceId: 'source-1', reason: 'request' as const, mayDropAccounts: false };
      const range = { start: '2025-01-01', end: '2026-01-01' };
      await keepSourceRequest(scene.database.db, { ...request, range, jobId: 'sync-source_asked' }, scene.now);
      await withSourceLock(scene.database.url, 'source-1', passMinute);
      expect(lists()).toEqual({});
      expect(await listSourceRequests(scene.database.db, scene.now)).toHaveLength(1);
      scene.now = new Date(scene.now.getTime() + MINUTE_MS);
      await passMinute();
      scene.now = new Date(scene.now.getTime() + MINUTE_MS);
      await passMinute();
      expect(lists()['source-1']).toBe(1);
      const [run] = await listRuns(scene.database.db, { sourceId: 'source-1', before: null, limit: 1 });
      expect(run).toMatchObject({ reason: 'request', range, outcome: 'waiting' });
      expect(await listSourceRequests(scene.database.db, scene.now)).toEqual([]);
    });
  });
});

test('a backfill that is throttled waits as long as the provider asks, and is then done', async () => {
  const scene = await createSyncedSource({
    id: 'aws',
    kind: 'aws-data-export',
    settings: () => ({ bucket: 'bills', region: 'us-east-1', endpoint: double.url, forcePathStyle: true }),
  });
  try {
    const request = { sourceId: 'aws', reason: 'request' as const, mayDropAccounts: false };
    await keepSourceRequest(scene.database.db, { ...request, jobId: 'asked' }, scene.now);
    double.faults.push({ operation: 'ListObjectsV2', kind: 'throttle', retryAfterSeconds: 600 });
    const ask = () => scene.sync({ reason: 'request', onlyIfDue: { requestId: 'asked' } });
    await expect(ask()).rejects.toThrow('asked to be called less often');
    expect(await listSourceRequests(scene.database.db, scene.now)).toEqual([]);
    scene.now = new Date(scene.now.getTime() + 10 * MINUTE_MS);
    expect(await listSourceRequests(scene.database.db, scene.now)).toHaveLength(1);
    await ask();
    expect(await listSourceRequests(scene.database.db, scene.now)).toEqual([]);
  } finally {
    await scene.drop();
  }
});

async function addSource(db: Kysely<DB>, id: string, settings: object): Promise<void> {
  await sql`insert into source (id, kind, settings) values (${id}, 'aws-data-export', ${JSON.stringify(settings)}::jsonb)`.execute(
    db,
  );
}

/** When the next source is due: in the minutes between, sync-due finds nothing. */
async function nextInstant({ database, now }: SyncedSource): Promise<Date> {
  const { rows } = await sql<{ next: Date | null }>`select min(next_run_at) as next from source_schedule`.execute(
    database.db,
  );
  return rows[0]?.next ?? now;
}
