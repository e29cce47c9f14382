/**
 * Pods over time: their portfolio, owner and cost centre by date, and the pods that succeed them, from the applied file to the value
 * report. Cost is written as ingestion leaves it; value is imported. Each test is one fact over the same company.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import { ValuePerPodReport } from '../../api/schemas/reports.ts';
import Value from 'typebox/value';
import type { DB } from '../../db/schema.gen.ts';
import { decimal, sum } from '../../services/kernel/decimal.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { costs } from '../../services/reports/costs.ts';
import type { ValuePerPod } from '../../services/reports/compose-value.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { startTestApi } from '../support/api.ts';
import { close } from '../support/closing.ts';
import { insertLoad, insertPodDays } from '../support/cost-fixtures.ts';
import { createTestDatabase, test as base } from '../support/database.ts';
import { importVerified, outcomeRow, outcomeSheet, VERIFIED } from '../support/outcome-sheets.ts';
import { publishBills } from '../support/published-bills.ts';

const AT = new Date('2026-10-20T08:00:00Z');
const SEPTEMBER = { period: '2026-09', at: AT };

const FILE = `organisation: Acme
portfolios: [{ id: commerce, name: Commerce }, { id: growth, name: Growth }]
pods:
  - id: checkout
    portfolio: [{ value: commerce }, { value: growth, from: 2026-09-15 }]
    owner: [{ value: ada@example.com, from: 2026-01-01 }, { value: bob@example.com, from: 2026-09-10 }]
    costCentre: "4711"
  - { id: search, portfolio: commerce }
  - { id: basket, activeUntil: 2026-09-10, succeededBy: [{ pod: checkout, basisPoints: 7500 }, { pod: search, basisPoints: 2500 }] }
  - { id: trolley, activeUntil: 2026-09-04, succeededBy: [{ pod: basket, basisPoints: 3333 }, { pod: search, basisPoints: 6667 }] }
`;

async function applyFile(db: Kysely<DB>, text: string, at = AT): Promise<void> {
  const file = { organisation: parseOrganisation(text), sourceText: text, folder: '/nowhere' };
  await applyOrganisation(db, { file, principal: localOperator, at });
}

async function foundCompany(db: Kysely<DB>): Promise<void> {
  await applyFile(db, FILE);
  await insertLoad(db, { billingPeriod: '2026-09-01..2026-10-01' });
  await insertPodDays(
    db,
    { date: '2026-09-14', pod: 'checkout', cost: '100' },
    { date: '2026-09-15', pod: 'checkout', cost: '10' },
    { date: '2026-09-15', pod: 'checkout', cost: '0.5', kind: 'shared' },
    { date: '2026-09-02', pod: 'search', cost: '40' },
    { date: '2026-09-05', pod: 'basket', cost: '1.00000000001' },
    { date: '2026-09-03', pod: 'trolley', cost: '8' },
    { date: '2026-09-03', pod: null, cost: '5' },
  );
  const sheet = outcomeSheet(
    outcomeRow({
      ...VERIFIED,
      source_row_id: 'moved',
      amount: '200',
      delivered_on: '2026-09-06',
      recognise_from: '2026-09-06',
      recognise_until: '2026-09-26',
    }),
    outcomeRow({ source_row_id: 'both', amount: '60', pod: 'basket', share_bp: '5000', delivered_on: '2026-09-02' }),
    { source_row_id: 'both', pod: 'checkout', share_bp: '2500' },
    { source_row_id: 'both', pod: 'trolley', share_bp: '2500' },
  );
  await importVerified(db, { sheet, workbook: 'benefits', at: AT });
}

const test = base
  .extend('company', { scope: 'file' }, async ({ database }) => {
    await foundCompany(database.db);
    return database;
  })
  .extend('ownDb', async ({}, { onCleanup }) => {
    const { db, drop } = await createTestDatabase();
    onCleanup(drop);
    return db;
  });

function rowsOf(report: ValuePerPod) {
  return report.pods.map(({ podId, portfolio, cost, value }) => [
    podId,
    portfolio,
    cost.total,
    value.verified,
    value.claimed,
    value.verifiedOutcomes + value.claimedOutcomes,
  ]);
}

describe('what a pod holds over time', () => {
  test('is kept by date: each value until the next begins, before the first none', async ({ company: { db } }) => {
    const { rows } = await sql`
      select valid_from::text, valid_until::text, portfolio_id, owner_email, cost_centre from pod_period
      where pod_id = 'checkout' order by pod_period.valid_from
    `.execute(db);
    const held = (from: string, until: string, portfolio: string, owner: string | null) => ({
      valid_from: from,
      valid_until: until,
      portfolio_id: portfolio,
      owner_email: owner,
      cost_centre: '4711',
    });
    expect(rows).toEqual([
      held('-infinity', '2026-01-01', 'commerce', null),
      held('2026-01-01', '2026-09-10', 'commerce', 'ada@example.com'),
      held('2026-09-10', '2026-09-15', 'commerce', 'bob@example.com'),
      held('2026-09-15', 'infinity', 'growth', 'bob@example.com'),
    ]);
    expect(
      await db.selectFrom('pod').select(['portfolio_id', 'owner_email']).where('id', '=', 'checkout').execute(),
    ).toEqual([{ portfolio_id: 'growth', owner_email: 'bob@example.com' }]);
  });

  test('follows the next file, and stays for a pod that left it', async ({ ownDb: db }) => {
    await applyFile(db, FILE);
    await applyFile(
      db,
      'organisation: Acme\npods: [{ id: checkout, costCentre: "9" }]\n',
      new Date('2026-10-21T08:00:00Z'),
    );
    const { rows } = await sql<{ text: string }>`
      select pod_id || ' ' || coalesce(portfolio_id, '-') || ' ' || coalesce(cost_centre, '-') as text from pod_period
      where pod_id in ('checkout', 'search') order by 1
    `.execute(db);
    expect(rows.map((row) => row.text)).toEqual(['checkout - 9', 'search commerce -']);
    const successors = await db
      .selectFrom('pod_successor')
      .select(['pod_id', 'successor_pod_id'])
      .orderBy('basis_points')
      .execute();
    expect(successors).toHaveLength(4);
  });
});

describe('value per pod of a portfolio', () => {
  test('counts cost and value of the days on which a pod belonged to it', async ({ company: { db } }) => {
    const commerce = await valuePerPod(db, { ...SEPTEMBER, portfolio: 'commerce' });
    // 9 of the outcome's 20 days; the claim is of 2 September.
    expect(rowsOf(commerce)).toEqual([
      ['checkout', 'growth', '100', '90', '15', 2],
      ['search', 'commerce', '40', '0', '0', 0],
    ]);
    expect(commerce).toMatchObject({
      portfolio: 'commerce',
      total: { cost: '140', verified: '90' },
      unattributed: { cost: '0' },
    });
    const growth = await valuePerPod(db, { ...SEPTEMBER, portfolio: 'growth' });
    expect(rowsOf(growth)).toEqual([['checkout', 'growth', '10.5', '110', '0', 1]]);
  });

  test('and of all portfolios and none add up to the whole', async ({ company: { db } }) => {
    const whole = await valuePerPod(db, SEPTEMBER);
    const parts = [];
    for (const portfolio of ['commerce', 'growth']) parts.push(await valuePerPod(db, { ...SEPTEMBER, portfolio }));
    const homeless = whole.pods
      .filter(({ podId }) => podId === 'basket' || podId === 'trolley')
      .map((pod) => pod.cost.total);
    const cost = sum([...parts.map((part) => part.total.cost), ...homeless, whole.unattributed.cost]);
    expect(cost).toBe(whole.total.cost);
    expect(sum(parts.map((part) => part.total.verified))).toBe(whole.total.verified);
  });

  test('agrees with the cost explorer by portfolio', async ({ ownDb: db }) => {
    await publishBills(db);
    await db.deleteFrom('conversion_rate').execute();
    const request = { period: '2026-09', at: new Date('2026-11-20T00:00:00Z') };
    const explored = await costs(db, { ...request, by: ['portfolio'], where: ['portfolio!='] });
    for (const row of explored.rows) {
      const report = await valuePerPod(db, { ...request, portfolio: row['portfolio'] ?? '' });
      expect([row['portfolio'], report.total.cost]).toEqual([row['portfolio'], row.effectiveCost]);
    }
    expect(explored.rows.map((row) => row['portfolio'])).toEqual(['commerce', 'growth']);
  });

  test('of a closed month stays as it was when a later file moves the pod', async ({ ownDb: db }) => {
    await foundCompany(db);
    const ask = async (portfolio: string) => valuePerPod(db, { ...SEPTEMBER, portfolio });
    await close(db, '2026-09', { forcedReason: 'the bill of the test has no files' });
    const closed = [await ask('commerce'), await ask('growth')];
    expect(closed.map(({ state, total }) => [state, total.cost, total.verified])).toEqual([
      ['closed', '140', '90'],
      ['closed', '10.5', '110'],
    ]);
    await applyFile(
      db,
      FILE.replace('{ value: growth, from: 2026-09-15 }', '{ value: growth, from: 2026-09-01 }'),
      new Date('2026-10-21T08:00:00Z'),
    );
    expect([await ask('commerce'), await ask('growth')]).toEqual(closed);
    const holders = await sql`
      select statement_id is null as is_current, valid_from::text from held_pod where pod_id = 'checkout' and portfolio_id = 'growth' order by 1
    `.execute(db);
    expect(holders.rows).toMatchObject([
      { is_current: false, valid_from: '2026-09-15' },
      { is_current: true, valid_from: '2026-09-01' },
      {},
    ]);
  });
});

describe('value per pod with predecessors', () => {
  test('gives a succeeded pod’s figures to its successors, through a chain, and conserves the whole', async ({
    company: { db },
  }) => {
    const whole = await valuePerPod(db, SEPTEMBER);
    const report = await valuePerPod(db, { ...SEPTEMBER, withPredecessors: true });
    // trolley: 0.3333 × 0.75 to checkout; 0.3333 × 0.25 + 0.6667 to search.
    expect(report.pods.map(({ podId, predecessors, cost }) => [podId, predecessors, cost.direct, cost.shared])).toEqual(
      [
        [
          'checkout',
          [
            { podId: 'basket', share: '0.75' },
            { podId: 'trolley', share: '0.249975' },
          ],
          '112.7498000000075',
          '0.5',
        ],
        [
          'search',
          [
            { podId: 'basket', share: '0.25' },
            { podId: 'trolley', share: '0.750025' },
          ],
          '46.2502000000025',
          '0',
        ],
      ],
    );
    expect(report.total).toEqual({ ...whole.total, return: report.total.return });
    expect(report.unattributed).toEqual(whole.unattributed);
    expect(report.withPredecessors).toBe(true);
    expect(Value.Errors(ValuePerPodReport, report)).toEqual([]);
  });

  test('counts an outcome once in a successor that had a share of its own', async ({ company: { db } }) => {
    const { pods } = await valuePerPod(db, { ...SEPTEMBER, withPredecessors: true });
    // 60 claimed: half basket's, a quarter checkout's, a quarter trolley's.
    expect(pods.map(({ podId, value }) => [podId, value.verified, value.claimed, value.claimedOutcomes])).toEqual([
      ['checkout', '200', '41.249625', 1],
      ['search', '0', '18.750375', 1],
    ]);
    expect(sum(pods.map(({ value }) => value.claimed))).toBe(decimal('60'));
  });

  test('is not told without being asked for', async ({ company: { db } }) => {
    const report = await valuePerPod(db, SEPTEMBER);
    expect(report.pods.map(({ podId }) => podId)).toEqual(['basket', 'checkout', 'search', 'trolley']);
    expect(JSON.stringify(report)).not.toContain('redecessors');
  });

  test('is refused for one portfolio, and to a pod’s token', async ({ company }) => {
    const both = { ...SEPTEMBER, withPredecessors: true, portfolio: 'commerce' };
    await expect(valuePerPod(company.db, both)).rejects.toMatchObject({ code: 'invalid_input' });
    const api = await startTestApi(company);
    try {
      api.clock.set(AT.toISOString());
      const url = '/api/v1/reports/value-per-pod?period=2026-09&withPredecessors=true';
      const own = await api.app.inject({ url, headers: await api.authorise('pod', { pods: ['checkout'] }) });
      expect([own.statusCode, own.json<{ detail: string }>().detail]).toEqual([
        403,
        'A pod’s token sees its own figures. Ask finance for those with its predecessors.',
      ]);
      const whole = await api.app.inject({ url, headers: await api.authorise('finance') });
      expect(whole.json()).toEqual(
        JSON.parse(JSON.stringify(await valuePerPod(company.db, { ...SEPTEMBER, withPredecessors: true }))),
      );
      const portfolio = await api.app.inject({
        url: '/api/v1/reports/value-per-pod?period=2026-09&portfolio=commerce',
        headers: await api.authorise('pod', { pods: ['checkout'] }),
      });
      expect(portfolio.json()).toMatchObject({ pods: [{ podId: 'checkout', cost: { total: '100' } }] });
    } finally {
      await api.close();
    }
  });
});
