/**
 * Closing over HTTP: who may prepare, approve and read, the document to the byte, and that a pod's token sees of a closed month what it
 * sees of an open one: its own.
 */
import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { sumPodMonths } from '../../services/attribution/pod-months.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { SECRETS_OF_SEARCH, seedTwoPods } from '../support/two-pods.ts';

const FORCED = { period: '2026-09', force: true, reason: 'the bill ends on the 14th' };

/** The API on 20 October; September's bill reaches the 14th only. */
const test = base
  .extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
    await seedTwoPods(database.db);
    const api = await startTestApi(database);
    api.clock.set('2026-10-20T08:00:00Z');
    onCleanup(() => api.close());
    return api;
  })
  .extend('call', { scope: 'file' }, async ({ api }) => {
    const headers = {
      finance: await api.authorise('finance'),
      operator: await api.authorise('operator'),
      reader: await api.authorise('reader'),
      pod: await api.authorise('pod', { pods: ['checkout'] }),
    };
    return async (role: keyof typeof headers, method: 'GET' | 'POST', url: string, body?: object, accept?: string) => {
      const answer = await api.app.inject({
        method,
        url: `/api/v1${url}`,
        headers: { ...headers[role], ...(accept === undefined ? {} : { accept }) },
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, text: answer.body, json: () => answer.json() };
    };
  });

async function moveFigures(db: Kysely<DB>): Promise<void> {
  await sql`update pod_day set effective_cost = effective_cost + 7 where kind = 'direct'`.execute(db);
  await sumPodMonths(db, ['2026-08-01', '2026-09-01', '2026-10-01']);
  await sql`update organisation set figures_version = figures_version + 1`.execute(db);
}

describe('a month closed over HTTP', () => {
  test('is prepared by one, approved by another, and read by whoever reads it all', async ({ call }) => {
    expect(await call('reader', 'POST', '/statements', FORCED)).toMatchObject({ status: 403 });
    const refused = await call('operator', 'POST', '/statements', { period: '2026-09' });
    expect(refused).toMatchObject({ status: 409 });
    expect(refused.json()).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('has usage up to 2026-09-14'),
    });
    expect((await call('operator', 'POST', '/statements', { period: '2026-09', reason: 'x' })).status).toBe(400);

    const own = await call('finance', 'POST', '/statements', FORCED);
    expect(own.status).toBe(201);
    const ownId = own.json().statement.statementId;
    expect((await call('finance', 'POST', `/statements/${ownId}/approve`)).json()).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect((await call('operator', 'POST', `/statements/${ownId}/approve`)).status).toBe(403);
    expect((await call('operator', 'POST', `/statements/${ownId}/discard`)).json()).toMatchObject({
      state: 'discarded',
    });

    const prepared = (await call('operator', 'POST', '/statements', FORCED)).json();
    expect(prepared).toMatchObject({
      statement: {
        period: '2026-09',
        state: 'prepared',
        preparedBy: 'operator@example.com',
        forcedReason: FORCED.reason,
      },
      readiness: [{ sourceId: 'files', state: 'late' }],
    });
    const { statementId, documentHash } = prepared.statement;
    const open = (await call('reader', 'GET', '/reports/value-per-pod?period=2026-09')).json();
    const approved = await call('finance', 'POST', `/statements/${statementId}/approve`);
    expect(approved.json()).toMatchObject({
      state: 'approved',
      isCurrent: true,
      ordinal: 1,
      approvedBy: 'finance@example.com',
    });

    const document = await call('reader', 'GET', `/statements/${statementId}`);
    expect(createHash('sha256').update(document.text).digest('hex')).toBe(documentHash);
    expect((await call('reader', 'GET', '/statements?limit=1')).json()).toEqual([approved.json()]);
    expect((await call('reader', 'GET', '/statements?state=discarded')).json()).toMatchObject([{ statementId: ownId }]);
    expect((await call('reader', 'GET', '/statements/99')).status).toBe(404);
    expect((await call('reader', 'GET', '/statements/verification')).json()).toEqual({
      verified: true,
      checked: 1,
      head: approved.json().hash,
      broken: null,
    });
    expect((await call('reader', 'GET', '/reports/value-per-pod?period=2026-09')).json()).toEqual({
      ...open,
      state: 'closed',
      statementId,
    });
  });

  test('shows a pod its own row, share and adjustments, and nothing of another', async ({ call, database }) => {
    await moveFigures(database.db);
    for (const url of [
      '/statements',
      '/statements/1',
      '/statements/verification',
      '/reports/adjustments?period=2026-10',
    ]) {
      expect((await call('pod', 'GET', url)).status).toBe(403);
    }
    const september = await call('pod', 'GET', '/reports/value-per-pod?period=2026-09&asNow=true');
    expect(september.json()).toMatchObject({
      state: 'closed',
      statementId: '2',
      pods: [{ podId: 'checkout', cost: { direct: '100', shared: '10' } }],
      total: { cost: '110' },
      asNow: { state: 'open', pods: [{ podId: 'checkout', cost: { direct: '107', shared: '10' } }] },
    });
    const quarter = await call('pod', 'GET', '/reports/value-per-pod?period=2026-Q3');
    expect(quarter.json()).toMatchObject({
      state: 'mixed',
      pods: [{ cost: { total: '110' }, value: { claimed: '550' } }],
    });
    const october = await call('pod', 'GET', '/reports/value-per-pod?period=2026-Q4');
    expect(october.json().pods).toMatchObject([{ podId: 'checkout', adjustments: { cost: '7', value: '0' } }]);
    const costs = await call('pod', 'GET', '/reports/costs?period=2026-09&by=pod,kind');
    expect(costs.json()).toMatchObject({
      state: 'closed',
      rows: [
        { pod: 'checkout', kind: 'direct', effectiveCost: '100' },
        { pod: 'checkout', kind: 'shared', effectiveCost: '10' },
      ],
    });
    const csv = await call('pod', 'GET', '/reports/value-per-pod?period=2026-09', undefined, 'text/csv');
    for (const answer of [september, quarter, october, costs, csv]) {
      expect(answer.status).toBe(200);
      for (const secret of SECRETS_OF_SEARCH) expect(answer.text).not.toContain(secret);
    }
  });

  test('is corrected in the open month, line by line, as JSON and CSV', async ({ call }) => {
    const report = await call('finance', 'GET', '/reports/adjustments?period=2026-10');
    expect(
      report
        .json()
        .lines.map((line: { podId: string | null; effectiveCost: string }) => [line.podId, line.effectiveCost]),
    ).toEqual([
      ['checkout', '7'],
      ['search', '7'],
      [null, '7'],
    ]);
    const csv = await call('finance', 'GET', '/reports/adjustments?period=2026-10', undefined, 'text/csv');
    expect(csv.text.split('\r\n')[1]).toBe('2026-10,,2026-09,2,checkout,direct,,,USD,0,7,0,0,0,USD,0,7,0,0,0,2026-10');
    const { asNow, ...stated } = (await call('finance', 'GET', '/reports/costs?period=2026-09&asNow=true')).json();
    expect(stated.state).toBe('closed');
    expect(asNow.state).toBe('open');
  });
});
