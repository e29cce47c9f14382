/**
 * A process that prepares or approves a statement is killed (SIGKILL) at every point that has a name. Afterwards nothing has happened, no
 * half of it; and doing it again does it once, with an unbroken chain.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { FAULT_POINTS, type FaultPoint } from '../../services/kernel/fault-point.ts';
import { listStatements } from '../../services/periods/list-statements.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { insertOrigin } from '../support/billed-charges.ts';
import { approve, prepare, publishBill } from '../support/closing.ts';
import { createTestDatabase, test as base } from '../support/database.ts';

const SCRIPT = join(import.meta.dirname, '../support/close-in-process.ts');
const pointsOf = (prefix: string) => FAULT_POINTS.filter((point) => point.startsWith(prefix));

const test = base.extend('company', async ({}, { onCleanup }) => {
  const { db, url, drop } = await createTestDatabase();
  onCleanup(drop);
  const originId = await insertOrigin(db, { provider_name: 'AWS' });
  await publishBill(db, { charges: [{ originId, date: '2026-09-01', billed: '1' }] });
  return { db, url };
});

/** Does it in a process of its own that dies at the point; gives the signal that ended it. */
async function killDuring(
  url: string,
  what: 'prepare' | 'approve',
  subject: string,
  point: FaultPoint,
): Promise<unknown> {
  const child = spawn(process.execPath, [SCRIPT, url, what, subject], {
    env: { ...process.env, OUTTURN_FAULT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = await once(child, 'exit');
  return signal;
}

/** Statements by state, and how many rows are frozen and audited. */
async function picture(db: Kysely<DB>) {
  const { rows } = await sql<{ frozen: number; events: number }>`
    select (select count(*)::int from statement_pod_day) as frozen,
      (select count(*)::int from audit_event where subject_kind = 'statement') as events
  `.execute(db);
  return { states: (await listStatements(db)).map((one) => one.state), ...rows[0] };
}

describe('killed while it closes a month', () => {
  test.for(pointsOf('close-'))('%s leaves nothing prepared', async (point, { company: { db, url } }) => {
    expect(await killDuring(url, 'prepare', '2026-09', point)).toBe('SIGKILL');
    expect(await picture(db)).toEqual({ states: [], frozen: 0, events: 0 });
    await prepare(db, '2026-09');
    expect(await picture(db)).toEqual({ states: ['prepared'], frozen: 1, events: 1 });
  });

  test.for(pointsOf('approve-'))('%s leaves it prepared', async (point, { company: { db, url } }) => {
    const { statement } = await prepare(db, '2026-09');
    expect(await killDuring(url, 'approve', statement.statementId, point)).toBe('SIGKILL');
    expect(await picture(db)).toEqual({ states: ['prepared'], frozen: 1, events: 1 });
    await approve(db, statement.statementId);
    expect(await picture(db)).toEqual({ states: ['approved'], frozen: 1, events: 2 });
    expect(await verifyStatements(db)).toMatchObject({ verified: true, checked: 1 });
  });
});
