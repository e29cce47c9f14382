/**
 * What operators rely on: probes, metrics, limits, listening and stopping. Each test looks at the real thing, over a socket where
 * the socket matters.
 */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { buildApp } from '../../api/app.ts';
import { listen } from '../../api/server.ts';
import { openDatabase } from '../../db/database.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base, createTestDatabase } from '../support/database.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

/** Nothing listens on the discard port of this machine. */
const NO_DATABASE = 'postgres://nobody:secret@127.0.0.1:9/nothing';

describe('probes', () => {
  test('/health answers while the process lives, /ready while it can serve', async ({ api }) => {
    for (const url of ['/health', '/ready']) {
      const answer = await api.app.inject({ url });
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toEqual({ status: 'ok' });
    }
  });

  test('without a database /health still answers, /ready says 503 and gives no address away, /metrics says so', async ({
    api,
  }) => {
    const { db, close } = openDatabase(NO_DATABASE);
    const { app, logged } = api;
    const alone = await buildApp({
      db,
      clock: api.clock,
      queue: api.queue,
      workDir: '/nonexistent',
      version: '0.0.0',
      logger: app.log,
    });
    try {
      expect((await alone.inject({ url: '/health' })).statusCode).toBe(200);
      const ready = await alone.inject({ url: '/ready' });
      expect(ready.statusCode).toBe(503);
      expect(ready.json()).toMatchObject({ code: 'database_unreachable' });
      expect(ready.body).not.toMatch(/127\.0\.0\.1|nobody|secret/);
      expect((await alone.inject({ url: '/metrics' })).body).toMatch(/^outturn_database_up 0$/m);
      const report = await alone.inject({
        url: '/api/v1/pods',
        headers: { authorization: `Bearer ot_000000000000_${'x'.repeat(43)}` },
      });
      expect(report.statusCode).toBe(503);
      expect(report.headers['retry-after']).toBe('5');
      expect(JSON.stringify(logged)).toContain('ECONNREFUSED');
    } finally {
      await alone.close();
      await close();
    }
  });

  test('/ready names the fix where a migration is pending', async ({ api, database }) => {
    const { rows } = await sql<{ name: string }>`
      delete from kysely_migration where name = (select max(name) from kysely_migration) returning name
    `.execute(database.db);
    const answer = await api.app.inject({ url: '/ready' });
    await sql`insert into kysely_migration (name, timestamp) values (${rows[0]?.name ?? ''}, '')`.execute(database.db);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'database_outdated' });
    expect(answer.body).toContain('outturn migrate');
  });
});

describe('/metrics', () => {
  test('counts requests by route pattern, and shows queue, loads, outbox and workers without a token', async ({
    api,
    database,
  }) => {
    await sql`insert into worker (id, host_name, process_id, started_at, seen_at)
      values ('alive', 'h', 1, now(), ${api.clock.now()}), ('dead', 'h', 2, now(), '2026-09-15T11:00:00Z')`.execute(
      database.db,
    );
    await sql`insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at)
      values ('files', '2026-08-01', '2026-09-01', 'failed', 'd', now())`.execute(database.db);
    await sql`
      insert into outcome (version, state, title, basis, delivered_on, recorded_at, claimed_at, owner_email, claimed_by, unattributed_basis_points,
        content_digest, updated_at)
      select 1, state, state, 'strategic', '2026-09-01', at, case state when 'claimed' then at end, 'ada@example.com', 'ada@example.com', 10000,
        state, at
      from unnest(array['claimed', 'candidate']) as state cross join (select timestamptz '2026-09-15T11:00:00Z' as at) as moment`.execute(
      database.db,
    );
    await sql`insert into evidence_file (sha256, size_bytes, content, stored_at)
      select encode(sha256(content), 'hex'), length(content), content, now() from (select 'a day-sheet'::bytea as content) as file`.execute(
      database.db,
    );
    await sql`insert into outcome_pool (id, name, metric, currency) values ('churn', 'Churn', 'customers kept', 'USD')`.execute(
      database.db,
    );
    await sql`insert into outcome_pool_ceiling (pool_id, valid_from, valid_until, ceiling, set_by, set_at)
      values ('churn', '2026-09-01', '2026-10-01', 100, 'grace@example.com', now())`.execute(database.db);
    await sql`with claimed as (
        update outcome set amount = 70, currency = 'USD', basis = 'cost_avoided', pool_id = 'churn' where title = 'claimed' returning id
      ) insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount)
      select id, 1, '2026-09-01', '2026-09-02', 70 from claimed`.execute(database.db);
    await api.app.inject({ url: '/api/v1/origins/12345/explanation' });
    await api.app.inject({ url: '/no/such/place' });
    api.clock.set('2026-09-15T12:00:10Z');
    const { body, headers } = await api.app.inject({ url: '/metrics' });
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toMatch(/^outturn_workers_alive 1$/m);
    expect(body).toMatch(/^outturn_loads\{state="failed"\} 1$/m);
    expect(body).toMatch(/^outturn_figures_version \d+$/m);
    expect(body).toMatch(/^outturn_pods_drifting 0$/m);
    expect(body).toMatch(/^outturn_outcomes\{state="claimed"\} 1$/m);
    expect(body).toMatch(/^outturn_outcome_waiting_seconds 3610$/m);
    expect(body).toMatch(/^outturn_evidence_broken 0$/m);
    expect(body).toMatch(/^outturn_evidence_file_bytes 11$/m);
    expect(body).toMatch(/^outturn_evidence_file_bytes_max 5368709120$/m);
    expect(body).toMatch(/^outturn_outcome_pool_used_ratio\{pool="churn"\} 0.7$/m);
    expect(body).toMatch(/^outturn_alerts_sent 0$/m);
    expect(body).toMatch(/^outturn_pod_months_quiet \d+$/m);
    expect(body).toMatch(/^outturn_queue_jobs\{queue="bulk",state="waiting"\} 0$/m);
    expect(body).toMatch(/^outturn_database_up 1$/m);
    expect(body).toContain('route="unmatched",status="404"');
    expect(body).not.toContain('12345');
    expect(body).not.toMatch(/cost|amount/i);
  });
});

describe('limits', () => {
  test('a body over the limit is refused as a problem', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'content-type': 'application/json' };
    const answer = await api.app.inject({
      method: 'POST',
      url: '/api/v1/outcomes',
      headers,
      payload: `{"title":"${'x'.repeat(1_100_000)}"}`,
    });
    expect(answer.statusCode).toBe(413);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  test('an unknown place is a problem document with the request’s id', async ({ api }) => {
    const answer = await api.app.inject({ url: '/nowhere', headers: { 'x-request-id': 'abc-1' } });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['x-request-id']).toBe('abc-1');
    expect(answer.json()).toMatchObject({ code: 'not_found', instance: 'urn:outturn:request:abc-1' });
  });

  test('a request id that could forge a log line is replaced', async ({ api }) => {
    const answer = await api.app.inject({ url: '/health', headers: { 'x-request-id': 'a b"}' } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a log line names route, status and principal, never the token', async ({ api }) => {
    const headers = await api.authorise('reader', { principal: 'logged@example.com' });
    await api.app.inject({ url: '/api/v1/pods', headers });
    expect(api.logged.at(-1)).toMatchObject({ url: '/api/v1/pods', status: 200, principal: 'logged@example.com' });
    expect(JSON.stringify(api.logged)).not.toContain(headers.authorization.slice('Bearer ot_'.length));
  });
});

describe('listening', () => {
  test('beyond loopback is refused while no token is valid, with the command that makes one', async () => {
    const { drop, ...fresh } = await createTestDatabase();
    const api = await startTestApi(fresh);
    try {
      const place = { db: fresh.db, clock: api.clock, host: '0.0.0.0', port: 0 };
      await expect(listen(api.app, place)).rejects.toMatchObject({
        code: 'not_loopback_without_token',
        message: expect.stringContaining('outturn tokens create'),
      });
      expect(api.app.server.listening).toBe(false);
      await expect(listen(api.app, { ...place, host: '127.0.0.1' })).resolves.toMatchObject({
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      });
    } finally {
      await api.close();
      await drop();
    }
  });

  test('a taken port is refused, naming PORT', async ({ api, database }) => {
    const taken = await listenSomewhere();
    const { port } = taken.address() as AddressInfo;
    const app = await buildApp({
      db: database.db,
      clock: api.clock,
      queue: api.queue,
      workDir: '/nonexistent',
      version: '0.0.0',
      logger: api.app.log,
    });
    try {
      await expect(listen(app, { db: database.db, clock: api.clock, host: '127.0.0.1', port })).rejects.toMatchObject({
        code: 'port_in_use',
        message: expect.stringContaining(`PORT=${port + 1}`),
      });
    } finally {
      await app.close();
      taken.close();
    }
  });

  test('closing answers the running request first', async ({ api, database }) => {
    const app = await buildApp({
      db: database.db,
      clock: api.clock,
      queue: api.queue,
      workDir: '/nonexistent',
      version: '0.0.0',
      logger: api.app.log,
    });
    const headers = await api.authorise('finance');
    const { url } = await listen(app, { db: database.db, clock: api.clock, host: '127.0.0.1', port: 0 });
    const lock = await database.db.startTransaction().execute();
    await sql`lock table pod in access exclusive mode`.execute(lock);
    const running = fetch(`${url}/api/v1/pods`, { headers });
    await expect
      .poll(
        async () =>
          (await sql<{ n: number }>`select count(*)::int as n from pg_locks where not granted`.execute(lock)).rows[0]
            ?.n,
      )
      .toBeGreaterThan(0);
    const closed = app.close();
    await lock.rollback().execute();
    expect((await running).status).toBe(200);
    await closed;
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed');
  });
});

async function listenSomewhere(): Promise<Server> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
