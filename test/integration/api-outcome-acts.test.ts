/**
 * Acts on outcomes over HTTP: who may call them, what a pod sees and touches, repeated requests, problems that name the fix; what closed
 * months make of a retraction; and what was counted at an instant before.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { hideFacts } from '../../services/replay/known-facts.ts';
import { inShadow } from '../../services/replay/shadow.ts';
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
  amount: '300',
  currency: 'USD',
  deliveredOn: '2026-09-10',
  ownerEmail: 'val@example.com',
  shares: [{ pod: 'checkout', basisPoints: 10_000 }],
  baseline: { text: 'refunds of August', isOwnBill: false },
};

type Headers = Record<string, string>;

async function post(api: TestApi, headers: Headers, path: string, payload: object = {}) {
  return api.app.inject({ method: 'POST', url: `/api/v1/${path}`, headers, payload });
}

async function claim(api: TestApi, headers: Headers, fields: object = {}): Promise<string> {
  const answer = await post(api, headers, 'outcomes', { ...OUTCOME, ...fields });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<{ outcomeId: string }>().outcomeId;
}

describe('from claim to verified over HTTP', () => {
  test('a problem names everything that is missing, and the history keeps every act', async ({ api }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'], principal: 'dev@example.com' });
    const finance = await api.authorise('finance', { principal: 'grace@example.com' });
    const id = await claim(api, pod);
    const review = await post(api, finance, `outcomes/${id}/review`);
    expect(review.json()).toMatchObject({ state: 'in_review', missing: [{ gate: 'evidence' }] });
    const early = await post(api, finance, `outcomes/${id}/verify`, { version: 2 });
    expect(early.statusCode).toBe(409);
    expect(early.json()).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('Add a link or a file that shows it.'),
      faults: [{ column: 'evidence', reason: 'it has no evidence' }],
    });
    const evidence = [{ url: 'https://evidence.example.com/http', title: 'Ledger' }];
    expect((await post(api, pod, `outcomes/${id}/claim`, { evidence })).statusCode).toBe(200);
    const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '250.5' }];
    const keyed = { ...finance, 'idempotency-key': 'verify-1' };
    const part = { version: 2, rows, reason: 'A week was a campaign' };
    const verified = await post(api, keyed, `outcomes/${id}/verify`, part);
    expect(verified.json()).toMatchObject({
      state: 'partially_verified',
      version: 3,
      claimedAmount: '300',
      verifiedAmount: '250.5',
    });
    const again = await post(api, keyed, `outcomes/${id}/verify`, part);
    expect([again.body, again.headers['idempotency-replayed']]).toEqual([verified.body, 'true']);
    const shown = await api.app.inject({ url: `/api/v1/outcomes/${id}`, headers: pod });
    expect(shown.json()).toMatchObject({
      outcomeId: id,
      state: 'partially_verified',
      schedule: [{ ordinal: 1, amount: '300', verdict: 'verified', verifiedAmount: '250.5' }],
      evidence: [{ uri: evidence[0]?.url, isBroken: false }],
      history: [{ act: 'stated' }, { act: 'review-started' }, { act: 'verified', reason: 'A week was a campaign' }],
    });
    const audit = await api.app.inject({ url: `/api/v1/audit?subjectKind=outcome&subjectId=${id}`, headers: finance });
    expect(audit.json<{ action: string }[]>().map(({ action }) => action)).toEqual(
      expect.arrayContaining(['create-outcome', 'review-outcome', 'verify-outcome']),
    );
  });

  test('who verifies, rejects or agrees names the version that was read, and is told what it is by now', async ({
    api,
  }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'], principal: 'dev@example.com' });
    const finance = await api.authorise('finance', { principal: 'grace@example.com' });
    const id = await claim(api, pod, { title: 'Read once', evidenceUrl: 'https://evidence.example.com/once' });
    expect((await post(api, finance, `outcomes/${id}/verify`)).statusCode).toBe(400);
    await post(api, pod, `outcomes/${id}/claim`, { amount: '1000000' });
    for (const [act, who] of [
      ['verify', finance],
      ['reject', finance],
      ['agree', pod],
    ] as const) {
      const answer = await post(
        api,
        who,
        `outcomes/${id}/${act}`,
        act === 'reject' ? { version: 1, reason: 'x' } : { version: 1 },
      );
      expect(answer.statusCode, act).toBe(409);
      expect(answer.json()).toMatchObject({
        detail: expect.stringContaining('it was claimed, 300 USD; it is claimed, 1000000 USD (version 2)'),
      });
    }
    expect((await post(api, finance, `outcomes/${id}/verify`, { version: 9 })).statusCode).toBe(404);
    expect((await post(api, pod, `outcomes/${id}/agree`, { version: 2 })).json()).toMatchObject({ version: 3 });
    // What was agreed to is the same, though the record moved on.
    expect((await post(api, pod, `outcomes/${id}/agree`, { version: 2 })).json()).toMatchObject({
      change: 'unchanged',
    });
    const done = await post(api, finance, `outcomes/${id}/verify`, { version: 3 });
    expect(done.json()).toMatchObject({ state: 'verified', claimedAmount: '1000000', verifiedAmount: '1000000' });
  });

  test('a pod neither verifies nor rejects nor answers nor sets pools, and touches and sees only its own', async ({
    api,
  }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'], principal: 'dev@example.com' });
    const finance = await api.authorise('finance');
    const own = await claim(api, pod);
    for (const act of ['verify', 'review', 'reject', 'answer-duplicate']) {
      const body = act === 'answer-duplicate' ? { otherId: '1', answer: 'distinct' } : { version: 1, reason: 'x' };
      expect((await post(api, pod, `outcomes/${own}/${act}`, body)).statusCode, act).toBe(403);
    }
    const shares = [{ pod: 'search', basisPoints: 10_000 }];
    const others = await claim(api, finance, { title: 'Searched faster', shares });
    const shared = await claim(api, finance, {
      title: 'Both',
      shares: [
        { pod: 'checkout', basisPoints: 2_500 },
        { pod: 'search', basisPoints: 5_500 },
      ],
    });
    for (const act of ['claim', 'retract', 'supersede', 'agree']) {
      const body = {
        claim: { title: 'Mine' },
        retract: { reason: 'x' },
        supersede: { reason: 'x', successorId: own },
        agree: { version: 1 },
      };
      const answer = await post(api, pod, `outcomes/${others}/${act}`, body[act as keyof typeof body]);
      expect(answer.statusCode, act).toBe(404);
      if (act !== 'agree') {
        expect(
          (await post(api, pod, `outcomes/${shared}/${act}`, body[act as keyof typeof body])).statusCode,
          act,
        ).toBe(403);
      }
    }
    expect((await api.app.inject({ url: `/api/v1/outcomes/${others}`, headers: pod })).statusCode).toBe(404);
    const seen = await api.app.inject({ url: `/api/v1/outcomes/${shared}`, headers: pod });
    expect(seen.json()).toMatchObject({ shares: [{ pod: 'checkout' }], history: [{ act: 'stated' }] });
    expect(seen.body).not.toContain('search');
    expect(
      (await post(api, pod, 'outcome-pools', { id: 'x', name: 'X', metric: 'x', currency: 'USD', ceilings: [] }))
        .statusCode,
    ).toBe(403);
  });

  test('a pod sees what is left of pools and what it made possible, by names and states, never by money', async ({
    api,
  }) => {
    const finance = await api.authorise('finance', { principal: 'grace@example.com' });
    const get = async (headers: Headers, url: string) =>
      (await api.app.inject({ url: `/api/v1/${url}`, headers })).json();
    const ceilings = [{ from: '2026-07-01', until: '2026-10-01', ceiling: '500' }];
    const kept = { id: 'kept', name: 'Kept', metric: 'customers kept', currency: 'USD', ceilings };
    expect((await post(api, finance, 'outcome-pools', kept)).statusCode).toBe(201);
    const others = { shares: [{ pod: 'search', basisPoints: 10_000 }], enabledBy: ['checkout'], pool: 'kept' };
    const id = await claim(api, finance, { ...others, title: 'Found at once' });
    const pod = await api.authorise('pod', { pods: ['checkout'], principal: 'dev@example.com' });
    const enabled = [
      { outcomeId: id, title: 'Found at once', state: 'claimed', pods: ['search'], enabledBy: ['checkout'] },
    ];
    expect(await get(pod, 'outcomes/enabled')).toEqual(enabled.map((one) => ({ ...one, deliveredOn: '2026-09-10' })));
    expect(await get(pod, 'outcomes/enabled?podId=search')).toEqual([]);
    expect(await get(finance, 'outcomes/enabled?podId=checkout')).toMatchObject(enabled);
    expect(await get(pod, 'outcomes')).not.toContainEqual(expect.objectContaining({ outcomeId: id }));
    expect(await get(pod, 'outcome-pools')).toMatchObject([
      { id: 'kept', outcomes: null, ceilings: [{ ceiling: '500', used: '300', left: '200' }] },
    ]);
    expect(await get(pod, 'reports/enabling?period=2026-Q3')).toMatchObject({ pods: [] });
    const lower = { ...kept, ceilings: [{ from: '2026-07-01', until: '2026-10-01', ceiling: '299.97' }] };
    expect((await post(api, finance, 'outcome-pools', lower)).json()).toMatchObject({
      detail: expect.stringContaining(
        'recognise 300 USD from 2026-07-01 to 2026-10-01 already, 0.03 more than a ceiling of 299.97. Set at least 300',
      ) as string,
    });
  });

  test('a pool is set whole, filled up to its ceiling, and not lowered below what is claimed', async ({ api }) => {
    const finance = await api.authorise('finance', { principal: 'grace@example.com' });
    const pool = (ceiling: string) => ({
      id: 'churn',
      name: 'Churn',
      metric: 'customers kept',
      currency: 'USD',
      ceilings: [{ from: '2026-07-01', until: '2026-10-01', ceiling }],
    });
    expect((await post(api, finance, 'outcome-pools', pool('500'))).statusCode).toBe(201);
    expect((await post(api, finance, 'outcome-pools', pool('500.0'))).json()).toMatchObject({ change: 'unchanged' });
    const id = await claim(api, finance, {
      title: 'Kept',
      pool: 'churn',
      evidenceUrl: 'https://evidence.example.com/kept',
    });
    const over = await post(api, finance, 'outcomes', { ...OUTCOME, title: 'Kept more', pool: 'churn', amount: '201' });
    expect(over.statusCode).toBe(409);
    expect(over.json<{ detail: string }>().detail).toContain('more than its ceiling of 500; 200 is left');
    expect((await post(api, finance, `outcomes/${id}/claim`, { amount: '600' })).statusCode).toBe(409);
    expect((await post(api, finance, 'outcome-pools', pool('299'))).statusCode).toBe(409);
    const listed = await api.app.inject({ url: '/api/v1/outcome-pools', headers: finance });
    expect(listed.json()).toContainEqual(
      expect.objectContaining({
        id: 'churn',
        outcomes: 1,
        ceilings: [expect.objectContaining({ ceiling: '500', used: '300', left: '200' })],
      }),
    );
    const foreign = await post(api, finance, 'outcomes', { ...OUTCOME, pool: 'churn', currency: 'EUR' });
    expect(foreign.json()).toMatchObject({ faults: [{ column: 'pool', fix: 'Give the amount in USD.' }] });
  });
});

test('what was counted at an instant is put together again from the history', async ({ api, database }) => {
  const pod = await api.authorise('pod', { pods: ['checkout'], principal: 'dev@example.com' });
  const finance = await api.authorise('finance', { principal: 'grace@example.com' });
  api.clock.set('2026-09-16T08:00:00Z');
  const id = await claim(api, pod, {
    title: 'Then',
    evidenceUrl: 'https://evidence.example.com/then',
    effect: 'dis_benefit',
  });
  api.clock.set('2026-09-17T08:00:00Z');
  const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '40' }];
  const given = { version: 1, rows, reason: 'Less than feared', reviewDueOn: '2026-12-01' };
  expect((await post(api, finance, `outcomes/${id}/verify`, given)).statusCode).toBe(200);
  api.clock.set('2026-09-18T08:00:00Z');
  expect((await post(api, pod, `outcomes/${id}/retract`, { reason: 'Gone' })).statusCode).toBe(200);
  const countedAt = (instant: string) =>
    inShadow(database.db, {}, async (shadow) => {
      await hideFacts(shadow, new Date(instant));
      await shadow.settle();
      const { rows: counted } = await sql<{ state: string; amount: string }>`
        select state, trim_scale(amount)::text as amount from counted_schedule where outcome_id = ${id}::bigint`.execute(
        shadow.trx,
      );
      return counted.map(({ state, amount }) => `${state} ${amount}`);
    });
  expect(await countedAt('2026-09-16T12:00:00Z')).toEqual(['claimed -300']);
  expect(await countedAt('2026-09-17T12:00:00Z')).toEqual(['verified -40']);
  expect(await countedAt('2026-09-18T12:00:00Z')).toEqual([]);
  api.clock.set('2026-09-15T12:00:00Z');
});
