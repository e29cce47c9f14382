/**
 * Limits over HTTP: a pod asks for its own envelope only, finance decides and never who asked, a pipeline activates patterns, and a repeated request
 * changes nothing however it is repeated.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { SECRETS_OF_SEARCH, seedTwoPods, withoutRandomIds } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  await sql`insert into portfolio (id, name, finance_partner_email) values ('commerce', 'Commerce', 'grace@example.com')`.execute(
    database.db,
  );
  await sql`update pod set portfolio_id = 'commerce'`.execute(database.db);
  await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id)
    values ('checkout', '-infinity', 'infinity', 'commerce')`.execute(database.db);
  await sql`update pattern set envelope_every = 'quarter', envelope_limit = 900, envelope_currency = 'USD'`.execute(
    database.db,
  );
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

interface Headers {
  readonly authorization: string;
  readonly 'idempotency-key'?: string;
}

const get = (api: TestApi, headers: Headers, url: string) =>
  api.app.inject({ url: `/api/v1/${url}`, headers: { ...headers } });
const post = (api: TestApi, headers: Headers, url: string, payload: object = {}) =>
  api.app.inject({ method: 'POST', url: `/api/v1/${url}`, headers: { ...headers }, payload });

async function idOf({ db }: TestDatabase, podId: string): Promise<string> {
  const { rows } = await sql<{
    id: string;
  }>`select id::text as id from envelope where scope_id = ${podId} order by envelope.id limit 1`.execute(db);
  return rows[0]?.id ?? '';
}

describe('a raise over HTTP', () => {
  test('is asked for by the pod, decided by its finance partner only, and stands in the history', async ({
    api,
    database,
  }) => {
    const ada = await api.authorise('pod', { pods: ['checkout'], principal: 'ada@example.com' });
    const grace = await api.authorise('finance', { principal: 'grace@example.com' });
    const envelopeId = await idOf(database, 'checkout');
    const asked = await post(api, ada, `envelopes/${envelopeId}/raises`, {
      limit: '300.50',
      reason: 'Load test',
      until: '2026-09-30',
    });
    expect(asked.statusCode).toBe(202);
    const { requestId } = asked.json<{ requestId: string }>();
    expect(asked.json()).toEqual({ requestId, state: 'pending', approvers: ['grace@example.com'] });
    const others = [
      await api.authorise('finance', { principal: 'ada@example.com' }),
      await api.authorise('finance', { principal: 'oscar@example.com' }),
    ];
    for (const headers of [ada, await api.authorise('operator'), ...others]) {
      for (const decision of ['grant', 'refuse']) {
        const answer = await post(api, headers, `raises/${requestId}/${decision}`);
        expect(answer.statusCode).toBe(403);
        expect(answer.json()).toMatchObject({ code: 'forbidden' });
      }
    }
    const keyed = { ...grace, 'idempotency-key': 'decide-1' };
    const granted = await post(api, keyed, `raises/${requestId}/grant`, { reason: 'Agreed' });
    expect(granted.json()).toEqual({ requestId, state: 'granted' });
    expect((await post(api, keyed, `raises/${requestId}/grant`, { reason: 'Agreed' })).body).toBe(granted.body);
    expect((await post(api, grace, `raises/${requestId}/grant`)).statusCode).toBe(409);
    const history = (await get(api, ada, `envelopes/${envelopeId}/versions`)).json<{
      versions: object[];
      raises: object[];
    }>();
    expect(history.versions).toMatchObject([
      { version: 1, limit: '200', method: 'asserted' },
      { version: 2, limit: '300.5', method: 'granted', approvedBy: 'grace@example.com', requestId },
    ]);
    expect(history.raises).toMatchObject([
      { requestId, state: 'granted', until: '2026-09-30', decisionReason: 'Agreed', requestedVia: 'api', version: 2 },
      { state: 'refused' },
    ]);
  });

  test('shows a pod its own envelopes only, in every list', async ({ api, database }) => {
    const ada = await api.authorise('pod', { pods: ['checkout'], principal: 'ada@example.com' });
    const foreign = await idOf(database, 'search');
    expect((await get(api, ada, `envelopes/${foreign}/versions`)).statusCode).toBe(404);
    expect((await post(api, ada, `envelopes/${foreign}/raises`, { limit: '99999', reason: 'x' })).statusCode).toBe(404);
    for (const url of ['envelopes', 'raises', 'activations']) {
      const answer = await get(api, ada, url);
      expect(answer.statusCode).toBe(200);
      expect(answer.json<object[]>().length).toBeGreaterThan(0);
      for (const secret of [...SECRETS_OF_SEARCH, '"search"', 'unattributed'])
        expect(withoutRandomIds(answer.body), url).not.toContain(secret);
    }
    expect((await get(api, ada, 'portfolios/commerce/headroom')).statusCode).toBe(403);
  });

  test('is refused with a number for money and with an unknown field', async ({ api, database }) => {
    const ada = await api.authorise('pod', { pods: ['checkout'] });
    const url = `envelopes/${await idOf(database, 'checkout')}/raises`;
    for (const body of [{ limit: 500, reason: 'x' }, { limit: '500' }, { limit: '500', reason: 'x', amount: '1' }]) {
      expect((await post(api, ada, url, body)).statusCode).toBe(400);
    }
  });
});

describe('what finance and pipelines set over HTTP', () => {
  test('a limit is approved by the scope’s partner, and the headroom of its portfolio follows to the cent', async ({
    api,
  }) => {
    const grace = await api.authorise('finance', { principal: 'grace@example.com' });
    const q4 = { period: '2026-Q4', currency: 'USD' };
    const set = (headers: Headers, body: object) => post(api, headers, 'envelopes', { ...q4, ...body });
    expect((await set(grace, { scope: { portfolio: 'commerce' }, limit: '1000.03' })).statusCode).toBe(201);
    expect((await set(grace, { scope: { pod: 'checkout' }, limit: '400.01', approval: 'FIN-1' })).json()).toMatchObject(
      { change: 'created' },
    );
    expect((await set(grace, { scope: { pod: 'checkout' }, limit: '400.01', approval: 'FIN-1' })).json()).toMatchObject(
      { change: 'unchanged' },
    );
    const oscar = await api.authorise('finance', { principal: 'oscar@example.com' });
    expect((await set(oscar, { scope: { pod: 'checkout' }, limit: '500' })).statusCode).toBe(403);
    expect((await set(oscar, { scope: { organisation: true }, limit: '5000' })).statusCode).toBe(201);
    expect((await set(oscar, { scope: { organisation: true, pod: 'checkout' }, limit: '5000' })).statusCode).toBe(400);
    const headroom = await get(api, await api.authorise('reader'), 'portfolios/commerce/headroom?period=2026-Q4');
    expect(headroom.json()).toMatchObject([
      {
        portfolioId: 'commerce',
        limit: '1000.03',
        approved: '400.01',
        headroom: '600.02',
        pods: [{ podId: 'checkout', limit: '400.01' }],
      },
    ]);
    const listed = (await get(api, grace, 'envelopes?period=2026-Q4')).json<
      { scope: { kind: string }; headroom: string }[]
    >();
    expect(listed.find(({ scope }) => scope.kind === 'portfolio')).toMatchObject({
      approvedForPods: '400.01',
      headroom: '600.02',
    });
  });

  test('an activation by a pipeline is one, by its key and by what it says', async ({ api, database }) => {
    const pipeline = await api.authorise('ingest', { principal: 'platform' });
    const body = { podId: 'checkout', patternId: 'sandbox', on: '2026-07-01' };
    const keyed = { ...pipeline, 'idempotency-key': 'activate-1' };
    const first = await post(api, keyed, 'activations', body);
    expect(first.statusCode).toBe(201);
    expect(first.json()).toMatchObject({
      change: 'created',
      approvalsAvoided: 2,
      exceedsHeadroom: false,
      envelopes: [{ period: '2026-Q3' }],
    });
    const repeated = await post(api, keyed, 'activations', body);
    expect([repeated.statusCode, repeated.body, repeated.headers['idempotency-replayed']]).toEqual([
      201,
      first.body,
      'true',
    ]);
    const again = await post(api, pipeline, 'activations', body);
    expect([again.statusCode, again.json()]).toEqual([200, { ...first.json<object>(), change: 'unchanged' }]);
    const { rows } = await sql`select 1 from activation where activated_on = '2026-07-01'`.execute(database.db);
    expect(rows).toHaveLength(1);
    expect((await post(api, await api.authorise('reader'), 'activations', body)).statusCode).toBe(403);
  });

  test('every list has its table as CSV', async ({ api, database }) => {
    const grace = { ...(await api.authorise('finance', { principal: 'grace@example.com' })), accept: 'text/csv' };
    const envelopeId = await idOf(database, 'checkout');
    for (const url of [
      'envelopes',
      'raises',
      'activations',
      `envelopes/${envelopeId}/versions`,
      'portfolios/commerce/headroom',
    ]) {
      const answer = await get(api, grace, url);
      const [head, row] = answer.body.split('\r\n');
      expect(row?.split(',').length, url).toBe(head?.split(',').length);
    }
  });
});
