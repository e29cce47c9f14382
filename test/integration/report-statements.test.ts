/**
 * What a report costs in statements: each is a round trip and a plan. The statements of value per pod are planned once a connection,
 * and what hides tables in a session is seen by them all the same.
 */
import { type CompiledQuery, Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import { createValueReader } from '../../services/access/value-reader.ts';
import { raiseFiguresVersion } from '../../services/attribution/figures-version.ts';
import { sumPodMonths } from '../../services/attribution/pod-months.ts';
import { add, type Decimal, decimal } from '../../services/kernel/decimal.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { inShadow } from '../../services/replay/shadow.ts';
import { readReportFacts } from '../../services/reports/report-facts.ts';
import { valuePerPod, valuePerPodAtOnce } from '../../services/reports/value-per-pod.ts';
import { startTestApi } from '../support/api.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('seeded', { scope: 'file' }, async ({ database }): Promise<TestDatabase> => {
  await seedTwoPods(database.db);
  return database;
});

const FINANCE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
const URL = '/api/v1/reports/value-per-pod?period=2026-09';

describe('value per pod over HTTP', () => {
  test('asks two statements where it is made anew, five after figures changed, and one where it was answered before', async ({
    seeded,
  }) => {
    const asked: string[] = [];
    const db = new Kysely<DB>({
      dialect: new PostgresDialect({ pool: seeded.pool }),
      log: (event) => {
        asked.push(event.query.sql);
      },
    });
    const api = await startTestApi({ ...seeded, db });
    try {
      const headers = await api.authorise('finance');
      const ask = async () => {
        asked.length = 0;
        expect((await api.app.inject({ url: URL, headers })).statusCode).toBe(200);
        return asked.map((text) => (text.startsWith('/* prepared */') ? 'prepared' : text));
      };
      await ask();
      expect(await ask()).toEqual(['prepared']);
      api.clock.set('2026-09-15T12:05:00Z');
      // Who asks, and the report.
      expect(await ask()).toEqual(['prepared', 'prepared']);
      await seeded.db.transaction().execute((trx) => raiseFiguresVersion(trx, 'anything'));
      // The facts of the new figures besides, and two for whether adjustments of closed months are kept.
      expect(await ask()).toEqual(['prepared', 'prepared', 'prepared', 'prepared', 'prepared']);
    } finally {
      await api.close();
    }
  });

  test('shows a changed figure to the very next request', async ({ seeded }) => {
    const api = await startTestApi(seeded);
    try {
      const headers = await api.authorise('finance');
      const costOf = async () => {
        const { body } = await api.app.inject({ url: URL, headers });
        return (JSON.parse(body) as { total: { cost: Decimal } }).total.cost;
      };
      const before = await costOf();
      await seeded.db.transaction().execute(async (trx) => {
        await sql`update pod_day set effective_cost = effective_cost + 1 where pod_id is null`.execute(trx);
        await sumPodMonths(trx, ['2026-09-01']);
        await raiseFiguresVersion(trx, 'anything');
      });
      expect(await costOf()).toBe(add(before, decimal('1')));
    } finally {
      await api.close();
    }
  });

  test('made at once is the report that a transaction reads, for every digit and after each change of what frames it', async ({
    seeded,
  }) => {
    const { db } = seeded;
    const readValue = createValueReader(db);
    const at = new Date('2026-09-15T12:00:00Z');
    const request = { period: '2026-09', at };
    const compare = async () => {
      const { figures_version } = await db
        .selectFrom('organisation')
        .select('figures_version')
        .executeTakeFirstOrThrow();
      const report = await readValue({ principal: FINANCE, figuresVersion: figures_version, request });
      expect(report).toEqual(await readAs(db, FINANCE, (trx) => valuePerPod(trx, request)));
      return report;
    };
    const change = (statement: RawBuilder<unknown>) =>
      db.transaction().execute(async (trx) => {
        await statement.execute(trx);
        await sumPodMonths(trx, ['2026-09-01']);
        await raiseFiguresVersion(trx, 'anything');
      });
    await compare();
    const tail = '0.000000000000000000000000000001';
    await change(sql`update pod_day set effective_cost = effective_cost + ${tail}::numeric where pod_id is null`);
    const { unattributed } = await compare();
    expect(unattributed.cost).toMatch(/0000001$/);
    await change(sql`update pod set name = 'Another name' where id = 'checkout'`);
    const { pods } = await compare();
    expect(pods.find(({ podId }) => podId === 'checkout')?.name).toBe('Another name');
    await change(sql`update load set usage_until = usage_until - interval '2 days' where state = 'published'`);
    await compare();
    await change(sql`update organisation set cost_metric = 'BilledCost'`);
    expect((await compare()).costMetric).toBe('BilledCost');
  });

  test('has the sums of a cut month kept when it is first asked for, and is the same without them', async ({
    seeded,
  }) => {
    const { db } = seeded;
    const at = new Date('2026-09-15T12:00:00Z');
    const request = { period: '2026-09', at };
    const readValue = createValueReader(db);
    const ask = async () => {
      const { figures_version } = await db
        .selectFrom('organisation')
        .select('figures_version')
        .executeTakeFirstOrThrow();
      const report = await readValue({ principal: FINANCE, figuresVersion: figures_version, request });
      expect(report).toEqual(await readAs(db, FINANCE, (trx) => valuePerPod(trx, request)));
      return report.total.claimed;
    };
    const cuts = async () => (await db.selectFrom('value_cut').select('cut_on').execute()).map((cut) => cut.cut_on);
    const claimWith = (trx: Transaction<DB>, title: string) =>
      createOutcome(trx, {
        input: {
          title,
          deliveredOn: '2026-09-02',
          basis: 'cost_reduction',
          amount: '10.07',
          currency: 'USD',
          recogniseUntil: '2026-12-24',
          shares: [{ pod: 'checkout', basisPoints: 3_333 }],
          ownerEmail: 'val@example.com',
        },
        principal: FINANCE,
        at,
      });
    await db.transaction().execute((trx) => claimWith(trx, 'One'));
    const first = await ask();
    expect(await cuts()).toContain('2026-09-12');
    expect(await ask()).toBe(first);
    await db.transaction().execute((trx) => claimWith(trx, 'Two'));
    expect(await ask()).not.toBe(first);
    await sql`delete from value_cut`.execute(db);
    await sql`delete from value_month where extract(day from recognised_until) > 1`.execute(db);
    await sql`delete from outcome_month where extract(day from recognised_until) > 1`.execute(db);
    await ask();
    await ask();
    expect(await cuts()).toContain('2026-09-12');
  });

  test('of facts that are no longer those of the figures is read anew', async ({ seeded }) => {
    const { db } = seeded;
    const facts = await readReportFacts(db);
    const asked = {
      request: { period: '2026-09', at: new Date('2026-09-15T12:00:00Z') },
      statements: new Map(),
      execute: async <Row>(statement: CompiledQuery<Row>) => (await db.executeQuery(statement)).rows,
    };
    expect(await valuePerPodAtOnce(db, facts, asked)).toMatchObject({ isStale: false, report: { currency: 'USD' } });
    await db.transaction().execute((trx) => raiseFiguresVersion(trx, 'anything'));
    expect(await valuePerPodAtOnce(db, facts, asked)).toEqual({ isStale: true, report: null, cutToKeep: null });
  });
});

describe('a statement that was planned before', () => {
  test('reads what hides its table, and the table again afterwards', async ({ seeded }) => {
    const count = async (db: Kysely<DB>) => {
      const { rows } = await sql<{ pods: number }>`${PREPARED} select count(*)::int as pods from pod`.execute(db);
      return rows[0]?.pods;
    };
    await seeded.db.connection().execute(async (connection) => {
      // A session that has had a temporary table does not notice by itself that another one hides what a plan reads.
      await sql`create temporary table unrelated (one integer)`.execute(connection);
      // Beyond the fifth run PostgreSQL may keep its plan.
      for (let run = 0; run < 7; run += 1) expect(await count(connection)).toBe(2);
      await inShadow(connection, {}, async (shadow) => {
        await shadow.hide('pod');
        expect(await count(shadow.trx)).toBe(0);
        await shadow.settle();
        expect(await count(shadow.trx)).toBe(0);
      });
      expect(await count(connection)).toBe(2);
    });
  });
});
