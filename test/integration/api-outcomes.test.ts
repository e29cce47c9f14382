/**
 * Stating outcomes over HTTP: nothing is coerced, unknown fields are refused, a repeated request changes nothing however it is
 * repeated, and a pod states its own outcomes only.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

const OUTCOME = {
  title: 'Fewer refunds',
  basis: 'cost_reduction',
  amount: '123456789012345678.123456789',
  currency: 'USD',
  deliveredOn: '2026-09-10',
  ownerEmail: 'val@example.com',
  shares: [{ pod: 'checkout', basisPoints: 10_000 }],
};

async function post(api: TestApi, headers: Record<string, string>, payload: object, url = '/api/v1/outcomes') {
  return api.app.inject({ method: 'POST', url, headers, payload });
}

async function count(db: { db: Parameters<typeof seedTwoPods>[0] }, table: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(db.db);
  return rows[0]?.n ?? -1;
}

async function sharesOfSearch({ db }: { db: Parameters<typeof seedTwoPods>[0] }): Promise<object[]> {
  return (await sql<object>`select * from outcome_share where pod_id = 'search' order by outcome_id`.execute(db)).rows;
}

describe('a stated outcome', () => {
  test('keeps its amount to the last decimal', async ({ api }) => {
    const headers = await api.authorise('finance');
    const stated = await post(api, headers, OUTCOME);
    expect(stated.statusCode).toBe(201);
    const { outcomeId } = stated.json<{ outcomeId: string }>();
    const listed = await api.app.inject({ url: '/api/v1/outcomes?limit=1', headers });
    expect(listed.json()).toMatchObject([{ outcomeId, amount: OUTCOME.amount, state: 'claimed' }]);
  });

  test('is refused with a number for money, naming the field; nothing is coerced', async ({ api }) => {
    const headers = await api.authorise('finance');
    const answer = await post(api, headers, { ...OUTCOME, amount: 12.5 });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'invalid_input', faults: [{ column: 'body/amount' }] });
    const shares = [{ pod: 'checkout', basisPoints: '10000' }];
    expect((await post(api, headers, { ...OUTCOME, shares })).statusCode).toBe(400);
  });

  test('is refused with a field that does not exist, naming it', async ({ api }) => {
    const answer = await post(api, await api.authorise('finance'), { ...OUTCOME, amout: '1' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toContain('"amout"');
  });

  test('that makes no sense is refused with every fault, and leaves nothing', async ({ api, database }) => {
    const before = await count(database, 'outcome');
    const answer = await post(api, await api.authorise('finance'), {
      ...OUTCOME,
      currency: 'XXQ',
      ownerEmail: 'nobody',
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.json<{ faults: unknown[] }>().faults).toHaveLength(2);
    expect(await count(database, 'outcome')).toBe(before);
  });

  test('leaves an audit event with its principal', async ({ api, database }) => {
    const headers = await api.authorise('finance', { principal: 'grace@example.com' });
    const { outcomeId } = (await post(api, headers, OUTCOME)).json<{ outcomeId: string }>();
    const audit = await api.app.inject({ url: `/api/v1/audit?subjectKind=outcome&subjectId=${outcomeId}`, headers });
    expect(audit.json()).toMatchObject([{ principal: 'grace@example.com', role: 'finance', action: 'create-outcome' }]);
    expect(database).toBeDefined();
  });
});

describe('a pod', () => {
  test('states outcomes of its own pods, and they land as claimed whatever they say', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const answer = await post(api, headers, { ...OUTCOME, state: 'verified', verifiedBy: 'grace@example.com' });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({
      state: 'claimed',
      notes: expect.arrayContaining([expect.stringContaining('verified needs the role finance')]),
    });
  });

  test('proposes shares of others beside its own, and none without', async ({ api, database }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const shares = [
      { pod: 'checkout', basisPoints: 5_000 },
      { pod: 'search', basisPoints: 5_000 },
    ];
    const proposed = await post(api, headers, { ...OUTCOME, shares });
    expect(proposed.statusCode).toBe(201);
    const { outcomeId } = proposed.json<{ outcomeId: string }>();
    const { rows } = await sql<{ pod: string }>`
      select pod_id as pod from outcome_share where outcome_id = ${outcomeId} and agreed_by is not null`.execute(
      database.db,
    );
    expect(rows).toEqual([{ pod: 'checkout' }]);
    const more = await post(api, headers, { title: 'Paid at once' }, `/api/v1/outcomes/${outcomeId}/claim`);
    expect(more.json()).toMatchObject({ change: 'changed', version: 2 });
    const search = await api.authorise('pod', { pods: ['search'], principal: 'sam@example.com' });
    expect((await post(api, search, { title: 'Ours' }, `/api/v1/outcomes/${outcomeId}/claim`)).statusCode).toBe(403);
    expect((await post(api, search, { version: 2 }, `/api/v1/outcomes/${outcomeId}/agree`)).json()).toMatchObject({
      change: 'changed',
    });
    expect((await post(api, headers, { title: 'Paid sooner' }, `/api/v1/outcomes/${outcomeId}/claim`)).statusCode).toBe(
      403,
    );
    expect((await post(api, headers, { ...OUTCOME, shares: shares.slice(1) })).statusCode).toBe(422);
  });

  test('says by its reference what it proposed to others anew, until one of them agreed', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const proposal = (title: string) => ({
      ...OUTCOME,
      title,
      references: [{ system: 'jira', key: 'PAY-77' }],
      shares: ['checkout', 'search'].map((pod) => ({ pod, basisPoints: 5_000 })),
    });
    const { outcomeId } = (await post(api, headers, proposal('Proposed'))).json<{ outcomeId: string }>();
    expect((await post(api, headers, proposal('Proposed anew'))).json()).toMatchObject({ outcomeId, version: 2 });
    const search = await api.authorise('pod', { pods: ['search'], principal: 'sam@example.com' });
    expect((await post(api, search, { version: 2 }, `/api/v1/outcomes/${outcomeId}/agree`)).statusCode).toBe(200);
    expect((await post(api, headers, proposal('Proposed too late'))).statusCode).toBe(403);
  });

  test('cannot take over another pod’s outcome by naming its reference', async ({ api, database }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const before = await sharesOfSearch(database);
    for (const key of ['Searched better', 'Found and paid']) {
      const answer = await post(api, headers, { ...OUTCOME, references: [{ system: 'jira', key }] });
      expect(answer.statusCode, key).toBe(403);
    }
    expect(await sharesOfSearch(database)).toEqual(before);
  });

  test('may change its own outcome by its reference', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const answer = await post(api, headers, { ...OUTCOME, references: [{ system: 'jira', key: 'Paid faster' }] });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ change: 'changed', version: 2 });
  });
});

describe('an Idempotency-Key', () => {
  test('makes the repeated request change nothing and answer the same bytes', async ({ api, database }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'again-1' };
    const first = await post(api, headers, OUTCOME);
    const before = await count(database, 'outcome');
    const { shares, ...rest } = OUTCOME;
    const second = await post(api, headers, { shares, ...rest });
    expect(second.statusCode).toBe(201);
    expect(second.body).toBe(first.body);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(await count(database, 'outcome')).toBe(before);
  });

  test('with another request is refused', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'again-2' };
    await post(api, headers, OUTCOME);
    const answer = await post(api, headers, { ...OUTCOME, amount: '1' });
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'idempotency_key_reused' });
  });

  test('of one principal is not that of another', async ({ api }) => {
    const grace = {
      ...(await api.authorise('finance', { principal: 'grace@example.com' })),
      'idempotency-key': 'mine',
    };
    const heidi = {
      ...(await api.authorise('finance', { principal: 'heidi@example.com' })),
      'idempotency-key': 'mine',
    };
    const one = (await post(api, grace, OUTCOME)).json<{ outcomeId: string }>();
    const two = (await post(api, heidi, OUTCOME)).json<{ outcomeId: string }>();
    expect(one.outcomeId).not.toBe(two.outcomeId);
  });

  test('sent twenty times at once does the work once', async ({ api, database }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'at-once' };
    const before = await count(database, 'outcome');
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(api, headers, OUTCOME)));
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await count(database, 'outcome')).toBe(before + 1);
  });

  test('of a refused request may be used again once the request is right', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'corrected' };
    expect((await post(api, headers, { ...OUTCOME, currency: 'XXQ' })).statusCode).toBe(422);
    expect((await post(api, headers, OUTCOME)).statusCode).toBe(201);
  });

  test('may be used again after 30 days', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'old' };
    const { outcomeId } = (await post(api, headers, OUTCOME)).json<{ outcomeId: string }>();
    api.clock.set('2026-10-15T11:59:00Z');
    const later = { ...(await api.authorise('finance')), 'idempotency-key': 'old' };
    expect((await post(api, later, OUTCOME)).json<{ outcomeId: string }>().outcomeId).toBe(outcomeId);
    api.clock.set('2026-10-16T12:00:00Z');
    expect((await post(api, later, OUTCOME)).json<{ outcomeId: string }>().outcomeId).not.toBe(outcomeId);
    api.clock.set('2026-09-15T12:00:00Z');
  });
});

const SHEET = `source_row_id,pod,title,delivered_on,basis,amount,currency,owner_email
1,checkout,Quicker,2026-09-11,cost_reduction,10.000000000001,USD,val@example.com
2,search,Safer,2026-09-12,cost_reduction,20,USD,val@example.com
`;

describe('a sheet', () => {
  const send = async (api: TestApi, headers: Record<string, string>, query: string, payload = SHEET) =>
    api.app.inject({
      method: 'POST',
      url: `/api/v1/outcomes/import?${query}`,
      headers: { ...headers, 'content-type': 'text/csv; charset=utf-8' },
      payload,
    });

  test('is checked by a dry run, imported, and unchanged the second time', async ({ api, database }) => {
    const headers = await api.authorise('ingest');
    const before = await count(database, 'outcome');
    expect((await send(api, headers, 'workbook=q3&dryRun=true')).json()).toMatchObject({ dryRun: true, created: 2 });
    expect(await count(database, 'outcome')).toBe(before);
    expect((await send(api, headers, 'workbook=q3')).json()).toMatchObject({ created: 2, rows: 2 });
    expect((await send(api, headers, 'workbook=q3')).json()).toMatchObject({ created: 0, unchanged: 2 });
    expect(await count(database, 'outcome')).toBe(before + 2);
  });

  test('with a bad cell is refused whole, with line and column', async ({ api, database }) => {
    const before = await count(database, 'outcome');
    const bad = SHEET.replace(',20,', ',twenty,');
    const answer = await send(api, await api.authorise('finance'), 'workbook=bad', bad);
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'invalid_outcomes', faults: [{ line: 3, column: 'amount' }] });
    expect(await count(database, 'outcome')).toBe(before);
  });

  test('that is not CSV by its type is refused', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'content-type': 'application/json' };
    const answer = await api.app.inject({
      method: 'POST',
      url: '/api/v1/outcomes/import?workbook=x',
      headers,
      payload: { a: 1 },
    });
    expect(answer.statusCode).toBe(400);
  });
});

describe('pages', () => {
  test('lead through all outcomes once, and an invented cursor is refused', async ({ api }) => {
    const headers = await api.authorise('reader');
    const seen: string[] = [];
    let url: string | undefined = '/api/v1/outcomes?limit=3';
    while (url !== undefined) {
      const answer: Awaited<ReturnType<typeof post>> = await api.app.inject({ url, headers });
      seen.push(...answer.json<{ outcomeId: string }[]>().map((one) => one.outcomeId));
      url = /^<(.+)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''))?.[1];
    }
    const all = (await api.app.inject({ url: '/api/v1/outcomes?limit=1000', headers })).json<{ outcomeId: string }[]>();
    expect(seen).toEqual(all.map((one) => one.outcomeId));
    for (const query of [
      'cursor=invented',
      'limit=1001',
      'limit=0',
      `cursor=${Buffer.from('["x"]').toString('base64url')}`,
    ]) {
      expect((await api.app.inject({ url: `/api/v1/outcomes?${query}`, headers })).statusCode, query).toBe(400);
    }
  });
});
