/** Usage metrics over HTTP and on the command line: one document either way, roles, and refusals as problem documents. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { makeWorkplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

const SHEET =
  'metric,unit,pod,period,quantity\nrequests,calls,checkout,2026-09-01,10\nrequests,,search,2026-09-01,30\n';

async function importSheet(api: TestApi, headers: Record<string, string>, payload = SHEET, query = '') {
  const url = `/api/v1/metrics/import${query}`;
  return api.app.inject({ method: 'POST', url, headers: { ...headers, 'content-type': 'text/csv' }, payload });
}

describe('usage metrics over HTTP', () => {
  test('a sheet is imported once, however often it is sent', async ({ api }) => {
    const headers = await api.authorise('ingest');
    const first = await importSheet(api, headers);
    expect(first.statusCode).toBe(200);
    expect(first.json()).toMatchObject({ rows: 2, added: 2, unchanged: 0 });
    expect((await importSheet(api, headers)).json()).toMatchObject({ added: 0, unchanged: 2 });
  });

  test('quantities of one metric are exact text, and keep their history', async ({ api }) => {
    const headers = await api.authorise('finance');
    const url = '/api/v1/metrics/storage/quantities';
    const post = (quantity: unknown) =>
      api.app.inject({
        method: 'POST',
        url,
        headers,
        payload: { unit: 'GB', quantities: [{ pod: 'checkout', period: '2026-09', quantity }] },
      });
    expect((await post('12345678901234567890.000000000001')).json()).toMatchObject({ added: 1 });
    api.clock.set('2026-09-16T12:00:00Z');
    expect((await post('2')).json()).toMatchObject({ changed: 1 });
    expect((await post(2)).statusCode).toBe(400);
    const readers = await api.authorise('reader');
    const first = await api.app.inject({ url: `${url}?limit=1`, headers: readers });
    expect(first.json()).toEqual([
      {
        quantityId: expect.any(String),
        podId: 'checkout',
        period: '2026-09',
        quantity: '12345678901234567890.000000000001',
        knownFrom: '2026-09-15T12:00:00.000Z',
        knownUntil: '2026-09-16T12:00:00.000Z',
        source: 'api',
        recordedBy: 'finance@example.com',
      },
    ]);
    const next = /<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? '';
    const second = await api.app.inject({ url: next, headers: readers });
    expect(second.json()).toMatchObject([{ quantity: '2', knownUntil: null }]);
    expect(second.headers.link).toBeUndefined();
  });

  test('a sheet at fault is a problem document with line and column, and stores nothing', async ({ api }) => {
    const headers = await api.authorise('operator');
    const answer = await importSheet(
      api,
      headers,
      'metric,unit,pod,period,quantity\nnew,GB,checkot,2026-09,1\n',
      '?fileName=gb.csv',
    );
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'invalid_input',
      faults: [{ file: 'gb.csv', line: 2, column: 'pod', fix: 'Did you mean "checkout"?' }],
    });
    const unknown = await api.app.inject({ url: '/api/v1/metrics/new/quantities', headers });
    expect(unknown.statusCode).toBe(404);
  });

  test('pods and readers import nothing, and a pod does not read what others used', async ({ api }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'] });
    expect((await importSheet(api, pod)).statusCode).toBe(403);
    expect((await importSheet(api, await api.authorise('reader'))).statusCode).toBe(403);
    expect((await api.app.inject({ url: '/api/v1/metrics', headers: pod })).statusCode).toBe(403);
  });

  test('the command line imports and lists what the API shows, byte for byte', async ({ api, database }) => {
    const workplace = await makeWorkplace({ DATABASE_URL: database.url });
    onTestFinished(() => workplace.remove());
    await writeFile(
      join(workplace.folder, 'jobs.csv'),
      'metric,unit,pod,period,quantity\njobs,runs,search,2026-09,4\n',
    );
    const imported = await workplace.json('metrics', 'import', 'jobs.csv');
    expect(imported).toMatchObject({ added: 1, metrics: [{ metricId: 'jobs', isNew: true }] });
    const headers = await api.authorise('cio');
    const listed = await workplace.run('metrics', '--json');
    expect(listed.stdout).toBe((await api.app.inject({ url: '/api/v1/metrics', headers })).body);
    const csv = await api.app.inject({ url: '/api/v1/metrics', headers: { ...headers, accept: 'text/csv' } });
    expect((await workplace.run('metrics', 'list', '--format', 'csv')).stdout).toBe(csv.body);
    expect(csv.body).toContain('jobs,runs,month,2026-09-01,2026-10-01,1,1,4,0,');
    const refused = await workplace.run('metrics', 'import', 'missing.csv');
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('missing.csv cannot be read')]);
  });
});
