/**
 * Publishing: what becomes current, what it replaces, which figures follow, and that any number of publications at once end as
 * one after the other would.
 */
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attributeLoadOrigins } from '../../services/attribution/attribute-origins.ts';
import { rollUpLoad } from '../../services/attribution/roll-up.ts';
import type { RulebookContent } from '../../services/attribution/rulebook.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT, insertOrigin, insertStagedLoad, type LoadGiven, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

const OPTIONS = { at: AT, principal: systemPrincipal };

const BY_REGION = rulebook(
  [
    { id: 'a', when: { regionId: 'a' }, pod: 'a' },
    { id: 'b', when: { regionId: 'b' }, pod: 'b' },
    { id: 'net', when: { regionId: 'net' }, split: { method: 'proportional', owner: 'b' } },
  ],
  [pod('a'), pod('b')],
);

async function putInForce(db: Kysely<DB>, content: RulebookContent): Promise<number> {
  const rulebookId = await db.transaction().execute((trx) => store(trx, content));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
  return rulebookId;
}

/** `pod kind billedCost` of a month, nulls last; an unattributed cost has no pod. */
async function readMonth(db: Kysely<DB>, month: string): Promise<string[]> {
  const { rows } = await sql<{ figure: string }>`
    select concat_ws(' ', coalesce(pod_id, '-'), kind, trim_scale(sum(billed_cost))::text) as figure from pod_day
    where to_char(charge_date, 'YYYY-MM') = ${month} group by pod_id, kind order by pod_id nulls last, kind
  `.execute(db);
  return rows.map((row) => row.figure);
}

async function readStates(db: Kysely<DB>, loadIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ state: string }>`
    select state from load where id = any(${loadIds}::bigint[]) order by array_position(${loadIds}::bigint[], id)
  `.execute(db);
  return rows.map((row) => row.state);
}

async function readFiguresVersion(db: Kysely<DB>): Promise<bigint> {
  const { rows } = await sql<{ version: string }>`select figures_version as version from organisation`.execute(db);
  return BigInt(rows[0]?.version ?? '0');
}

/** Origins of three regions, and a fresh start: no loads, the empty rulebook in force. */
const it = test
  .extend('region', { scope: 'file' }, async ({ database }) => {
    const insert = (region_id: string) => insertOrigin(database.db, { region_id, service_name: 'S' });
    return { a: await insert('a'), b: await insert('b'), net: await insert('net'), other: await insert('other') };
  })
  .extend('db', async ({ database }) => {
    await sql`truncate load cascade`.execute(database.db);
    await sql`truncate pod_cost, rollup_month, pod_day, shared_cost, shared_month, charge`.execute(database.db);
    await sql`update organisation set rulebook_id = 0`.execute(database.db);
    return database.db;
  });

beforeEach(() => expect.hasAssertions());

describe('publishing', () => {
  it('makes a staged load current, with its figures', async ({ db, region }) => {
    await putInForce(db, BY_REGION);
    const version = await readFiguresVersion(db);
    const loadId = await insertStagedLoad(db, {
      charges: [
        { originId: region.a, date: '2026-09-01', billed: '30' },
        { originId: region.b, date: '2026-09-02', billed: '10' },
        { originId: region.net, date: '2026-09-02', billed: '8' },
        { originId: region.other, date: '2026-09-03', billed: '-1.5' },
      ],
    });
    expect(await publishLoad(db, loadId, OPTIONS)).toEqual({ state: 'published', supersededLoadId: null });
    expect(await readMonth(db, '2026-09')).toEqual([
      'a direct 30',
      'a shared 6',
      'b direct 10',
      'b owned 8',
      'b shared 2',
      '- direct -1.5',
    ]);
    expect(await readFiguresVersion(db)).toBe(version + 1n);
  });

  it('before any organisation file everything is unattributed', async ({ db, region }) => {
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '3' }] });
    await publishLoad(db, loadId, OPTIONS);
    expect(await readMonth(db, '2026-09')).toEqual(['- direct 3']);
  });

  it('a second time changes nothing', async ({ db, region }) => {
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '3' }] });
    await publishLoad(db, loadId, OPTIONS);
    const version = await readFiguresVersion(db);
    expect(await publishLoad(db, loadId, OPTIONS)).toEqual({ state: 'published', supersededLoadId: null });
    expect(await readFiguresVersion(db)).toBe(version);
  });

  it('leaves an audit event', async ({ db, region }) => {
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '3' }] });
    await publishLoad(db, loadId, OPTIONS);
    const { rows } = await sql`
      select action, details ->> 'billingPeriod' as period, details ->> 'state' as state from audit_event
      where subject_kind = 'load' and subject_id = ${loadId}
    `.execute(db);
    expect(rows).toEqual([{ action: 'publish-load', period: '2026-09', state: 'published' }]);
  });

  it('refuses a load whose files are still being read', async ({ db }) => {
    const loadId = await insertStagedLoad(db, { charges: [] });
    await sql`update load set state = 'staging' where id = ${loadId}::bigint`.execute(db);
    await expect(publishLoad(db, loadId, OPTIONS)).rejects.toMatchObject({ code: 'conflict' });
    await expect(publishLoad(db, '999999', OPTIONS)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('replacing', () => {
  it('a restated period replaces the former, in every month that either touches', async ({ db, region }) => {
    await putInForce(db, BY_REGION);
    const first = await insertStagedLoad(db, {
      deliveredAt: '2026-10-01T00:00:00Z',
      charges: [
        { originId: region.a, date: '2026-09-10', billed: '5' },
        { originId: region.a, date: '2026-08-31', billed: '2' },
      ],
    });
    const second = await insertStagedLoad(db, {
      deliveredAt: '2026-10-02T00:00:00Z',
      charges: [{ originId: region.b, date: '2026-09-10', billed: '7' }],
    });
    await publishLoad(db, first, OPTIONS);
    expect(await readMonth(db, '2026-08')).toEqual(['a direct 2']);
    expect(await publishLoad(db, second, OPTIONS)).toEqual({ state: 'published', supersededLoadId: first });
    expect(await readStates(db, [first, second])).toEqual(['superseded', 'published']);
    expect(await readMonth(db, '2026-08')).toEqual([]);
    expect(await readMonth(db, '2026-09')).toEqual(['b direct 7']);
  });

  it('an older delivery is superseded at birth', async ({ db, region }) => {
    const older = await insertStagedLoad(db, {
      deliveredAt: '2026-10-01T00:00:00Z',
      charges: [{ originId: region.a, date: '2026-09-10', billed: '5' }],
    });
    const newer = await insertStagedLoad(db, {
      deliveredAt: '2026-10-02T00:00:00Z',
      charges: [{ originId: region.a, date: '2026-09-10', billed: '7' }],
    });
    await publishLoad(db, newer, OPTIONS);
    expect(await publishLoad(db, older, OPTIONS)).toEqual({ state: 'superseded', supersededLoadId: null });
    expect(await readStates(db, [older, newer])).toEqual(['superseded', 'published']);
    expect(await readMonth(db, '2026-09')).toEqual(['- direct 7']);
  });

  it('a header-only restatement takes everything away', async ({ db, region }) => {
    const full = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-10', billed: '5' }] });
    const empty = await insertStagedLoad(db, { charges: [] });
    await publishLoad(db, full, OPTIONS);
    expect(await publishLoad(db, empty, OPTIONS)).toEqual({ state: 'published', supersededLoadId: full });
    expect(await readMonth(db, '2026-09')).toEqual([]);
  });

  it('other sources and other billing periods stay', async ({ db, region }) => {
    const charges = [{ originId: region.a, date: '2026-09-10', billed: '1' }];
    const given: LoadGiven[] = [
      { charges },
      { sourceId: 'gcp', charges },
      { start: '2026-10-01', end: '2026-11-01', charges },
    ];
    const loadIds: string[] = [];
    for (const one of given) loadIds.push(await insertStagedLoad(db, one));
    for (const loadId of loadIds) await publishLoad(db, loadId, OPTIONS);
    expect(await readStates(db, loadIds)).toEqual(['published', 'published', 'published']);
    expect(await readMonth(db, '2026-09')).toEqual(['- direct 3']);
  });
});

describe('at the same time', () => {
  it('deliveries of one billing period leave the latest current, in whatever order they publish', async ({
    db,
    region,
  }) => {
    const loadIds: string[] = [];
    for (let day = 1; day <= 8; day += 1) {
      const charges = [{ originId: region.a, date: `2026-09-0${day}`, billed: String(day) }];
      loadIds.push(await insertStagedLoad(db, { deliveredAt: `2026-10-0${day}T00:00:00Z`, charges }));
    }
    await Promise.all(loadIds.map((loadId) => publishLoad(db, loadId, OPTIONS)));
    expect(await readStates(db, loadIds)).toEqual([...Array<string>(7).fill('superseded'), 'published']);
    expect(await readMonth(db, '2026-09')).toEqual(['- direct 8']);
  });

  it('loads of many sources that share charge months add up', async ({ db, region }) => {
    await putInForce(db, BY_REGION);
    const loadIds: string[] = [];
    for (let source = 1; source <= 8; source += 1) {
      const charges = ['2026-10-01', '2026-09-01'].map((date) => ({ originId: region.a, date, billed: '1' }));
      const shared = { originId: region.net, date: '2026-09-01', billed: '2' };
      loadIds.push(await insertStagedLoad(db, { sourceId: `s${source}`, charges: [...charges, shared] }));
    }
    await Promise.all(loadIds.map((loadId) => publishLoad(db, loadId, OPTIONS)));
    expect(await readMonth(db, '2026-09')).toEqual(['a direct 8', 'a shared 16', 'b owned 16']);
    expect(await readMonth(db, '2026-10')).toEqual(['a direct 8']);
  });

  it('a rulebook that comes into force beside publications is the one of all figures', async ({ db, region }) => {
    const next = rulebook([{ id: 'all', when: {}, pod: 'b' }], [pod('b')]);
    await putInForce(db, BY_REGION);
    const rulebookId = await db.transaction().execute((trx) => store(trx, next));
    const loadIds: string[] = [];
    for (let month = 1; month <= 8; month += 1) {
      const charges = [{ originId: region.a, date: `2026-0${month}-01`, billed: '1' }];
      loadIds.push(await insertStagedLoad(db, { start: `2026-0${month}-01`, end: `2026-0${month + 1}-01`, charges }));
    }
    const publications = loadIds.map((loadId) => publishLoad(db, loadId, OPTIONS));
    const activation = db
      .transaction()
      .execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
    await Promise.all([...publications, activation]);
    const { rows } = await sql`select distinct pod_id, kind from pod_day`.execute(db);
    expect(rows).toEqual([{ pod_id: 'b', kind: 'direct' }]);
  });
});

describe('a new rulebook', () => {
  it('changes the figures of every month without touching a charge', async ({ db, region }) => {
    await putInForce(db, BY_REGION);
    for (const [date, end] of [
      ['2026-08-01', '2026-09-01'],
      ['2026-09-01', '2026-10-01'],
    ] as const) {
      const charges = [{ originId: region.a, date, billed: '4' }];
      await publishLoad(db, await insertStagedLoad(db, { start: date, end, charges }), OPTIONS);
    }
    await putInForce(db, rulebook([{ id: 'a', from: '2026-09-01', when: { regionId: 'a' }, pod: 'b' }], [pod('b')]));
    expect(await readMonth(db, '2026-08')).toEqual(['- direct 4']);
    expect(await readMonth(db, '2026-09')).toEqual(['b direct 4']);
  });

  it('going back takes up the former figures', async ({ db, region }) => {
    const first = await putInForce(db, BY_REGION);
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '4' }] });
    await publishLoad(db, loadId, OPTIONS);
    await putInForce(db, rulebook([], []));
    expect(await readMonth(db, '2026-09')).toEqual(['- direct 4']);
    expect(await putInForce(db, BY_REGION)).toBe(first);
    expect(await readMonth(db, '2026-09')).toEqual(['a direct 4']);
  });

  it('the one in force already changes nothing', async ({ db }) => {
    const rulebookId = await putInForce(db, BY_REGION);
    const version = await readFiguresVersion(db);
    const { activated } = await db
      .transaction()
      .execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
    expect(activated).toBe(false);
    expect(await readFiguresVersion(db)).toBe(version);
  });

  it('that came into force after the roll-up counts when the load publishes', async ({ db, region }) => {
    const first = await putInForce(db, BY_REGION);
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '4' }] });
    await db.transaction().execute(async (trx) => {
      await attributeLoadOrigins(trx, first, loadId);
      await rollUpLoad(trx, loadId, first);
    });
    await putInForce(db, rulebook([{ id: 'all', when: {}, pod: 'b' }], [pod('b')]));
    await publishLoad(db, loadId, OPTIONS);
    expect(await readMonth(db, '2026-09')).toEqual(['b direct 4']);
  });
});

describe('conservation', () => {
  it('a rollup that is not the load is refused with both figures, and nothing is published', async ({ db, region }) => {
    const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '4' }] });
    await sql`update load_total set list_cost = 4.000000000001 where load_id = ${loadId}::bigint`.execute(db);
    await expect(publishLoad(db, loadId, OPTIONS)).rejects.toMatchObject({
      code: 'conservation_broken',
      message: expect.stringContaining('ListCost in USD should be 4.000000000001 and is 4.'),
      details: {
        differences: [{ metric: 'ListCost', billing_currency: 'USD', expected: '4.000000000001', found: '4' }],
      },
    });
    expect(await readStates(db, [loadId])).toEqual(['staged']);
    const { rows } = await sql`select from pod_cost where load_id = ${loadId}::bigint`.execute(db);
    expect(rows).toEqual([]);
  });

  it.for(['pod_day', 'cost_month'])(
    "figures that lost a month's cost in %s are refused",
    async (table, { db, region }) => {
      const loadId = await insertStagedLoad(db, { charges: [{ originId: region.a, date: '2026-09-01', billed: '4' }] });
      await sql`create function lose_cost() returns trigger language plpgsql as 'begin new.billed_cost = 3; return new; end'`.execute(
        db,
      );
      await sql`create trigger lose_cost before insert on ${sql.table(table)} for each row execute function lose_cost()`.execute(
        db,
      );
      try {
        await expect(publishLoad(db, loadId, OPTIONS)).rejects.toMatchObject({
          code: 'conservation_broken',
          message: expect.stringContaining('BilledCost in USD of 2026-09 should be 4 and is 3.'),
        });
      } finally {
        await sql`drop trigger lose_cost on ${sql.table(table)}`.execute(db);
        await sql`drop function lose_cost`.execute(db);
      }
      expect(await readStates(db, [loadId])).toEqual(['staged']);
    },
  );
});
