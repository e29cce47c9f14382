/** Migrations: all or nothing, one statement at a time, and never over a later release's database. */
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

test('a database that has outcomes is brought on from before their record, and counts what it counted', async ({
  empty,
  folder,
}) => {
  const all = join(import.meta.dirname, '../../db/migrations');
  const before = (await readdir(all)).filter((name) => name < '0034');
  await Promise.all(before.map((name) => copyFile(join(all, name), join(folder, name))));
  await migrateToLatest(empty.db, folder);
  for (const statement of OLD_OUTCOMES) await sql.raw(statement).execute(empty.db);
  await migrateToLatest(empty.db);
  const { rows } = await sql`
    select outcome_id, state, sum(amount) as amount, count(*)::int as rows from counted_schedule group by 1, 2 order by 1
  `.execute(empty.db);
  expect(rows).toEqual([
    { outcome_id: '1', state: 'verified', amount: '100.03', rows: 2 },
    { outcome_id: '2', state: 'claimed', amount: '7.5', rows: 1 },
  ]);
  const { rows: kept } = await sql`
    select state, trim_scale(sum(amount)) as amount from value_month where party = 'pod' group by 1 order by 1
  `.execute(empty.db);
  expect(kept).toEqual([
    { state: 'claimed', amount: '7.5' },
    { state: 'verified', amount: '60.018' },
  ]);
  const { rows: evidence } = await sql`select outcome_id, kind, uri from outcome_evidence`.execute(empty.db);
  expect(evidence).toEqual([{ outcome_id: '1', kind: 'link', uri: 'https://example.com/report' }]);
});

/** One verified for two months and shared in part, one claimed, one that nobody claimed yet, as tables had them before migration 35. */
const OLD_OUTCOMES = [
  `insert into pod (id, name, kind, owner_email) values ('checkout', 'Checkout', 'delivery', 'ada@example.com')`,
  `with stated (id, state, amount, unattributed) as (values (1, 'verified', 100.03, 4000), (2, 'claimed', 7.5, 0), (3, 'candidate', 1, 0)),
    outcomes as (
      insert into outcome (id, version, state, title, basis, amount, currency, delivered_on, recorded_at, owner_email, evidence_url, claimed_by,
        verified_by, verified_at, unattributed_basis_points, content_digest, updated_at)
      select id, 1, state, state, 'cost_avoided', amount, 'USD', '2026-07-01', '2026-07-02T00:00:00Z', 'ada@example.com',
        case state when 'verified' then 'https://example.com/report' end, 'ada@example.com',
        case state when 'verified' then 'grace@example.com' end, case state when 'verified' then timestamptz '2026-07-03T00:00:00Z' end,
        unattributed, state, '2026-07-03T00:00:00Z'
      from stated
    ), shares as (
      insert into outcome_share (outcome_id, pod_id, basis_points) select id, 'checkout', 10000 - unattributed from stated
    )
  insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount)
  select id, 1, date '2026-07-01', date '2026-08-01', case id when 1 then 60 else amount end from stated
  union all select 1, 2, '2026-08-01', '2026-09-01', 40.03`,
];

test('a database of a later release is refused', async ({ empty, folder }) => {
  await writeFile(join(folder, '0001_create_first.sql'), 'create table first (id int primary key);');
  await migrateToLatest(empty.db, folder);
  await rm(join(folder, '0001_create_first.sql'));
  await expect(migrateToLatest(empty.db, folder)).rejects.toMatchObject({
    code: 'database_newer',
    message: expect.stringContaining('0001_create_first'),
  });
});
