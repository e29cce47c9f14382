/**
 * A process that publishes a load or puts a rulebook in force is killed (SIGKILL) at every point that has a name. Afterwards the
 * figures are the old ones or the new ones, whole; and doing it again gives the new ones, once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { FAULT_POINTS, type FaultPoint } from '../../services/kernel/fault-point.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';
import { publish, activate } from '../support/publishing.ts';

const SCRIPT = join(import.meta.dirname, '../support/publish-in-process.ts');
const pointsOf = (prefix: string) => FAULT_POINTS.filter((point) => point.startsWith(prefix));

/** Does it in a process of its own that dies at the point; gives the signal that ended it. */
async function killDuring(url: string, what: 'publish' | 'rulebook', id: string, point: FaultPoint): Promise<unknown> {
  const child = spawn(process.execPath, [SCRIPT, url, what, id], {
    env: { ...process.env, OUTTURN_FAULT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = await once(child, 'exit');
  return signal;
}

/** `loadState:pod=billedCost,…` of everything: one text for the whole published picture. */
async function readFigures(db: Kysely<DB>, loadIds: readonly string[]): Promise<string> {
  const { rows } = await sql<{ picture: string }>`
    select (select string_agg(state, ' ' order by id) from load where id = any(${loadIds}::bigint[]))
      || ': ' || coalesce((select string_agg(concat(coalesce(pod_id, '-'), ' ', trim_scale(billed_cost)), ', '
        order by pod_id, kind) from pod_day), 'nothing')
      || '; changes ' || (select count(*) from audit_event where action = 'publish-load') as picture
  `.execute(db);
  return rows[0]?.picture ?? '';
}

async function clear(db: Kysely<DB>): Promise<void> {
  await sql`truncate load, pod_cost, rollup_month, pod_day, shared_cost, shared_month, attribution, audit_event cascade`.execute(
    db,
  );
  await sql`update organisation set rulebook_id = 0`.execute(db);
}

describe('killed while it publishes', () => {
  test.for(pointsOf('publish-'))('%s', async (point, { database: { db, url } }) => {
    await clear(db);
    const originId = await insertOrigin(db, {});
    const former = await insertStagedLoad(db, { charges: [{ originId, date: '2026-09-01', billed: '1' }] });
    const restated = await insertStagedLoad(db, { charges: [{ originId, date: '2026-09-01', billed: '2' }] });
    await publish(db, former);

    expect(await killDuring(url, 'publish', restated, point)).toBe('SIGKILL');
    const isDone = point === 'publish-after-commit';
    const before = 'published staged: - 1; changes 1';
    const after = 'superseded published: - 2; changes 2';
    expect(await readFigures(db, [former, restated])).toBe(isDone ? after : before);

    await publish(db, restated);
    expect(await readFigures(db, [former, restated])).toBe(after);
  });
});

describe('killed while it puts a rulebook in force', () => {
  test.for([...pointsOf('prepare-'), ...pointsOf('activate-')])('%s', async (point, { database: { db, url } }) => {
    await clear(db);
    const originId = await insertOrigin(db, {});
    const loadId = await insertStagedLoad(db, { charges: [{ originId, date: '2026-09-01', billed: '1' }] });
    await publish(db, loadId);
    const content = rulebook([{ id: 'all', when: {}, pod: 'p' }], [pod('p')]);
    const rulebookId = await db.transaction().execute((trx) => store(trx, content));

    expect(await killDuring(url, 'rulebook', String(rulebookId), point)).toBe('SIGKILL');
    expect(await readFigures(db, [loadId])).toBe('published: - 1; changes 1');

    await activate(db, rulebookId);
    expect(await readFigures(db, [loadId])).toBe('published: p 1; changes 1');
  });
});
