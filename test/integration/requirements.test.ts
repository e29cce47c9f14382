/** What happens to tests whose requirement is missing, and that a Redis of a test's own is a real one. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, inject, test, vi } from 'vitest';
import { describeLeftOut, isAvailable, startRedis } from '../support/requirements.ts';

describe('a requirement', () => {
  test('that is missing fails the tests where it was required', ({ onTestFinished }) => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('PATH', '/nowhere');
    vi.stubEnv('OUTTURN_TEST_REQUIRE', 'bills, redis');
    expect(() => isAvailable('redis')).toThrow(
      'OUTTURN_TEST_REQUIRE names redis, but redis-server is not on PATH; install it with apt-get install redis-server',
    );
  });

  test('that is missing and not required leaves the tests out', async ({ onTestFinished }) => {
    const note = join(inject('testServer').leftOutFolder, 'redis');
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      if (isAvailable('redis')) await rm(note, { force: true });
    });
    vi.stubEnv('PATH', '/nowhere');
    vi.stubEnv('OUTTURN_TEST_REQUIRE', '');
    expect(isAvailable('redis')).toBe(false);
    expect(await readdir(inject('testServer').leftOutFolder)).toContain('redis');
  });

  test('that nobody knows is a mistake in OUTTURN_TEST_REQUIRE', ({ onTestFinished }) => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('PATH', '/nowhere');
    vi.stubEnv('OUTTURN_TEST_REQUIRE', 'reddis');
    expect(() => isAvailable('redis')).toThrow('OUTTURN_TEST_REQUIRE names "reddis"; it knows redis, browser, bills');
  });

  test('left out is named at the end of the run, with the fix', async ({ onTestFinished }) => {
    const folder = await mkdtemp(join(tmpdir(), 'outturn-left-out-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'redis'), 'redis-server is not on PATH');
    expect(describeLeftOut(folder)).toEqual(['left out: redis: redis-server is not on PATH']);
  });
});

describe.runIf(isAvailable('redis'))("a test's own Redis", () => {
  test('answers on loopback, keeps nothing, and is gone after its stop', async ({ onTestFinished }) => {
    const { url, stop } = await startRedis();
    onTestFinished(stop);
    const client = new Redis(url, { retryStrategy: () => null });
    client.on('error', () => {}); // It is stopped under the open connection below.
    expect(await client.set('pod', 'checkout')).toBe('OK');
    expect(await client.config('GET', 'save')).toEqual(['save', '']);
    await stop();
    await expect(client.get('pod')).rejects.toThrow(/closed/);
  });
});
