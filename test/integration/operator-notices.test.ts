/** The operators hear once that a source went late and once that it is back, however often somebody looks in between. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { notifyOperators } from '../../services/alerts/notify-operators.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addLoad } from '../support/envelope-builders.ts';

async function reset({ db }: TestDatabase): Promise<void> {
  await sql`truncate message, load, source_lateness, source_run restart identity cascade`.execute(db);
  await sql`delete from source where id <> 'files'`.execute(db);
  await sql`insert into source (id, kind, expect_every) values ('aws', 'aws-data-export', '1 day')`.execute(db);
}

const deliver = ({ db }: TestDatabase, throughDay: string, sourceId = 'aws') =>
  addLoad(db, { sourceId, billingPeriod: '2026-09', throughDay, publishedAt: `${throughDay}T23:00:00Z` });

async function look({ db }: TestDatabase, at: string, isAfterLoad = false): Promise<string[]> {
  await db.transaction().execute((trx) => notifyOperators(trx, { at: new Date(at), isAfterLoad }));
  const { rows } = await sql<{ text: string }>`
    select text from message where kind = 'operator-notice' and scope_kind = 'organisation' order by created_at, once_key`.execute(
    db,
  );
  return rows.map((row) => row.text);
}

describe('a source', () => {
  test('that goes late is told of once, and once when it is back; late again is told again', async ({ database }) => {
    await reset(database);
    await deliver(database, '2026-09-10');
    expect(await look(database, '2026-09-11T20:00:00Z')).toEqual([]);
    expect(await look(database, '2026-09-12T00:30:00Z', true)).toEqual([]);
    for (const hour of ['01', '02', '23']) await look(database, `2026-09-12T${hour}:00:00Z`);
    // Some more data, and still behind: no other message.
    await deliver(database, '2026-09-11');
    expect(await look(database, '2026-09-14T06:00:00Z')).toEqual([
      expect.stringContaining('The source aws is late: its data ends with 10 Sep'),
    ]);
    await deliver(database, '2026-09-13');
    await look(database, '2026-09-14T07:00:00Z', true);
    expect(await look(database, '2026-09-14T09:00:00Z')).toEqual([
      expect.any(String),
      'The source aws is back, with data up to 13 Sep. It was late since 12 Sep.',
    ]);
    expect(await look(database, '2026-09-16T09:00:00Z')).toHaveLength(3);
  });

  test('that nobody promised is never late', async ({ database }) => {
    await reset(database);
    await deliver(database, '2026-09-01', 'files');
    await sql`update source set expect_every = null`.execute(database.db);
    await deliver(database, '2026-09-01');
    expect(await look(database, '2026-09-29T06:00:00Z')).toEqual([]);
  });

  test('that has delivered nothing is late once it was looked at for longer than it may take', async ({ database }) => {
    await reset(database);
    expect(await look(database, '2026-09-10T06:00:00Z')).toEqual([]);
    await sql`insert into source_run (source_id, reason, started_at) values ('aws', 'schedule', '2026-09-10T06:00:00Z')`.execute(
      database.db,
    );
    expect(await look(database, '2026-09-11T05:00:00Z')).toEqual([]);
    expect(await look(database, '2026-09-11T07:00:00Z')).toEqual([
      expect.stringContaining('it has delivered nothing yet'),
    ]);
  });

  test('that left the file while it was late is not told of any more', async ({ database }) => {
    await reset(database);
    await deliver(database, '2026-09-10');
    await look(database, '2026-09-13T06:00:00Z');
    await sql`update source set removed_at = now() where id = 'aws'`.execute(database.db);
    expect(await look(database, '2026-09-20T06:00:00Z')).toHaveLength(1);
    const { rows } = await sql`select back_at is not null as is_over from source_lateness`.execute(database.db);
    expect(rows).toEqual([{ is_over: true }]);
  });
});
