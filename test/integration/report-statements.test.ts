/**
 * What a report costs in statements: each is a round trip and a plan. The statements of value per pod are planned once a connection,
 * and what hides tables in a session is seen by them all the same.
 */
import { Kysely, PostgresDialect, sql } from 'kysely';
import { describe, expect } from 'vitest';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../../services/attribution/figures-version.ts';
import { add, type Decimal, decimal } from '../../services/kernel/decimal.ts';
import { inShadow } from '../../services/replay/shadow.ts';
import { startTestApi } from '../support/api.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('seeded', { scope: 'file' }, async ({ database }): Promise<TestDatabase> => {
  await seedTwoPods(database.db);
  return database;
});

const URL = '/api/v1/reports/value-per-pod?period=2026-09';
const CONTROLS = /^(start transaction|commit)/;

describe('value per pod over HTTP', () => {
  test('asks ten statements where it is made anew, two of them the transaction, and one where it was answered before', async ({
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
        return asked.map((text) =>
          CONTROLS.test(text) ? 'control' : text.startsWith('/* prepared */') ? 'prepared' : text,
        );
      };
      await ask();
      expect(await ask()).toEqual(['prepared']);
      api.clock.set('2026-09-15T12:05:00Z');
      const made = await ask();
      expect(made.filter((kind) => kind === 'control')).toHaveLength(2);
      expect(made.filter((kind) => kind === 'prepared')).toHaveLength(8);
      expect(made).toHaveLength(10);
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
        await raiseFiguresVersion(trx);
      });
      expect(await costOf()).toBe(add(before, decimal('1')));
    } finally {
      await api.close();
    }
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
