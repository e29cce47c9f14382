/** The path back from a recognised value: an outcome in a foreign currency, by month, day's rate and pod. */
import Value from 'typebox/value';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { ExplanationView } from '../../api/schemas/charges.ts';
import { renderExplanation } from '../../cli/render/explanation.ts';
import { explain } from '../../services/attribution/explain.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { startTestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const OPTIONS = { at: new Date('2026-10-03T08:00:00Z'), workDir: '/nonexistent' };

const test = base.extend('value', { scope: 'file' }, async ({ database }) => {
  const { db } = database;
  await insertPods(db, { id: 'checkout' }, { id: 'search' });
  await sql`
    insert into conversion_rate (from_currency, to_currency, on_date, rate, published_on, path)
    select 'EUR', 'USD', day, case when day < date '2026-10-01' then 1.1 else 1.2 end, day, 'direct'
    from generate_series(date '2026-09-29', date '2026-10-02', interval '1 day') as day`.execute(db);
  const { outcomeId } = await db.transaction().execute((trx) =>
    createOutcome(trx, {
      input: {
        title: 'Smaller instances',
        amount: '100',
        currency: 'EUR',
        basis: 'cost_reduction',
        deliveredOn: '2026-09-29',
        recogniseFrom: '2026-09-29',
        recogniseUntil: '2026-10-03',
        ownerEmail: 'val@example.com',
        shares: [
          { pod: 'checkout', basisPoints: 7500 },
          { pod: 'search', basisPoints: 2500 },
        ],
        references: [{ system: 'jira', key: 'OUT-1' }],
      },
      principal: FINANCE,
      at: new Date('2026-09-30T00:00:00Z'),
    }),
  );
  return { database, outcomeId };
});

test('an outcome leads to its months, each day’s rate and its pods’ parts, which add up', async ({ value }) => {
  const { db } = value.database;
  const found = await explain(db, { outcomeId: value.outcomeId }, OPTIONS);
  expect(found).toMatchObject({
    subject: 'outcome',
    period: null,
    standing: 'claimed',
    beside: null,
    versions: [{ version: 1, state: 'claimed' }],
    months: [
      { month: '2026-09', from: '2026-09-29', through: '2026-09-30', days: 2, amount: '50', converted: '55' },
      { month: '2026-10', from: '2026-10-01', through: '2026-10-02', days: 2, amount: '50', converted: '60' },
    ],
    amount: '100',
    converted: '115',
    parts: [
      { podId: 'checkout', basisPoints: 7500, amount: '75', converted: '86.25' },
      { podId: 'search', basisPoints: 2500, amount: '25', converted: '28.75' },
    ],
    closed: [],
  });
  if (found.subject !== 'outcome') throw new Error('not an outcome');
  expect(found.rates.map((rate) => `${rate.onDate} ${rate.rate}`)).toEqual([
    '2026-09-29 1.1',
    '2026-09-30 1.1',
    '2026-10-01 1.2',
    '2026-10-02 1.2',
  ]);
  expect(renderExplanation(found)).toContain('it enters the return once somebody verifies it');
});

test('a period cuts the schedule, and nothing is converted where a rate is missing', async ({ value }) => {
  const { db } = value.database;
  const october = { outcomeId: value.outcomeId, period: '2026-10' };
  expect(await explain(db, october, OPTIONS)).toMatchObject({
    amount: '50',
    converted: '60',
    period: { id: '2026-10' },
  });
  await sql`update conversion_rate set rate = rate * 2 where on_date = '2026-10-02'`.execute(db);
  expect(await explain(db, october, OPTIONS)).toMatchObject({ amount: '50', converted: '90' });
  await sql`delete from conversion_rate where on_date = '2026-10-02'`.execute(db);
  expect(await explain(db, october, OPTIONS)).toMatchObject({
    amount: '50',
    converted: null,
    rates: [{ rate: '1.2' }, { rate: null }],
  });
});

test('the API answers the same document to finance, and none to a pod', async ({ value, onTestFinished }) => {
  const api = await startTestApi(value.database);
  onTestFinished(() => api.close());
  const url = `/api/v1/charges?outcomeId=${value.outcomeId}&period=2026-09`;
  const answer = await api.app.inject({ url, headers: await api.authorise('finance') });
  const same = await explain(value.database.db, { outcomeId: value.outcomeId, period: '2026-09' }, OPTIONS);
  expect(answer.body).toBe(`${JSON.stringify(same, null, 2)}\n`);
  expect(Value.Check(ExplanationView, answer.json())).toBe(true);
  const pod = await api.app.inject({ url, headers: await api.authorise('pod', { pods: ['checkout'] }) });
  expect(pod.statusCode).toBe(403);
  const headers = await api.authorise('finance');
  expect((await api.app.inject({ url: '/api/v1/charges?outcomeId=999', headers })).statusCode).toBe(404);
  expect((await api.app.inject({ url: `${url}&podId=checkout`, headers })).statusCode).toBe(400);
});
