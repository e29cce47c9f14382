/**
 * Who may come in and what they are told otherwise: tokens over HTTP, roles per route, problem documents, and the routes that stand
 * outside. Everything runs against the real app, database and queue.
 */
import { describe, expect } from 'vitest';
import { revokeToken } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

/** Every route, with the roles that may call it; the table of docs/api.md. */
const MAY_CALL: Record<string, readonly string[]> = {
  'GET /api/v1/pods': ['finance', 'cio', 'operator', 'reader', 'pod'],
  'GET /api/v1/outcomes': ['finance', 'cio', 'operator', 'reader', 'pod'],
  'GET /api/v1/audit': ['finance', 'operator'],
};
const ROLES = ['finance', 'cio', 'operator', 'reader', 'ingest'] as const;

describe('a token', () => {
  test('is asked for on every route under /api/v1', async ({ api }) => {
    for (const route of Object.keys(MAY_CALL)) {
      const [method, url] = route.split(' ') as ['GET', string];
      const answer = await api.app.inject({ method, url });
      expect(answer.statusCode, route).toBe(401);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.headers['www-authenticate']).toContain('Bearer');
      expect(answer.json()).toMatchObject({ code: 'unauthenticated', status: 401 });
    }
  });

  test('opens the routes of its role and no other', async ({ api }) => {
    for (const role of ROLES) {
      const headers = await api.authorise(role);
      for (const [route, roles] of Object.entries(MAY_CALL)) {
        const [method, url] = route.split(' ') as ['GET', string];
        const answer = await api.app.inject({ method, url, headers });
        expect(answer.statusCode, `${role} ${route}`).toBe(roles.includes(role) ? 200 : 403);
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
