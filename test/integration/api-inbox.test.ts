/** The inbox, drift and precision over HTTP: who sees what, in the bytes of the command line, and that finance alone accepts a drift. */
import { readPodStandings } from '../../services/alerts/scope-standing.ts';
import { standingAnswer } from '../../services/alerts/standing-blocks.ts';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { judgeDrift } from '../../services/drift/judge-drift.ts';
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { addEnvelope, addLoad, addPod } from '../support/envelope-builders.ts';

const APPROVED: IsoDate = '2026-07-20';
const THROUGH: IsoDate = '2026-09-14';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  const { db } = database;
  for (const pod of ['checkout', 'search']) {
    await addPod(db, { id: pod });
    await addEnvelope(db, { scope: { kind: 'pod', id: pod }, period: '2026-Q3', limit: '9000', approvedOn: APPROVED });
  }
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
    select day::date, pod.id, 'direct', 'USD', cost, cost, cost, cost
    from pod cross join generate_series(${addDays(APPROVED, -56)}::date, ${THROUGH}::date, interval '1 day') as day
    cross join lateral (select case when pod.id = 'checkout' and day >= ${APPROVED}::date then 12.5 else 10 end as cost) as priced
  `.execute(db);
  await sql`
    insert into pod_cost (load_id, rulebook_id, charge_date, kind, pod_id, service_name, billing_currency, billed_cost, effective_cost, list_cost,
      contracted_cost, line_count)
    select ${await addLoad(db, { billingPeriod: '2026-09', throughDay: THROUGH, publishedAt: '2026-09-15T06:00:00Z' })}::bigint, 0, charge_date, 'direct', pod_id,
      service_name, 'USD', share, share, share, share, 1
    from pod_day cross join lateral (values ('Compute', effective_cost - 4), ('Storage', 4)) as part (service_name, share)
  `.execute(db);
  await db.transaction().execute((trx) => judgeDrift(trx, new Date('2026-09-15T06:00:00Z')));
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

type Headers = { authorization: string };
const get = (api: TestApi, headers: Headers, url: string, accept = 'application/json') =>
  api.app.inject({ url: `/api/v1/${url}`, headers: { ...headers, accept } });

describe('over HTTP', () => {
  test('finance sees what waits, an operator deliveries and sources, a pod nothing of it', async ({ api }) => {
    const finance = await api.authorise('finance');
    const items = await get(api, finance, 'inbox');
    expect(items.json()).toEqual([
      expect.objectContaining({ kind: 'drift', id: 'checkout', since: '2026-07-29', amount: '76.04', currency: 'USD' }),
    ]);
    expect(items.json<{ sentence: string }[]>()[0]?.sentence).toBe(
      'The pod checkout has drifted 25.0 % above what was approved on 2026-07-20, since 2026-07-29: 76.04 USD a month, most of it Compute 76.04.',
    );
    expect((await get(api, finance, 'inbox?kind=late-source')).json()).toEqual([]);
    expect((await get(api, finance, 'inbox', 'text/csv')).body.split('\r\n')[1]).toMatch(
      /^drift,checkout,pod,checkout,/,
    );
    expect((await get(api, await api.authorise('operator'), 'inbox')).json()).toEqual([]);
    expect((await get(api, await api.authorise('pod', { pods: ['checkout'] }), 'inbox')).statusCode).toBe(403);
  });

  test('a pod reads its own drift and learns of no other', async ({ api }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'] });
    expect((await get(api, pod, 'drift')).json<{ podId: string }[]>().map(({ podId }) => podId)).toEqual(['checkout']);
    expect((await get(api, pod, 'pods/checkout/drift')).json()).toMatchObject({
      state: 'drifting',
      baseline: { from: '2026-05-25', until: APPROVED, perWeek: '70' },
      perWeek: '87.5',
      change: '0.2500',
      services: [{ serviceName: 'Compute', perMonth: '76.04' }],
    });
    expect((await get(api, pod, 'pods/search/drift')).statusCode).toBe(404);
    expect((await get(api, await api.authorise('reader'), 'pods/search/drift')).json()).toMatchObject({
      state: 'steady',
    });
  });

  test('what shows a pod shows its drift: the list of pods, and an answer in chat', async ({ api, database }) => {
    const drift = { since: '2026-07-29', change: '0.2500', perMonth: '76.04', currency: 'USD' };
    const pods = (await get(api, await api.authorise('reader'), 'pods')).json();
    expect(pods).toMatchObject([{ podId: 'checkout', drift }, { drift: null }]);
    const standings = await readPodStandings(database.db, {
      podIds: ['checkout'],
      at: new Date('2026-10-01T00:00:00Z'),
    });
    expect(standingAnswer(standings).text).toContain(
      'Since 29 Jul it runs 25 % above its cost at the last approval: $76.04 more a month.',
    );
  });

  test('the quarter’s report has precision and its drifts', async ({ api }) => {
    const cio = await api.authorise('cio');
    const report = await get(api, cio, 'reports/alerts?period=2026-Q3');
    expect(report.json()).toMatchObject({
      period: { id: '2026-Q3', start: '2026-07-01', end: '2026-10-01' },
      sent: 0,
      precision: null,
      drift: [{ podId: 'checkout', since: '2026-07-29', endedOn: null, perMonth: '76.04' }],
    });
    const csv = (await get(api, cio, 'reports/alerts?period=2026-Q3', 'text/csv')).body;
    expect(csv).toContain('2026-Q3,driftPerMonth,checkout,76.04,USD');
  });

  test('finance accepts a drift, once; nobody else does', async ({ api, database }) => {
    const accept = (headers: Headers, key: string) =>
      api.app.inject({
        method: 'POST',
        url: '/api/v1/pods/checkout/drift/accept',
        headers: { ...headers, 'idempotency-key': key },
        payload: { reason: 'a third shop' },
      });
    expect((await accept(await api.authorise('pod', { pods: ['checkout'] }), 'a')).statusCode).toBe(403);
    const finance = await api.authorise('finance');
    const accepted = await accept(finance, 'b');
    expect(accepted.json()).toMatchObject({ podId: 'checkout', state: 'steady', approved: { act: 'accepted' } });
    expect((await accept(finance, 'b')).json()).toEqual(accepted.json());
    expect((await accept(finance, 'c')).statusCode).toBe(409);
    const { rows } = await sql`select count(*)::int as acts from drift_acceptance`.execute(database.db);
    expect(rows).toEqual([{ acts: 1 }]);
    expect((await get(api, finance, 'inbox')).json()).toEqual([]);
  });
});
