/** Reports over HTTP that were answered before: the same bytes while nothing changes, and never anything stale or another's. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { raiseFiguresVersion } from '../../services/attribution/figures-version.ts';
import { sumPodMonths } from '../../services/attribution/pod-months.ts';
import { recordAudit } from '../../services/audit/record-audit.ts';
import { add, decimal } from '../../services/kernel/decimal.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

const URL = '/api/v1/reports/value-per-pod?period=2026-09';

/** Moves the cost of a pod as nobody may: the counter tells nobody. */
async function moveUnseen({ db }: TestDatabase, amount: string): Promise<void> {
  await sql`update pod_day set effective_cost = effective_cost + ${amount}::numeric where pod_id = 'checkout' and kind = 'direct'`.execute(
    db,
  );
  await sumPodMonths(db, ['2026-09-01']);
}

const costOf = (body: string): string =>
  (JSON.parse(body) as { pods: { podId: string; cost: { total: string } }[] }).pods.find(
    (one) => one.podId === 'checkout',
  )?.cost.total ?? '';

describe('a report that was answered before', () => {
  test('is made anew once the figures change, and after a minute', async ({ api, database }) => {
    const headers = await api.authorise('finance');
    const ask = async () => costOf((await api.app.inject({ url: URL, headers })).body);
    expect(await ask()).toBe('110');
    await moveUnseen(database, '1');
    expect(await ask()).toBe('110');
    await database.db.transaction().execute((trx) => raiseFiguresVersion(trx, 'anything'));
    expect(await ask()).toBe('111');
    await moveUnseen(database, '-1');
    expect(await ask()).toBe('111');
    api.clock.set('2026-09-15T12:01:00Z');
    expect(await ask()).toBe('110');
  });

  test('is not another form’s, another question’s or another principal’s answer', async ({ api }) => {
    const finance = await api.authorise('finance');
    const whole = await api.app.inject({ url: URL, headers: finance });
    const csv = await api.app.inject({ url: URL, headers: { ...finance, accept: 'text/csv' } });
    expect(csv.headers['content-type']).toContain('text/csv');
    expect(csv.body).not.toBe(whole.body);
    const billed = await api.app.inject({ url: `${URL}&metric=BilledCost`, headers: finance });
    expect(billed.body).not.toBe(whole.body);
    const checkout = await api.app.inject({ url: URL, headers: await api.authorise('pod', { pods: ['checkout'] }) });
    expect(checkout.body).not.toContain('search');
    const search = await api.app.inject({ url: URL, headers: await api.authorise('pod', { pods: ['search'] }) });
    expect(search.body).not.toContain('checkout');
    const reader = await api.app.inject({ url: URL, headers: await api.authorise('reader') });
    expect(reader.body).toBe(whole.body);
  });

  test('of a quarter is made anew once anybody did anything, and drawn beside other requests', async ({
    api,
    database,
  }) => {
    const headers = await api.authorise('cio');
    const url = '/api/v1/reports/cloud-return?quarter=2026-Q3';
    const ask = async () =>
      (await api.app.inject({ url, headers })).json<{ summary: { figures: { cost: string } } }>().summary.figures.cost;
    const before = await ask();
    await moveUnseen(database, '1');
    expect(await ask()).toBe(before);
    const act = { action: 'sign-note', subjectKind: 'note', subjectId: '1' };
    const entry = { at: api.clock.now(), principal: localOperator, ...act };
    await database.db.transaction().execute((trx) => recordAudit(trx, entry));
    expect(await ask()).toBe(add(decimal(before), decimal('1')));
    await moveUnseen(database, '-1');
    const draw = () => api.app.inject({ url, headers: { ...headers, accept: 'application/pdf' } });
    const [file, same] = await Promise.all([draw(), draw()]);
    expect(file.rawPayload.subarray(0, 5).toString()).toBe('%PDF-');
    expect(same.rawPayload.equals(file.rawPayload)).toBe(true);
  });

  test('asked by many at once is the same document for all', async ({ api }) => {
    const headers = await api.authorise('finance');
    const url = '/api/v1/reports/costs?period=2026-09&by=pod';
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.app.inject({ url, headers })));
    expect(new Set(answers.map((answer) => `${answer.statusCode} ${answer.body}`)).size).toBe(1);
  });
});
