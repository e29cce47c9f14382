/**
 * Room for uploaded evidence: altogether, and by one name in a day. What is above either is refused before it is stored, what is kept already
 * costs nothing, and two at once never share the last of it.
 */
import { sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { uploadEvidence } from '../../services/evidence/record-evidence.ts';
import { localOperator, type Principal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { planOrganisation } from '../../services/organisation/plan-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { startTestApi } from '../support/api.ts';
import { test as base, type TestDatabase } from '../support/database.ts';

const AT = new Date('2026-09-15T12:00:00Z');
const TOMORROW = new Date('2026-09-16T00:00:00Z');
const ADA: Principal = { id: 'ada@example.com', role: 'ingest', pods: [] };
const BOB: Principal = { ...ADA, id: 'bob@example.com' };
const PLAIN = 'organisation: Acme\npods: [{ id: a }]\n';

const test = base.extend('outcomes', { scope: 'file' }, async ({ database }) => {
  await apply(database, PLAIN);
  return { one: await claim(database, 'one'), two: await claim(database, 'two') };
});

function fileOf(text: string) {
  return { organisation: parseOrganisation(text), sourceText: text, folder: '/nowhere' };
}

function apply({ db }: TestDatabase, text: string) {
  return applyOrganisation(db, { file: fileOf(text), principal: localOperator, at: AT });
}

async function claim({ db }: TestDatabase, title: string): Promise<string> {
  const input = {
    title,
    deliveredOn: '2026-09-01',
    basis: 'strategic' as const,
    ownerEmail: 'owner@example.com',
    shares: [{ pod: 'a', basisPoints: 10_000 }],
  };
  const write = (trx: Transaction<DB>) => createOutcome(trx, { input, principal: localOperator, at: AT });
  return (await db.transaction().execute(write)).outcomeId;
}

/** As an apply of the organisation file sets them. */
function setRoom(trx: Transaction<DB>, bytesMax: number, bytesPerDayMax = bytesMax) {
  return sql`update organisation set evidence_bytes_max = ${bytesMax}, evidence_bytes_per_day_max = ${bytesPerDayMax}`.execute(
    trx,
  );
}

function upload(trx: Transaction<DB>, outcomeId: string, text: string, principal = ADA, at = AT) {
  return uploadEvidence(trx, { outcomeId, fileName: `${text}.txt`, bytes: Buffer.from(text), principal, at });
}

async function stored(trx: Transaction<DB>): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`
    select convert_from(content, 'UTF8') as text from evidence_file order by stored_at, text`.execute(trx);
  return rows.map(({ text }) => text);
}

describe('one name', () => {
  test('adds as much as it may in a day; others go on, and so does it on the next day in UTC', async ({
    trx,
    outcomes,
  }) => {
    await setRoom(trx, 1_000, 8);
    await upload(trx, outcomes.one, 'morning');
    await expect(upload(trx, outcomes.one, 'noon')).rejects.toMatchObject({
      code: 'conflict',
      message:
        'The file noon.txt of 4 bytes is not kept: on 2026-09-15 ada@example.com stored 7 of at most 8 bytes. Send it tomorrow (UTC), give its address, or have evidence.bytesPerDayMax of the organisation file raised.',
    });
    await upload(trx, outcomes.two, 'noon', BOB);
    expect(await upload(trx, outcomes.one, 'noon'), 'what another name brought').toMatchObject({ change: 'created' });
    await upload(trx, outcomes.one, 'next day', ADA, TOMORROW);
  });
});

describe('all uploaded files together', () => {
  test('hold as much as the organisation allows, to the byte, and what is kept already costs nothing', async ({
    trx,
    outcomes,
  }) => {
    await setRoom(trx, 8);
    await upload(trx, outcomes.one, 'four');
    await expect(upload(trx, outcomes.one, 'fives', BOB, TOMORROW)).rejects.toMatchObject({
      code: 'conflict',
      message:
        'The file fives.txt of 5 bytes is not kept: uploaded evidence holds 4 of at most 8 bytes. Keep it where it is and give its address, or have evidence.bytesMax of the organisation file raised.',
    });
    await upload(trx, outcomes.one, 'more');
    expect(await upload(trx, outcomes.two, 'four', BOB), 'another outcome').toMatchObject({ change: 'created' });
    expect(await upload(trx, outcomes.one, 'four'), 'the same again').toMatchObject({ change: 'unchanged' });
    await setRoom(trx, 0);
    expect(await upload(trx, outcomes.two, 'more', BOB), 'a limit below what is there').toMatchObject({
      change: 'created',
    });
    expect(await stored(trx)).toEqual(['four', 'more']);
  });

  test('stay below it where two send at once: the second waits for the first, and is refused', async ({
    database,
    outcomes,
  }) => {
    const { db } = database;
    await db.transaction().execute((trx) => setRoom(trx, 8));
    const first = await db.startTransaction().execute();
    await upload(first, outcomes.one, 'first', localOperator);
    const second = Promise.allSettled([
      db.transaction().execute((trx) => upload(trx, outcomes.two, 'later', BOB, TOMORROW)),
    ]);
    await expect
      .poll(async () => {
        const { rows } = await sql`
          select from pg_locks join pg_database on pg_database.oid = pg_locks.database
          where locktype = 'advisory' and not granted and datname = current_database()`.execute(db);
        return rows.length;
      })
      .toBe(1);
    await first.commit().execute();
    expect(await second).toMatchObject([{ status: 'rejected', reason: { code: 'conflict' } }]);
    expect(await db.transaction().execute(stored)).toEqual(['first']);
  });
});

describe('over HTTP', () => {
  test('the organisation file sets the limit, an upload above it is a 409, and /metrics has both figures', async ({
    database,
    outcomes,
  }) => {
    const { db } = database;
    const limits = async () => {
      const { rows } = await sql`select evidence_bytes_max, evidence_bytes_per_day_max from organisation`.execute(db);
      return rows[0];
    };
    const limited = `${PLAIN}evidence: { bytesMax: 3, bytesPerDayMax: 2000 }\n`;
    expect((await planOrganisation(db, fileOf(limited), AT)).changes).toMatchObject([
      { noun: 'setting', id: 'evidence.bytesMax', to: 3 },
      { noun: 'setting', id: 'evidence.bytesPerDayMax', to: 2000 },
    ]);
    await apply(database, limited);
    const api = await startTestApi(database);
    try {
      const headers = { ...(await api.authorise('pod', { pods: ['a'] })), 'content-type': 'application/octet-stream' };
      const answer = await api.app.inject({
        method: 'POST',
        url: `/api/v1/outcomes/${outcomes.one}/evidence?fileName=big.txt`,
        headers,
        payload: Buffer.from('four'),
      });
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('of at most 3 bytes. Keep it where it is and give its address'),
      });
      const { body } = await api.app.inject({ url: '/metrics' });
      expect(body).toMatch(/^outturn_evidence_file_bytes 5$/m);
      expect(body).toMatch(/^outturn_evidence_file_bytes_max 3$/m);
    } finally {
      await api.close();
    }
    await apply(database, PLAIN);
    expect(await planOrganisation(db, fileOf(PLAIN), AT)).toMatchObject({ unchanged: true });
    expect(await limits(), 'what the file no longer says').toEqual({
      evidence_bytes_max: '5368709120',
      evidence_bytes_per_day_max: '536870912',
    });
  });
});
