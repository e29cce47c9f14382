/**
 * Which rule wins on which charge date: effective dates, pods' dates behind tags, ids and aliases, merged stretches; and that
 * rulebooks keep their numbers.
 */
import { sql, type Transaction } from 'kysely';
import { describe, expect, onTestFinished } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import {
  attributeAllOrigins,
  attributeOriginsBetween,
  listOriginParts,
} from '../../services/attribution/attribute-origins.ts';
import type { Rule, RulebookContent } from '../../services/attribution/rulebook.ts';
import { currentRulebook, storeRulebook } from '../../services/attribution/store-rulebook.ts';
import { systemPrincipal } from '../../services/kernel/ports.ts';
import {
  AT,
  insertOrigin,
  type OriginGiven,
  pod,
  readAttribution,
  rulebook,
  store,
} from '../support/billed-charges.ts';
import { createTestDatabase, test } from '../support/database.ts';

const BY_TAG: Rule = { id: 'tag', when: { tag: { pod: { exists: true } } }, podFromTag: 'pod' };
const REST: Rule = { id: 'rest', when: {}, pod: 'rest' };

/** `from..until rule pod`, one per stretch. */
async function attribute(trx: Transaction<DB>, content: RulebookContent, origin: OriginGiven): Promise<string[]> {
  const originId = await insertOrigin(trx, origin);
  const rulebookId = await store(trx, content);
  await attributeAllOrigins(trx, rulebookId);
  const stretches = await readAttribution(trx, rulebookId, originId);
  return stretches.map(
    (one) => `${one.valid_from}..${one.valid_until} ${one.rule_id ?? one.kind} ${one.pod_id ?? '-'}`,
  );
}

describe('effective dates', () => {
  test('a rule holds from its first day until the day before its end', async ({ trx }) => {
    const dated: Rule = { id: 'dated', from: '2026-01-01', until: '2026-04-01', when: {}, pod: 'a' };
    expect(await attribute(trx, rulebook([dated, REST], [pod('a'), pod('rest')]), {})).toEqual([
      '-infinity..2026-01-01 rest rest',
      '2026-01-01..2026-04-01 dated a',
      '2026-04-01..infinity rest rest',
    ]);
  });

  test('outside the dates of the only rule cost is unattributed', async ({ trx }) => {
    const dated: Rule = { id: 'dated', until: '2026-04-01', when: {}, pod: 'a' };
    expect(await attribute(trx, rulebook([dated], [pod('a')]), {})).toEqual([
      '-infinity..2026-04-01 dated a',
      '2026-04-01..infinity unattributed -',
    ]);
  });

  test('the first matching rule wins also where its stretch lies inside a later one', async ({ trx }) => {
    const rules: Rule[] = [
      { id: 'march', from: '2026-03-01', until: '2026-04-01', when: {}, pod: 'a' },
      { id: 'year', from: '2026-01-01', until: '2027-01-01', when: {}, pod: 'b' },
      { id: 'april', from: '2026-04-01', until: '2026-05-01', when: {}, pod: 'a' },
    ];
    expect(await attribute(trx, rulebook(rules, [pod('a'), pod('b')]), {})).toEqual([
      '-infinity..2026-01-01 unattributed -',
      '2026-01-01..2026-03-01 year b',
      '2026-03-01..2026-04-01 march a',
      '2026-04-01..2027-01-01 year b',
      '2027-01-01..infinity unattributed -',
    ]);
  });

  test('neighbouring stretches of one rule are one row, however many dates other rules have', async ({ trx }) => {
    const others = Array.from({ length: 12 }, (_, month): Rule => {
      const from = `2026-${String(month + 1).padStart(2, '0')}-01`;
      return { id: `m${month}`, from, when: { regionId: 'elsewhere' }, pod: 'a' };
    });
    expect(await attribute(trx, rulebook([...others, REST], [pod('a'), pod('rest')]), {})).toEqual([
      '-infinity..infinity rest rest',
    ]);
  });

  test('a split and an explicit unattributed name their rule and no pod', async ({ trx }) => {
    const rules: Rule[] = [
      { id: 'shared', until: '2026-01-01', when: {}, split: { method: 'even' } },
      { id: 'sandbox', when: {}, unattributed: 'nobody pays for sandboxes' },
    ];
    expect(await attribute(trx, rulebook(rules, [pod('a')]), {})).toEqual([
      '-infinity..2026-01-01 shared -',
      '2026-01-01..infinity sandbox -',
    ]);
  });
});

describe('pods named by a tag', () => {
  const pods = [pod('checkout', { aliases: ['check-out', 'Kasse'] }), pod('search'), pod('rest')];

  test.for([
    ['its id', 'checkout', 'tag checkout'],
    ['its id in another case', ' CheckOut ', 'tag checkout'],
    ['an alias', 'check-out', 'tag checkout'],
    ['an alias in another case', 'KASSE', 'tag checkout'],
    ['an unknown pod falls to the next rule', 'payments', 'rest rest'],
    ['an empty value falls to the next rule', '', 'rest rest'],
  ] as const)('%s', async ([, value, expected], { trx }) => {
    const rows = await attribute(trx, rulebook([BY_TAG, REST], pods), { tags: { Pod: value } });
    expect(rows).toEqual([`-infinity..infinity ${expected}`]);
  });

  test('without folding only the exact spelling is the pod', async ({ trx }) => {
    const content = rulebook([BY_TAG, REST], pods, { tags: { fold: false, keys: {} } });
    expect(await attribute(trx, content, { tags: { pod: 'Checkout' } })).toEqual(['-infinity..infinity rest rest']);
    expect(await attribute(trx, content, { tags: { pod: 'Kasse' } })).toEqual(['-infinity..infinity tag checkout']);
  });

  test('an id comes before the alias of another pod', async ({ trx }) => {
    const content = rulebook([BY_TAG], [pod('a', { aliases: ['b'] }), pod('b')]);
    expect(await attribute(trx, content, { tags: { pod: 'b' } })).toEqual(['-infinity..infinity tag b']);
  });

  test('a pod that is not active on the charge date falls to the next rule', async ({ trx }) => {
    const dated = [pod('a', { activeFrom: '2026-02-01', activeUntil: '2026-06-01' }), pod('rest')];
    expect(await attribute(trx, rulebook([BY_TAG, REST], dated), { tags: { pod: 'a' } })).toEqual([
      '-infinity..2026-02-01 rest rest',
      '2026-02-01..2026-06-01 tag a',
      '2026-06-01..infinity rest rest',
    ]);
  });

  test("the rule's dates and the pod's dates both count", async ({ trx }) => {
    const dated = [pod('a', { activeFrom: '2026-02-01' })];
    const rule: Rule = { ...BY_TAG, from: '2026-01-01', until: '2026-03-01' };
    expect(await attribute(trx, rulebook([rule], dated), { tags: { pod: 'a' } })).toEqual([
      '-infinity..2026-02-01 unattributed -',
      '2026-02-01..2026-03-01 tag a',
      '2026-03-01..infinity unattributed -',
    ]);
  });

  test('an explicit pod holds whatever its dates', async ({ trx }) => {
    const explicit: Rule = { id: 'explicit', when: {}, pod: 'a' };
    const content = rulebook([explicit], [pod('a', { activeFrom: '2026-02-01', activeUntil: '2026-03-01' })]);
    expect(await attribute(trx, content, {})).toEqual(['-infinity..infinity explicit a']);
  });
});

describe('attributing origins', () => {
  test('rulebook 0 attributes nothing', async ({ trx }) => {
    const originId = await insertOrigin(trx, { service_name: 's' });
    await attributeAllOrigins(trx, 0);
    expect(await readAttribution(trx, 0, originId)).toEqual([
      { valid_from: '-infinity', valid_until: 'infinity', rule_id: null, kind: 'unattributed', pod_id: null },
    ]);
  });

  test('a second time writes nothing', async ({ trx }) => {
    await insertOrigin(trx, {});
    const rulebookId = await store(trx, rulebook([REST], [pod('rest')]));
    expect(await attributeAllOrigins(trx, rulebookId)).toBeGreaterThan(0);
    expect(await attributeAllOrigins(trx, rulebookId)).toBe(0);
  });

  test('beside another process that attributes the same origins writes only what that one has not', async () => {
    const { db, drop } = await createTestDatabase();
    onTestFinished(drop);
    const rulebookId = await db.transaction().execute((trx) => store(trx, rulebook([REST], [pod('rest')])));
    const attributeAll = (trx: Transaction<DB>) => attributeAllOrigins(trx, rulebookId);
    // The first one lays the rulebook, which others wait for.
    await db.transaction().execute(attributeAll);
    const known = await insertOrigin(db, {});
    const other = await db.startTransaction().execute();
    expect(await attributeAll(other)).toBe(1);
    const further = await insertOrigin(db, {});
    const own = db.transaction().execute(attributeAll);
    const waiting = sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into attribution%'
      and datname = current_database()`;
    await expect.poll(async () => (await waiting.execute(db)).rows.length, { timeout: 20_000 }).toBe(1);
    await other.commit().execute();
    expect(await own).toBe(1);
    for (const originId of [known, further]) {
      const { rows } = await sql`
        select rule_id from attribution where rulebook_id = ${rulebookId} and origin_id = ${originId}::bigint`.execute(
        db,
      );
      expect(rows).toEqual([{ rule_id: 'rest' }]);
    }
  });

  test('part by part gives every origin its row', async ({ trx }) => {
    const originIds = [];
    for (let count = 0; count < 5; count += 1) originIds.push(await insertOrigin(trx, {}));
    const rulebookId = await store(trx, rulebook([REST], [pod('rest')]));
    const parts = await listOriginParts(trx, 2);
    expect(parts.map(({ afterId }) => afterId)).toEqual(['-1', ...parts.slice(0, -1).map(({ lastId }) => lastId)]);
    expect(parts.map(({ lastId }) => lastId)).toEqual([
      '3074457345618258601',
      '6148914691236517204',
      '9223372036854775807',
    ]);
    let written = 0;
    for (const part of parts) written += await attributeOriginsBetween(trx, rulebookId, part);
    expect(written).toBe(5);
    for (const originId of originIds) expect(await readAttribution(trx, rulebookId, originId)).toHaveLength(1);
  });
});

describe('rulebooks', () => {
  const content = rulebook([REST], [pod('rest')]);

  test('identical content keeps its number, whatever the order of its keys', async ({ trx }) => {
    const first = await storeRulebook(trx, content, systemPrincipal, AT);
    const reordered = Object.fromEntries(Object.entries(content).reverse()) as unknown as RulebookContent;
    expect(first.created).toBe(true);
    expect(await storeRulebook(trx, reordered, systemPrincipal, AT)).toEqual({ id: first.id, created: false });
  });

  test('the order of the rules is content', async ({ trx }) => {
    const first = await store(trx, rulebook([REST, BY_TAG], [pod('rest')]));
    expect(await store(trx, rulebook([BY_TAG, REST], [pod('rest')]))).toBe(first + 1);
  });

  test('the empty rulebook is number 0 and in force at first', async ({ trx }) => {
    expect(await storeRulebook(trx, rulebook([], []), systemPrincipal, AT)).toEqual({ id: 0, created: false });
    expect(await currentRulebook(trx)).toEqual({ id: 0, content: rulebook([], []) });
  });
});
