/**
 * Tag faults with their money, over bills published the product's own way: keys and values that are nearly right, pods that no rule
 * can know, and pods that were not active on the charge date. Each test has a rulebook of its own over one bill.
 */
import type { Kysely } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import type { RulebookContent } from '../../services/attribution/rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { rulebookOf } from '../../services/organisation/rulebook-of.ts';
import { costs } from '../../services/reports/costs.ts';
import { type TagHygiene, tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { AT, insertOrigin, insertStagedLoad, store } from '../support/billed-charges.ts';
import { test as base } from '../support/database.ts';

const SEPTEMBER = { period: '2026-09', at: AT };

const PODS = `organisation: Acme
pods:
  - { id: checkout, aliases: [shop] }
  - { id: search, activeFrom: 2026-09-05 }
  - { id: basket, activeUntil: 2026-09-10 }
`;

const test = base.extend('db', { scope: 'file' }, async ({ database: { db } }) => {
  const given: [Record<string, string>, [string, string][]][] = [
    [{ pod: 'Checkout' }, [['2026-09-01', '1000']]],
    [{ pod: 'chekout' }, [['2026-09-01', '40']]],
    [{ pod: 'check out' }, [['2026-09-01', '30']]],
    [
      { pod: 'payments' },
      [
        ['2026-09-01', '20'],
        ['2026-10-01', '5'],
      ],
    ],
    [{ pod: 'payments', application: 'shop' }, [['2026-09-02', '2']]],
    [
      { pod: 'Basket' },
      [
        ['2026-09-09', '9'],
        ['2026-09-10', '10'],
        ['2026-09-30', '0.000000000001'],
      ],
    ],
    [
      { pod: 'search' },
      [
        ['2026-09-04', '4'],
        ['2026-09-05', '500'],
      ],
    ],
    [{ aplication: 'shop' }, [['2026-09-03', '7']]],
    [{ 'user:Application': 'shop' }, [['2026-09-03', '6']]],
    [{ aplication: 'shop', application: 'shop' }, [['2026-09-03', '600']]],
    [{ Application: 'shop' }, [['2026-09-03', '800']]],
    [{ pod: 'sandbox-7', environment: 'sandbox' }, [['2026-09-03', '3']]],
  ];
  const charges = [];
  for (const [tags, dates] of given) {
    const originId = await insertOrigin(db, { provider_name: 'AWS', resource_id: Object.values(tags)[0] ?? '', tags });
    charges.push(...dates.map(([date, billed]) => ({ originId, date, billed })));
  }
  const loadId = await insertStagedLoad(db, { end: '2026-11-01', charges });
  await db.transaction().execute((trx) => store(trx, contentOf('')));
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  return db;
});

function contentOf(text: string): RulebookContent {
  return rulebookOf(parseOrganisation(`${PODS}${text}`));
}

async function underRules(db: Kysely<DB>, text: string): Promise<TagHygiene> {
  const rulebookId = await db.transaction().execute((trx) => store(trx, contentOf(text)));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
  return tagHygiene(db, SEPTEMBER);
}

const TAG_RULES = `rules:
  - { id: sandbox, when: { tag: { environment: sandbox } }, unattributed: "sandboxes belong to nobody" }
  - { id: pod-tag, when: { tag: { pod: { exists: true } } }, podFromTag: pod }
  - { id: app, when: { tag: { application: [shop] } }, pod: checkout }
`;

const FOUND = ['key', 'value', 'fault', 'pod', 'cost', 'unattributedCost', 'lines', 'origins', 'fix'] as const;

function valuesOf(report: TagHygiene) {
  return report.values.map((finding) => FOUND.map((name) => finding[name]));
}

describe('tag hygiene', () => {
  test('shows values that name no pod, or one not active on the charge date, with their money and the fix', async ({
    db,
  }) => {
    expect(valuesOf(await underRules(db, TAG_RULES))).toEqual([
      ['pod', 'chekout', 'typo', 'checkout', '40', '40', 1, 1, 'pods: [{ id: checkout, aliases: [shop, chekout] }]'],
      [
        'pod',
        'check out',
        'spelling',
        'checkout',
        '30',
        '30',
        1,
        1,
        'pods: [{ id: checkout, aliases: [shop, check out] }]',
      ],
      // The next rule gave 2 of it to the checkout; what comes after September is not asked for.
      ['pod', 'payments', 'unknown-pod', null, '22', '20', 2, 2, 'pods: [{ id: "<which?>", aliases: [payments] }]'],
      [
        'pod',
        'basket',
        'not-active',
        'basket',
        '10.000000000001',
        '10.000000000001',
        2,
        1,
        'rules: [{ id: basket-after, from: "2026-09-10", when: { tag: { pod: basket } }, pod: "<which?>" }]',
      ],
      [
        'pod',
        'search',
        'not-active',
        'search',
        '4',
        '4',
        1,
        1,
        'rules: [{ id: search-before, until: "2026-09-05", when: { tag: { pod: search } }, pod: "<which?>" }]',
      ],
    ]);
  });

  test('gives the origin with most of the money as an example, as the bill spells it', async ({ db }) => {
    const report = await underRules(db, TAG_RULES);
    expect(report.values[2]?.example).toMatchObject({ resourceId: 'payments', tags: { pod: 'payments' } });
    expect(report.values[3]?.example.tags).toEqual({ pod: 'Basket' });
  });

  test('cost after a pod’s end falls to the next rule, and an explicit rule for the pod keeps it', async ({ db }) => {
    await underRules(db, `${TAG_RULES}  - { id: rest, when: {}, pod: search }\n`);
    const request = { ...SEPTEMBER, by: ['pod', 'rule'], where: ['tag.pod=basket'] };
    const rows = async () => (await costs(db, request)).rows.map((row) => [row['pod'], row['rule'], row.billedCost]);
    expect(await rows()).toEqual([
      ['basket', 'pod-tag', '9'],
      ['search', 'rest', '10.000000000001'],
    ]);
    await underRules(db, 'rules:\n  - { id: named, when: { tag: { pod: basket } }, pod: basket }\n');
    expect(await rows()).toEqual([['basket', 'named', '19.000000000001']]);
  });

  test('the fix of an ended pod names its one successor', async ({ db }) => {
    await db
      .insertInto('pod')
      .values(['basket', 'checkout'].map((id) => ({ id, name: id, kind: 'delivery' })))
      .execute();
    await db
      .insertInto('pod_successor')
      .values({ pod_id: 'basket', successor_pod_id: 'checkout', basis_points: 10_000 })
      .execute();
    const report = await underRules(db, TAG_RULES);
    const fix = report.values.find((one) => one.value === 'basket')?.fix ?? '';
    expect(fix).toContain('pod: checkout');
    const rules = fix.replace('rules: [', '  - ').replace(/\]$/, '');
    await underRules(db, `${TAG_RULES.replace('rules:\n', `rules:\n${rules}\n`)}`);
    const moved = await costs(db, { ...SEPTEMBER, by: ['pod'], where: ['tag.pod=basket'] });
    expect(moved.rows.map((row) => [row['pod'], row.billedCost])).toEqual([
      ['basket', '9'],
      ['checkout', '10.000000000001'],
    ]);
    await db.deleteFrom('pod_successor').execute();
  });

  test('shows keys that nearly are what rules ask for, where the asked key has no value', async ({ db }) => {
    const report = await underRules(db, TAG_RULES);
    expect(report.keys).toMatchObject([
      {
        key: 'aplication',
        meant: 'application',
        fault: 'typo',
        cost: '7',
        unattributedCost: '7',
        lines: 1,
        origins: 1,
        fix: 'tags: { keys: { application: [aplication] } }',
      },
      {
        key: 'user:Application',
        meant: 'application',
        fault: 'spelling',
        cost: '6',
        unattributedCost: '6',
        lines: 1,
        origins: 1,
        fix: 'tags: { keys: { application: ["user:Application"] } }',
      },
    ]);
  });

  test('the fix of a key keeps the spellings it has, and mends the finding', async ({ db }) => {
    const report = await underRules(db, `tags: { keys: { application: [app] } }\n${TAG_RULES}`);
    expect(report.keys[0]?.fix).toBe('tags: { keys: { application: [app, aplication] } }');
    const mended = await underRules(db, `${report.keys[0]?.fix ?? ''}\n${TAG_RULES}`);
    expect(mended.keys.map(({ key }) => key)).toEqual(['user:Application']);
    const explored = await costs(db, { ...SEPTEMBER, by: ['rule'], where: ['tag.aplication=shop'] });
    expect(explored.rows.map((row) => [row['rule'], row.billedCost])).toEqual([['app', '607']]);
  });

  test('notes case and blanks only where tags are not folded', async ({ db }) => {
    const folded = await underRules(db, TAG_RULES);
    expect(folded.foldsTags).toBe(true);
    expect([...folded.keys, ...folded.values].filter(({ fault }) => fault === 'case')).toEqual([]);
    const exact = await underRules(db, `tags: { fold: false }\n${TAG_RULES}`);
    expect(exact.keys.filter(({ fault }) => fault === 'case')).toMatchObject([{ key: 'Application', cost: '800' }]);
    expect(exact.values.filter(({ fault }) => fault === 'case')).toMatchObject([
      { value: 'Checkout', pod: 'checkout', cost: '1000' },
      { value: 'Basket', pod: 'basket', cost: '19.000000000001' },
    ]);
  });

  test('counts a charge once where two rules read the same tag, and not on dates on which no such rule holds', async ({
    db,
  }) => {
    const rules = `rules:
  - { id: first, from: 2026-09-02, when: { tag: { pod: { exists: true } } }, podFromTag: pod }
  - { id: second, from: 2026-09-02, when: { provider: AWS }, podFromTag: POD }
`;
    const report = await underRules(db, rules);
    expect(report.values.map(({ value, cost }) => [value, cost])).toEqual([
      ['basket', '10.000000000001'],
      ['search', '4'],
      ['sandbox-7', '3'],
      ['payments', '2'],
    ]);
  });

  test('is empty without rules that read tags', async ({ db }) => {
    expect(await underRules(db, '')).toMatchObject({ keys: [], values: [] });
  });

  test('names a rate that is missing', async ({ db }) => {
    await underRules(db, TAG_RULES);
    await expect(tagHygiene(db, { ...SEPTEMBER, currency: 'JPY' })).rejects.toMatchObject({
      code: 'missing_exchange_rate',
    });
  });
});
