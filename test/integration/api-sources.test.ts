/** Sources over HTTP: how each stands, its looks page by page with their faults, and its checks; the command line says the same. */
import { sql } from 'kysely';
import { describe, expect, onTestFinished } from 'vitest';
import { readSourceFigures } from '../../db/queries/source-figures.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { makeWorkplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';

const FAULT = { file: 'bill.csv', line: 17, column: 'BilledCost', reason: '"much" is not a number' };

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  const { db } = database;
  await sql`insert into source (id, kind, settings) values ('gone', 'focus-files', '{"path": "/nowhere/at/all"}')`.execute(
    db,
  );
  await sql`
    insert into source_run (source_id, reason, started_at, finished_at, outcome, error_code, error_message, faults)
    values ('gone', 'request', '2026-09-15T10:00:00Z', '2026-09-15T10:00:01Z', 'unchanged', null, null, '[]'),
      ('gone', 'schedule', '2026-09-15T11:00:00Z', '2026-09-15T11:00:01Z', 'failed', 'invalid_bill', 'one fault',
        ${JSON.stringify([FAULT])}::jsonb)`.execute(db);
  await sql`
    insert into source_schedule (source_id, next_run_at, failures, open_since, settings)
    values ('gone', '2026-09-15T12:15:00Z', 5, '2026-09-15T11:00:01Z', '{"path": "/nowhere/at/all"}')`.execute(db);
  await sql`insert into source_spending (source_id, on_date, requests, amount) values ('gone', '2026-09-15', 12, 0.12)`.execute(
    db,
  );
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

describe('a source over HTTP', () => {
  test('stands in one sentence, with its last look, its faults and what its calls came to', async ({ api }) => {
    const answer = await api.app.inject({ url: '/api/v1/sources', headers: await api.authorise('reader') });
    expect(answer.json()).toMatchObject([
      {
        sourceId: 'gone',
        state: 'paused',
        failures: 5,
        lastRun: { reason: 'schedule', outcome: 'failed', error: { code: 'invalid_bill', faults: [FAULT] } },
        latest: null,
        refused: null,
        spentToday: { requests: '12', bytesBilled: '0', amount: '0.12' },
        nextRunAt: '2026-09-15T12:15:00.000Z',
        summary: expect.stringMatching(/^paused since 2026-09-15T11:00:01.000Z after 5 failures in a row .*one fault/),
      },
    ]);
  });

  test('has its looks page by page, newest first', async ({ api }) => {
    const headers = await api.authorise('cio');
    const first = await api.app.inject({ url: '/api/v1/sources/gone/runs?limit=1', headers });
    expect(first.json()).toMatchObject([{ outcome: 'failed' }]);
    const next = /<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? '';
    const second = await api.app.inject({ url: next, headers });
    expect(second.json()).toMatchObject([{ outcome: 'unchanged', error: null, range: null }]);
    expect(second.headers.link).toBeUndefined();
    expect((await api.app.inject({ url: '/api/v1/sources/other/runs', headers })).statusCode).toBe(404);
  });

  test('is checked by an operator, who is told the fix', async ({ api }) => {
    const check = async (role: 'operator' | 'finance') =>
      api.app.inject({ method: 'POST', url: '/api/v1/sources/gone/check', headers: await api.authorise(role) });
    expect((await check('operator')).json()).toMatchObject({
      sourceId: 'gone',
      checks: [{ subject: 'folder', state: 'wrong', message: expect.stringContaining('correct path') }],
    });
    expect((await check('finance')).statusCode).toBe(403);
  });

  test('is watched by monitoring', async ({ api }) => {
    const { body } = await api.app.inject({ url: '/metrics' });
    expect(body).toMatch(/^outturn_source_last_success_age_seconds\{source="gone"\} 7199$/m);
    expect(body).toMatch(/^outturn_source_failures\{source="gone"\} 5$/m);
    expect(body).toMatch(/^outturn_source_circuit_open\{source="gone"\} 1$/m);
    expect(body).toMatch(/^outturn_source_requests_today\{source="gone"\} 12$/m);
    expect(body).toMatch(/^outturn_source_spent_today_microdollars\{source="gone"\} 120000$/m);
  });

  test('ages from its first look where none ever went well', async ({ trx }) => {
    await sql`insert into source (id, kind, settings) values ('never', 'focus-files', '{"path": "x"}')`.execute(trx);
    await sql`
      insert into source_run (source_id, reason, started_at, finished_at, outcome, error_message)
      values ('never', 'schedule', '2026-09-15T10:00:00Z', '2026-09-15T10:00:01Z', 'failed', 'no'),
        ('never', 'schedule', '2026-09-15T11:00:00Z', '2026-09-15T11:00:01Z', 'failed', 'no')`.execute(trx);
    const figures = await readSourceFigures(trx, new Date('2026-09-15T12:00:00Z'));
    expect(figures.find(({ sourceId }) => sourceId === 'never')).toMatchObject({ successAgeSeconds: 7200 });
  });

  test('has the same looks on the command line', async ({ api, database }) => {
    const workplace = await makeWorkplace({ DATABASE_URL: database.url });
    onTestFinished(() => workplace.remove());
    const headers = await api.authorise('reader');
    const { runs } = (await workplace.json('sources', 'runs', 'gone')) as { runs: unknown };
    expect(runs).toEqual((await api.app.inject({ url: '/api/v1/sources/gone/runs', headers })).json());
  });
});
