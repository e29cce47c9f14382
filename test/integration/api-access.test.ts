/**
 * Who may come in and what they are told otherwise: tokens over HTTP, roles per route, problem documents, and the routes that stand
 * outside. Everything runs against the real app, database and queue.
 */
import { describe, expect } from 'vitest';
import { revokeToken } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

/** Every route with a question that it can answer, and who may ask it. */
const WHOLE_READERS = ['finance', 'cio', 'operator', 'reader'];
const MAY_CALL: Record<string, readonly string[]> = {
  'GET /api/v1/reports/value-per-pod?period=2026-09': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/reports/costs?period=2026-09': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/reports/reconciliation?period=2026-09': WHOLE_READERS,
  'GET /api/v1/charges?resourceId=x': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/origins/1/explanation': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/envelopes': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/alerts': [...WHOLE_READERS, 'pod'],
  'POST /api/v1/alerts/x/acknowledge': ['finance', 'operator', 'pod'],
  'POST /api/v1/alerts/x/snooze': ['finance', 'operator', 'pod'],
  'POST /api/v1/alerts/x/release': ['finance'],
  'POST /api/v1/alerts/x/dismiss': ['finance'],
  'POST /api/v1/alerts/x/retry': ['finance', 'operator'],
  'GET /api/v1/outcomes': [...WHOLE_READERS, 'pod'],
  'POST /api/v1/outcomes': ['finance', 'operator', 'pod', 'ingest'],
  'POST /api/v1/outcomes/import?workbook=w': ['finance', 'operator', 'ingest'],
  'GET /api/v1/outcomes/enabled': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/outcome-pools': [...WHOLE_READERS, 'pod'],
  'POST /api/v1/outcome-pools': ['finance'],
  'GET /api/v1/reports/enabling?period=2026-09': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/outcomes/1/evidence': [...WHOLE_READERS, 'pod'],
  'POST /api/v1/outcomes/1/evidence': ['finance', 'operator', 'pod', 'ingest'],
  'POST /api/v1/outcomes/1/evidence/1/mend': ['finance'],
  'GET /api/v1/loads': WHOLE_READERS,
  'POST /api/v1/loads': ['finance', 'operator', 'ingest'],
  'GET /api/v1/pods': [...WHOLE_READERS, 'pod'],
  'GET /api/v1/audit': ['finance', 'operator'],
};
const ROLES = ['finance', 'cio', 'operator', 'reader', 'ingest', 'pod'] as const;

describe('a token', () => {
  test('is asked for on every route under /api/v1', async ({ api }) => {
    for (const route of Object.keys(MAY_CALL)) {
      const [method, url] = route.split(' ') as ['GET' | 'POST', string];
      const answer = await api.app.inject({ method, url });
      expect(answer.statusCode, route).toBe(401);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.headers['www-authenticate']).toContain('Bearer');
      expect(answer.json()).toMatchObject({ code: 'unauthenticated', status: 401 });
    }
  });

  test('opens the routes of its role and no other', async ({ api }) => {
    for (const role of ROLES) {
      const headers = await api.authorise(role, role === 'pod' ? { pods: ['checkout'] } : {});
      for (const [route, roles] of Object.entries(MAY_CALL)) {
        const [method, url] = route.split(' ') as ['GET' | 'POST', string];
        const answer = await api.app.inject({ method, url, headers });
        if (roles.includes(role)) expect([200, 400, 404, 415], `${role} ${route}`).toContain(answer.statusCode);
        else expect(answer.statusCode, `${role} ${route}`).toBe(403);
      }
    }
  });

  test('that was revoked is refused at once', async ({ api, database }) => {
    const headers = await api.authorise('reader', { principal: 'leaving@example.com' });
    expect((await api.app.inject({ url: '/api/v1/pods', headers })).statusCode).toBe(200);
    const tokenId = headers.authorization.split('_')[1] ?? '';
    await database.db.transaction().execute((trx) => revokeToken(trx, tokenId, localOperator, api.clock.now()));
    expect((await api.app.inject({ url: '/api/v1/pods', headers })).statusCode).toBe(401);
  });

  test('that has expired is refused', async ({ api }) => {
    const headers = await api.authorise('reader');
    api.clock.set('2026-12-01T00:00:00Z');
    const answer = await api.app.inject({ url: '/api/v1/pods', headers });
    api.clock.set('2026-09-15T12:00:00Z');
    expect(answer.statusCode).toBe(401);
  });
});
