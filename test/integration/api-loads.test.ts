/** Bills over HTTP: what came in, and asking a source for more: recorded, put into the real queue, once. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { buildApp } from '../../api/app.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

async function startSync(api: TestApi, headers: Record<string, string>, payload: object) {
  return api.app.inject({ method: 'POST', url: '/api/v1/loads', headers, payload });
}

async function waitingJobs(api: TestApi): Promise<number> {
  return (await api.queue.counts()).bulk['waiting'] ?? 0;
}

describe('GET /loads', () => {
  test('shows loads newest first, with their files and exact totals', async ({ api }) => {
    const headers = await api.authorise('reader');
    const answer = await api.app.inject({ url: '/api/v1/loads', headers });
    expect(answer.json()).toMatchObject([
      {
        sourceId: 'files',
        billingPeriod: '2026-09',
        state: 'published',
        rows: 10,
        rejectedRows: 0,
        files: [{ name: 'bill.csv', sha256: 'abc', rows: 10 }],
        totals: [{ billingCurrency: 'USD', billedCost: '25670.47' }],
      },
    ]);
    const none = await api.app.inject({ url: '/api/v1/loads?state=failed', headers });
    expect(none.json()).toEqual([]);
  });
});

describe('POST /loads', () => {
  test('records who asked, puts the job into the queue and names it', async ({ api }) => {
    const before = await waitingJobs(api);
    const answer = await startSync(api, await api.authorise('ingest'), { sourceId: 'files' });
    expect(answer.statusCode).toBe(202);
    const { job } = answer.json<{ job: { name: string; jobId: string } }>();
    expect(job.name).toBe('sync-source');
    expect(await api.queue.state('sync-source', job.jobId)).toBe('waiting');
    expect(await waitingJobs(api)).toBe(before + 1);
    const operator = await api.authorise('operator');
    const audit = await api.app.inject({ url: '/api/v1/audit?action=request-sync', headers: operator });
    expect(audit.json()).toMatchObject([
      { principal: 'ingest@example.com', subjectKind: 'source', subjectId: 'files', details: { jobId: job.jobId } },
    ]);
  });

  test('repeated with its key is one job', async ({ api }) => {
    const before = await waitingJobs(api);
    const headers = { ...(await api.authorise('operator')), 'idempotency-key': 'sync-1' };
    const first = await startSync(api, headers, { sourceId: 'files' });
    const second = await startSync(api, headers, { sourceId: 'files' });
    expect(second.body).toBe(first.body);
    expect(await waitingJobs(api)).toBe(before + 1);
  });

  test('whose job did not reach the queue is repeated with its key and then does', async ({ api, database }) => {
    const lost = await buildApp({
      db: database.db,
      clock: api.clock,
      queue: { ...api.queue, add: () => Promise.reject(new Error('the connection broke')) },
      workDir: '/nonexistent',
      version: '0.0.0',
      logger: api.app.log,
    });
    const before = await waitingJobs(api);
    const headers = { ...(await api.authorise('operator')), 'idempotency-key': 'sync-2' };
    const payload = { sourceId: 'files' };
    const first = await lost.inject({ method: 'POST', url: '/api/v1/loads', headers, payload });
    await lost.close();
    expect(first.statusCode).toBe(500);
    expect(await waitingJobs(api)).toBe(before);
    expect((await startSync(api, headers, payload)).statusCode).toBe(202);
    expect(await waitingJobs(api)).toBe(before + 1);
  });

  test('of a source that does not exist is refused and leaves nothing', async ({ api, database }) => {
    const before = await waitingJobs(api);
    const answer = await startSync(api, await api.authorise('operator'), { sourceId: 'nowhere' });
    expect(answer.statusCode).toBe(404);
    expect(await waitingJobs(api)).toBe(before);
    const { rows } = await sql`select from audit_event where subject_id = 'nowhere'`.execute(database.db);
    expect(rows).toEqual([]);
  });

  test('may let accounts disappear for an operator only', async ({ api }) => {
    const payload = { sourceId: 'files', mayDropAccounts: true };
    expect((await startSync(api, await api.authorise('finance'), payload)).statusCode).toBe(403);
    expect((await startSync(api, await api.authorise('operator'), payload)).statusCode).toBe(202);
  });
});
