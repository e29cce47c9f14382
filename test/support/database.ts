/**
 * A real database for tests: every test file has its own copy of the migrated template (`database`), and a test that needs no
 * commits works in a transaction that is rolled back after it (`trx`). After a failure the database is kept where the server
 * outlives the run, and its URL is printed.
 */
import { randomUUID } from 'node:crypto';
import type { ControlledTransaction, Kysely } from 'kysely';
import pg from 'pg';
import { test as base, inject } from 'vitest';
import { openDatabase } from '../../db/database.ts';
import type { DB } from '../../db/schema.gen.ts';
import { currentFile } from './failed-file.ts';
import { withDatabase } from './test-server.ts';

export interface TestDatabase {
  readonly url: string;
  readonly db: Kysely<DB>;
  readonly pool: pg.Pool;
}

/** `test` with the fixtures `database` (this file's own, shared by its tests) and `trx` (rolled back after each test). */
export const test = base
  .extend('database', { scope: 'file' }, async ({}, { onCleanup }): Promise<TestDatabase> => {
    const { drop, ...database } = await createTestDatabase();
    onCleanup(drop);
    return database;
  })
  .extend('trx', async ({ database }, { onCleanup }): Promise<ControlledTransaction<DB>> => {
    const trx = await database.db.startTransaction().execute();
    onCleanup(async () => {
      if (!trx.isRolledBack && !trx.isCommitted) await trx.rollback().execute();
    });
    return trx;
  });

/**
 * A further database, for tests that need more than one, an `empty` one (without the schema) or a copy of what `createTemplate` filled.
 * The caller drops it.
 */
export async function createTestDatabase(
  options: { empty?: boolean; template?: string } = {},
): Promise<TestDatabase & { drop(): Promise<void> }> {
  const migrated = options.empty === true ? 'template0' : inject('testServer').template;
  const { url, db, pool, drop } = await makeDatabase(options.template ?? migrated);
  return { url, db, pool, drop };
}

/**
 * Fills a database once, for the tests of a file that each begin with the same and commit: a copy of it takes a fraction of the time that
 * filling does. `facts` is what `fill` answers; the caller drops it.
 */
export async function createTemplate<Facts>(
  fill: (database: TestDatabase) => Promise<Facts>,
): Promise<{ template: string; facts: Facts; drop(): Promise<void> }> {
  const { name, url, db, pool, close, drop } = await makeDatabase(inject('testServer').template);
  const facts = await fill({ url, db, pool });
  // Nobody may be connected to what is copied.
  await close();
  return { template: name, facts, drop };
}

async function makeDatabase(template: string) {
  const { url: serverUrl, keepsFailed } = inject('testServer');
  const name = `outturn_test_${randomUUID().replaceAll('-', '')}`;
  await runSql(serverUrl, `create database ${name} template ${template} strategy file_copy`);
  const url = withDatabase(serverUrl, name);
  const { db, pool, close } = openDatabase(url, { applicationName: 'outturn test' });
  const drop = async () => {
    await close();
    if (currentFile.hasFailed && keepsFailed) console.log(`Kept the database of a failed test file: ${url}`);
    else await runSql(serverUrl, `drop database if exists ${name} with (force)`);
  };
  return { name, url, db, pool, close, drop };
}

async function runSql(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
