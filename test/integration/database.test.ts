/** What every other part relies on: how values cross between PostgreSQL and TypeScript, how sessions are set, how refusals read. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { checkConnection, openDatabase } from '../../db/database.ts';
import { test } from '../support/database.ts';
import { withDatabase } from '../support/test-server.ts';

describe('a connection that breaks', () => {
  test('in the midst of a transaction fails its next statement, and nothing else', async ({ database }) => {
    const { db, pool, close } = openDatabase(database.url);
    const client = await pool.connect();
    await client.query('begin');
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.db);
    await ended;
    await expect(client.query('select 1')).rejects.toThrow(/terminated|not queryable/);
    client.release(true);
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    await close();
  });
});

describe('values', () => {
  test('dates, zoneless timestamps, numeric and bigint arrive as text, alone and in arrays', async ({ trx }) => {
    const { rows } = await sql`
      select date '2026-03-08' as day, timestamp '2026-03-08 02:30:00' as moment,
        12345678901234567890.123456789012 as money, 9007199254740993::bigint as id,
        array[date '2026-03-08'] as days, array[timestamp '2026-03-08 02:30:00'] as moments,
        array[12345678901234567890.12, null] as moneys, array[9007199254740993] as ids
    `.execute(trx);
    expect(rows).toEqual([
      {
        day: '2026-03-08',
        moment: '2026-03-08 02:30:00',
        money: '12345678901234567890.123456789012',
        id: '9007199254740993',
        days: ['2026-03-08'],
        moments: ['2026-03-08 02:30:00'],
        moneys: ['12345678901234567890.12', null],
        ids: ['9007199254740993'],
      },
    ]);
  });

  test('sessions run in UTC, whatever the zone of the process', async ({ trx }) => {
    const { rows } = await sql<{ day: string; mode: string }>`
      select (timestamptz '2026-01-01 00:00:00Z')::date::text as day,
        current_setting('citus.multi_shard_modify_mode') as mode
    `.execute(trx);
    expect(new Date('2026-01-01T00:00:00Z').getDate()).toBe(31);
    expect(rows).toEqual([{ day: '2026-01-01', mode: 'sequential' }]);
  });
});

describe('refusals', () => {
  test('a server that is down is named, with its place and without its password', async () => {
    const url = 'postgres://grace:secret@127.0.0.1:1/outturn';
    const { pool, close } = openDatabase(url);
    await expect(checkConnection(pool, url)).rejects.toMatchObject({
      code: 'database_unreachable',
      message: expect.stringMatching(/^PostgreSQL at grace@127\.0\.0\.1:1\/outturn cannot be reached: .*ECONNREFUSED/),
    });
    await expect(checkConnection(pool, url)).rejects.not.toThrow(/secret/);
    await close();
  });

  test('a wrong password is refused as such', async ({ database }) => {
    const url = new URL(database.url);
    url.password = 'wrong';
    const { pool, close } = openDatabase(url.href);
    await expect(checkConnection(pool, url.href)).rejects.toMatchObject({ code: 'database_refused' });
    await close();
  });

  test('a database that does not exist is refused by name', async ({ database }) => {
    const url = withDatabase(database.url, 'nowhere');
    const { pool, close } = openDatabase(url);
    await expect(checkConnection(pool, url)).rejects.toThrow(/has no such database.*"nowhere"/);
    await close();
  });
});
