/** Migrations: all or nothing, one statement at a time, and never over a later release's database. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { migrateToLatest, pendingMigrations } from '../../db/migrate.ts';
import { createTestDatabase, test as base } from '../support/database.ts';

const test = base
  .extend('empty', async ({}, { onCleanup }) => {
    const { drop, ...database } = await createTestDatabase({ empty: true });
    onCleanup(drop);
    return database;
  })
  .extend('folder', async ({}, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), 'outturn-migrations-'));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    return folder;
  });

test('the migrated template has nothing pending', async ({ database }) => {
  expect(await pendingMigrations(database.db)).toEqual([]);
  expect(await migrateToLatest(database.db)).toEqual([]);
});

test('pending migrations run in the order of their names, once, also when two processes start at once', async ({
  empty,
  folder,
}) => {
  await writeFile(join(folder, '0001_create_first.sql'), 'create table first (id int primary key); -- ; not here');
  await writeFile(
    join(folder, '0002_fill_first.sql'),
    "insert into first values (1); insert into first values (2 + length(';'));",
  );
  expect(await pendingMigrations(empty.db, folder)).toEqual(['0001_create_first', '0002_fill_first']);
  const runs = await Promise.all([migrateToLatest(empty.db, folder), migrateToLatest(empty.db, folder)]);
  expect(runs.flat()).toEqual(['0001_create_first', '0002_fill_first']);
  const { rows } = await sql`select id from first order by id`.execute(empty.db);
  expect(rows).toEqual([{ id: 1 }, { id: 3 }]);
});

test('a migration that fails names itself and leaves nothing behind, not even its predecessors', async ({
  empty,
  folder,
}) => {
  await writeFile(join(folder, '0001_create_first.sql'), 'create table first (id int primary key);');
  await writeFile(
    join(folder, '0002_break_first.sql'),
    'alter table first add column a int; alter table second add column b int;',
  );
  await expect(migrateToLatest(empty.db, folder)).rejects.toThrow(
    /Migration 0002_break_first failed, nothing was changed: relation "second" does not exist/,
  );
  const { rows } = await sql`select to_regclass('first') as first`.execute(empty.db);
  expect(rows).toEqual([{ first: null }]);
});

test('a database of a later release is refused', async ({ empty, folder }) => {
  await writeFile(join(folder, '0001_create_first.sql'), 'create table first (id int primary key);');
  await migrateToLatest(empty.db, folder);
  await rm(join(folder, '0001_create_first.sql'));
  await expect(migrateToLatest(empty.db, folder)).rejects.toMatchObject({
    code: 'database_newer',
    message: expect.stringContaining('0001_create_first'),
  });
});
