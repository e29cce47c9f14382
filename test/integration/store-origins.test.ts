/** Which origins of a file are sent to PostgreSQL: those it lacks. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { askForUnknownOrigins } from '../../services/billing/store-origins.ts';
import { billLine, csvOf, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { test } from '../support/database.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

test('of a bill whose origins are known none is asked for, of one with a new origin that one', async ({ database }) => {
  await database.pool.query(`insert into source (id, kind) values ('files', 'focus-files') on conflict do nothing`);
  const lines = ['vm-1', 'vm-2'].map((name) => billLine({ ResourceId: name }));
  await stage(database, folder.path, [await writeBill(folder.path, 'first.csv', csvOf(lines))]);
  const { rows } = await database.pool.query<{ id: string; digest: string }>('select id::text, digest from origin');
  const known = rows.map(({ id, digest }) => `${id},${digest}\n`).join('');
  const unknown = join(folder.path, 'unknown.csv');
  const ask = async (keys: string) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const path = await writeBill(folder.path, 'keys.csv', keys);
      const isAnyUnknown = await askForUnknownOrigins(client, 'bill.csv', { keys: path, unknown });
      return { isAnyUnknown, ids: await readFile(unknown, 'utf8') };
    } finally {
      await client.end();
    }
  };
  expect(rows.length).toBe(2);
  expect(await ask(known)).toEqual({ isAnyUnknown: false, ids: '' });
  const isNew = '17,d41d8cd9-8f00-b204-e980-0998ecf8427e\n';
  expect(await ask(`${known}${isNew}`)).toEqual({ isAnyUnknown: true, ids: '17\n' });
});
