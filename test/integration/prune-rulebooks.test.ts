/** What was made for former rulebooks goes when nobody can ask for it any more, and comes back the same when a rulebook does. */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook } from '../../services/attribution/activate-rulebook.ts';
import { listUnneededRulebooks, pruneRulebook } from '../../services/attribution/prune-rulebooks.ts';
import { ensureRollUp } from '../../services/attribution/roll-up.ts';
import type { Rule } from '../../services/attribution/rulebook.ts';
import { systemPrincipal } from '../../services/kernel/ports.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

const PODS = [pod('a'), pod('b')];
const REGIONS = ['r1', 'r2', 'r3', 'r4'];
const byRegion = (podOf: (region: string) => string, suffix = ''): Rule[] =>
  REGIONS.map((region) => ({ id: `${region}${suffix}`, when: { regionId: region }, pod: podOf(region) }));

const FIRST = rulebook(
  byRegion(() => 'a'),
  PODS,
);
/** Laid upon the first. */
const SECOND = rulebook(
  byRegion((region) => (region === 'r2' ? 'b' : 'a')),
  PODS,
);
/** Every rule is another: it stands for itself. */
const THIRD = rulebook(
  byRegion(() => 'b', '-anew'),
  PODS,
);

const CELLS = (rulebookId: number) => sql<{ pod_id: string; billed_cost: string; line_count: string }>`
  select pod_id, billed_cost, line_count from rollup_cost where rulebook_id = ${rulebookId} order by pod_id, billed_cost`;

async function publish(db: Kysely<DB>, rulebookId: number): Promise<string> {
  const charges = [];
  for (const [index, region] of REGIONS.entries()) {
    const originId = await insertOrigin(db, { region_id: region });
    charges.push({ originId, date: '2026-09-01', billed: `${index + 1}` });
  }
  const loadId = await insertStagedLoad(db, { charges });
  await db.transaction().execute((trx) => ensureRollUp(trx, loadId, rulebookId));
  await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(db);
  return loadId;
}

describe('former rulebooks', () => {
  test('lose what was made for them 90 days after they were in force, the one laid upon another first', async ({
    database: { db },
  }) => {
    const inForce = async (content: typeof FIRST, at: string) =>
      db.transaction().execute(async (trx) => {
        const id = await store(trx, content);
        await activateRulebook(trx, id, { at: new Date(at), principal: systemPrincipal });
        return id;
      });
    const first = await inForce(FIRST, '2026-01-01');
    const loadId = await publish(db, first);
    const second = await inForce(SECOND, '2026-02-01');
    const before = (await CELLS(second).execute(db)).rows;
    const third = await inForce(THIRD, '2026-03-01');
    await sql`update rulebook_layer set laid_at = '2026-03-01'`.execute(db);

    const layers =
      await sql`select layer_id from rulebook_layer where rulebook_id = ${second} order by distance`.execute(db);
    expect(layers.rows).toEqual([{ layer_id: second }, { layer_id: first }]);
    // In force until the 1st of March: still within the 90 days at the end of May, with the one below it.
    expect(await listUnneededRulebooks(db, new Date('2026-05-29'))).toEqual([]);
    const later = new Date('2026-06-01');
    expect(await listUnneededRulebooks(db, later)).toEqual([second, first]);

    for (const id of [second, first]) {
      expect(await db.transaction().execute((trx) => pruneRulebook(trx, id, later))).toBe(true);
    }
    expect(await db.transaction().execute((trx) => pruneRulebook(trx, third, later))).toBe(false);
    for (const table of ['pod_cost', 'rollup_month', 'load_rollup', 'rollup_layer', 'attribution', 'rulebook_layer']) {
      const { rows } = await sql`select distinct rulebook_id from ${sql.table(table)}`.execute(db);
      expect(rows, table).toEqual(table === 'rollup_layer' ? [] : [{ rulebook_id: third }]);
    }

    // It comes back, upon another base by now.
    await db.transaction().execute((trx) => ensureRollUp(trx, loadId, second));
    expect((await CELLS(second).execute(db)).rows).toEqual(before);
    expect(before).toEqual([
      { pod_id: 'a', billed_cost: '1', line_count: '1' },
      { pod_id: 'a', billed_cost: '3', line_count: '1' },
      { pod_id: 'a', billed_cost: '4', line_count: '1' },
      { pod_id: 'b', billed_cost: '2', line_count: '1' },
    ]);
  });

  test('of a base no cell stays hidden by a rulebook that was taken away', async ({ trx }) => {
    const first = await store(
      trx,
      rulebook(
        byRegion(() => 'a', '-own'),
        PODS,
      ),
    );
    await activateRulebook(trx, first, { at: new Date('2026-01-01'), principal: systemPrincipal });
    const charges = [];
    for (const region of REGIONS) {
      charges.push({ originId: await insertOrigin(trx, { region_id: region }), date: '2026-09-01', billed: '7' });
    }
    const loadId = await insertStagedLoad(trx, { sourceId: 'other', charges });
    await ensureRollUp(trx, loadId, first);
    await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(trx);
    const second = await store(
      trx,
      rulebook(
        byRegion((region) => (region === 'r2' ? 'b' : 'a'), '-own'),
        PODS,
      ),
    );
    await ensureRollUp(trx, loadId, second);
    const hidden = sql<{
      replaced_in: number[] | null;
    }>`select replaced_in from pod_cost where rulebook_id = ${first} and load_id = ${loadId}::bigint and rule_id = 'r2-own'`;
    expect((await hidden.execute(trx)).rows).toEqual([{ replaced_in: [second] }]);
    await sql`update rulebook_layer set laid_at = '2026-01-01'`.execute(trx);
    expect(await pruneRulebook(trx, second, new Date('2026-06-01'))).toBe(true);
    expect((await hidden.execute(trx)).rows).toEqual([{ replaced_in: null }]);
  });
});
