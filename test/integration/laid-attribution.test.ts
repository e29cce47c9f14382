/** The attribution of all origins at once is that of the view, whatever a rulebook is laid upon. */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { laidAttribution } from '../../services/attribution/laid-attribution.ts';
import { readLayers } from '../../services/attribution/rulebook-layers.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT, insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

const PODS = [pod('a'), pod('b'), pod('c')];
const SERVICES = ['One', 'Two', 'Three', 'Four'];

/** Rules by service; `from` dates the first, so that its origins have two stretches. */
function rulesWith(first: string, last: string) {
  return rulebook(
    [
      { id: 'one', from: '2026-09-10', when: { serviceName: 'One' }, pod: first },
      { id: 'two', when: { serviceName: 'Two' }, pod: 'b' },
      { id: 'three', when: { serviceName: 'Three' }, split: { method: 'even', among: ['a', 'b'] } },
      { id: 'four', when: { serviceName: 'Four' }, pod: last },
    ],
    PODS,
  );
}

test('is the view’s, for a rulebook that stands for itself and for those laid upon it', async ({
  database: { db },
}) => {
  const charges: { originId: string; date: string }[] = [];
  for (const service of [...SERVICES, 'Five']) {
    charges.push({ originId: await insertOrigin(db, { service_name: service }), date: '2026-09-01' });
  }
  await db.transaction().execute(async (trx) => {
    const loadId = await insertStagedLoad(trx, { charges });
    await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(trx);
  });
  const rulebooks = [rulesWith('a', 'a'), rulesWith('c', 'a'), rulesWith('c', 'b')];
  const layers: number[] = [];
  for (const content of rulebooks) {
    const id = await db.transaction().execute((trx) => store(trx, content));
    await prepareRulebook(db, id, silentProgress);
    await db.transaction().execute((trx) => activateRulebook(trx, id, { at: AT, principal: systemPrincipal }));
    layers.push((await readLayers(db, id)).length);
    const { rows: viewed } = await sql`
      select origin_id, valid_from, valid_until, rule_id, kind, pod_id from attributed_origin where rulebook_id = ${id}
      order by origin_id, valid_from`.execute(db);
    expect(viewed).toHaveLength(6);
    expect(await rowsOf(db, id)).toEqual(viewed);
  }
  expect(layers).toEqual([1, 2, 3]);
});

async function rowsOf(db: Kysely<DB>, rulebookId: number): Promise<unknown[]> {
  const laid = await laidAttribution(db, rulebookId);
  const { rows } = await sql`select * from ${laid} as laid order by origin_id, valid_from`.execute(db);
  return rows;
}
