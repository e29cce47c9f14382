/**
 * Row-level security at the level of SQL: what the role that pods read as can see, whatever the query. A forgotten filter in a
 * service must not matter, so the queries here have none.
 */
import { sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { test as base, type TestDatabase } from '../support/database.ts';
import { SECRETS_OF_SEARCH, seedTwoPods, withoutRandomIds } from '../support/two-pods.ts';

const test = base.extend('seeded', { scope: 'file' }, async ({ database }): Promise<TestDatabase> => {
  await seedTwoPods(database.db);
  return database;
});

/** Everything that holds pods' figures, or tells about them. */
const GUARDED = [
  'pod',
  'pod_cost',
  'shared_cost',
  'pod_day',
  'pod_month',
  'cost_month',
  'outcome',
  'outcome_share',
  'outcome_schedule',
  'outcome_reference',
  'outcome_evidence',
  'evidence_file',
  'note',
  'envelope',
  'envelope_version',
  'envelope_version_rate',
  'envelope_state',
  'raise_request',
  'activation',
  'alert',
  'message',
] as const;

const checkout: Principal = { id: 'ada@example.com', role: 'pod', pods: ['checkout'] };

async function readAll(trx: Transaction<DB>, table: string): Promise<unknown[]> {
  return (await sql`select * from ${sql.table(table)}`.execute(trx)).rows;
}

describe('the role that pods read as', () => {
  test('sees nothing at all where nobody said which pods', async ({ seeded }) => {
    await seeded.db.transaction().execute(async (trx) => {
      await sql`set local role outturn_pod`.execute(trx);
      for (const table of GUARDED) expect(await readAll(trx, table), table).toEqual([]);
    });
  });

  test('sees nothing of the pods of the transaction before on the same connection', async ({ seeded }) => {
    await seeded.db.connection().execute(async (connection) => {
      await readAs(connection, checkout, (trx) => readAll(trx, 'pod_day'));
      await connection.transaction().execute(async (trx) => {
        await sql`set local role outturn_pod`.execute(trx);
        expect(await readAll(trx, 'pod_day')).toEqual([]);
      });
      const { rows } = await sql<{ role: string }>`select current_user as role`.execute(connection);
      expect(rows[0]?.role).not.toBe('outturn_pod');
    });
  });

  test('sees its own rows and no trace of another pod', async ({ seeded }) => {
    await readAs(seeded.db, checkout, async (trx) => {
      for (const table of GUARDED) {
        const rows = await readAll(trx, table);
        if (table !== 'envelope_version_rate') expect(rows.length, table).toBeGreaterThan(0);
        const text = withoutRandomIds(JSON.stringify(rows));
        for (const secret of SECRETS_OF_SEARCH) expect(text, `${table} ${secret}`).not.toContain(secret);
      }
      expect(await readAll(trx, 'outcome_share')).toHaveLength(2);
      expect(await readAll(trx, 'outcome')).toHaveLength(2);
    });
  });

  test('sees several pods where the token is bound to several', async ({ seeded }) => {
    const both: Principal = { ...checkout, pods: ['checkout', 'search'] };
    expect(await readAs(seeded.db, both, (trx) => readAll(trx, 'envelope'))).toHaveLength(2);
  });

  test('may not read what no pod needs: bills, tokens, the audit trail, history', async ({ seeded }) => {
    const closed = [
      'charge',
      'origin',
      'attribution',
      'load_total',
      'api_token',
      'idempotent_request',
      'audit_event',
      'outcome_version',
      'applied_file',
      'rejection',
      'invoice',
      'invoice_version',
      'journal',
      'journal_line',
    ];
    for (const table of closed) {
      await expect(
        readAs(seeded.db, checkout, (trx) => readAll(trx, table)),
        table,
      ).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('writes nothing, not even within its own pods', async ({ seeded }) => {
    for (const statement of [
      `update envelope_version set envelope_limit = 1`,
      `delete from pod_day`,
      `insert into worker default values`,
    ]) {
      await expect(
        readAs(seeded.db, checkout, (trx) => sql.raw(statement).execute(trx)),
        statement,
      ).rejects.toMatchObject({ code: expect.stringMatching(/^(25006|42501)$/) });
    }
  });

  test('cannot widen itself: a pod id is data, never SQL or JSON', async ({ seeded }) => {
    const crafted: Principal = { ...checkout, pods: [`checkout","search`, `x'] or true --`] };
    expect(await readAs(seeded.db, crafted, (trx) => readAll(trx, 'pod_day'))).toEqual([]);
  });
});

test('every table that names a pod is either closed to pods or guarded by a policy', async ({ seeded }) => {
  const { rows } = await sql<{ name: string }>`
    select distinct relation.relname as name
    from pg_class as relation
    join pg_attribute as attribute on attribute.attrelid = relation.oid
    where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'p')
      and attribute.attname in ('pod_id', 'scope_id', 'envelope_id', 'outcome_id')
      and has_table_privilege('outturn_pod', relation.oid, 'select') and not relation.relrowsecurity
  `.execute(seeded.db);
  expect(rows).toEqual([]);
});
