/**
 * Who carries shared cost and how much, one fact at a time: methods, members, dates, the missing units, and what is left with
 * nobody. Exactness under random input is shown by the property test beside it.
 */
import { type Kysely, sql } from 'kysely';
import type { Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { rebuildMonths } from '../../services/attribution/rebuild-months.ts';
import { ensureRollUp } from '../../services/attribution/roll-up.ts';
import type { RulebookPod, RuleSplit } from '../../services/attribution/rulebook.ts';
import { readSplitWeights } from '../../services/attribution/split-weights.ts';
import { type ChargeGiven, insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

interface SplitGiven {
  readonly split: RuleSplit;
  readonly pods: readonly RulebookPod[];
  /** The shared cost to cut, in USD on 2026-09-15 unless given otherwise. */
  readonly shared: string | readonly Omit<ChargeGiven, 'originId'>[];
  /** Direct EffectiveCost by pod, on 2026-09-01 unless given otherwise. */
  readonly direct?: Readonly<Record<string, string | Omit<ChargeGiven, 'originId'>>>;
}

/** Publishes direct and shared cost; gives `pod amount` per share of BilledCost, nobody last. */
async function cut(trx: Transaction<DB>, given: SplitGiven): Promise<string[]> {
  const rules = given.pods.map((one) => ({ id: one.id, when: { regionId: one.id }, pod: one.id }));
  const content = rulebook([...rules, { id: 'shared', when: { regionId: 'shared' }, split: given.split }], given.pods);
  const charges: ChargeGiven[] = [];
  for (const [podId, cost] of Object.entries(given.direct ?? {})) {
    const originId = await insertOrigin(trx, { region_id: podId });
    const charge = typeof cost === 'string' ? { date: '2026-09-01', billed: '0', effective: cost } : cost;
    charges.push({ originId, ...charge });
  }
  const originId = await insertOrigin(trx, { region_id: 'shared' });
  const shared = typeof given.shared === 'string' ? [{ date: '2026-09-15', billed: given.shared }] : given.shared;
  charges.push(...shared.map((charge) => ({ originId, ...charge })));
  const rulebookId = await store(trx, content);
  const loadId = await insertStagedLoad(trx, { charges });
  await ensureRollUp(trx, loadId, rulebookId);
  await sql`update organisation set rulebook_id = ${rulebookId}`.execute(trx);
  await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(trx);
  await rebuildMonths(trx, ['2026-09-01', '2026-10-01']);
  return readShares(trx);
}

async function readShares(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ share: string }>`
    select concat_ws(' ', coalesce(pod_id, '-'), trim_scale(sum(billed_cost))::text) as share from shared_cost
    group by pod_id, charge_date, billing_currency order by charge_date, billing_currency, pod_id nulls last
  `.execute(db);
  return rows.map((row) => row.share);
}

const ABC = [pod('a'), pod('b'), pod('c')];
const EVEN = { method: 'even', among: ['a', 'b', 'c'] } as const;

describe('methods', () => {
  test('even: the missing unit goes to the lowest pod id', async ({ trx }) => {
    expect(await cut(trx, { split: EVEN, pods: ABC, shared: '100' })).toEqual([
      'a 33.333333333334',
      'b 33.333333333333',
      'c 33.333333333333',
    ]);
  });

  test('a negative amount is cut like a positive one, mirrored', async ({ trx }) => {
    expect(await cut(trx, { split: EVEN, pods: ABC, shared: '-0.000000000002' })).toEqual([
      'a -0.000000000001',
      'b -0.000000000001',
      'c 0',
    ]);
  });

  test('a whole with more decimals is cut at its own scale', async ({ trx }) => {
    expect(await cut(trx, { split: EVEN, pods: ABC, shared: '0.0000000000000000000000000001' })).toEqual([
      'a 0.0000000000000000000000000001',
      'b 0',
      'c 0',
    ]);
  });

  test('fixed: shares are weight by sum, for the pods that the weights name', async ({ trx }) => {
    const split: RuleSplit = { method: 'fixed', weights: { a: '1', b: '2.5' } };
    expect(await cut(trx, { split, pods: ABC, shared: '7' })).toEqual(['a 2', 'b 5']);
  });

  test('proportional: to the direct cost in the basis, and one set of shares for all metrics', async ({ trx }) => {
    const split: RuleSplit = { method: 'proportional', basis: 'ListCost' };
    const direct = {
      a: { date: '2026-09-01', billed: '900', list: '1' },
      b: { date: '2026-09-30', billed: '1', list: '3' },
    };
    expect(await cut(trx, { split, pods: ABC, shared: '8', direct })).toEqual(['a 2', 'b 6']);
    const { rows } = await sql`
      select pod_id, trim_scale(effective_cost) as effective_cost from shared_cost order by pod_id
    `.execute(trx);
    expect(rows).toEqual([
      { pod_id: 'a', effective_cost: '2' },
      { pod_id: 'b', effective_cost: '6' },
    ]);
  });

  test('proportional without a basis goes by the reporting metric', async ({ trx }) => {
    expect(
      await cut(trx, { split: { method: 'proportional' }, pods: ABC, shared: '8', direct: { a: '1', c: '3' } }),
    ).toEqual(['a 2', 'c 6']);
  });

  test('proportional: a pod at or below zero takes no part', async ({ trx }) => {
    const given = { split: { method: 'proportional' } as const, pods: ABC, shared: '8' };
    expect(await cut(trx, { ...given, direct: { a: '-5', b: '4', c: '4' } })).toEqual(['b 4', 'c 4']);
  });

  test('direct cost counts by the calendar month and the billing currency of the shared charge', async ({ trx }) => {
    const shared = [
      { date: '2026-09-15', billed: '4', currency: 'EUR' },
      { date: '2026-09-15', billed: '4', currency: 'USD' },
      { date: '2026-10-01', billed: '4', currency: 'USD' },
    ];
    const direct = {
      a: { date: '2026-09-30', billed: '1', currency: 'EUR' },
      b: { date: '2026-09-01', billed: '1', currency: 'USD' },
      c: { date: '2026-10-31', billed: '1', currency: 'USD' },
    };
    const split: RuleSplit = { method: 'proportional' };
    expect(await cut(trx, { split, pods: ABC, shared, direct })).toEqual(['a 4', 'b 4', 'c 4']);
  });
});

describe('worked examples', () => {
  const PAIR = [pod('a'), pod('b')];
  const DIRECT = { a: '28', b: '36' };
  const among = ['a', 'b'];

  /** `pod loaded`: direct cost and share together, in EffectiveCost. */
  async function loaded(trx: Transaction<DB>, split: RuleSplit, shared: string): Promise<string[]> {
    await cut(trx, { split, pods: PAIR, shared, direct: DIRECT });
    const { rows } = await sql<{ row: string }>`
      select concat_ws(' ', pod_id, trim_scale(sum(effective_cost))::text) as row from pod_day
      where kind in ('direct', 'shared') group by pod_id order by pod_id
    `.execute(trx);
    return rows.map(({ row }) => row);
  }

  test('18 shared evenly over direct 28 and 36 gives 37 and 45', async ({ trx }) => {
    expect(await loaded(trx, { method: 'even', among }, '18')).toEqual(['a 37', 'b 45']);
  });

  test('18 shared proportionally over direct 28 and 36 gives 35.875 and 46.125', async ({ trx }) => {
    expect(await loaded(trx, { method: 'proportional', among }, '18')).toEqual(['a 35.875', 'b 46.125']);
  });

  test('a credit of 18 is split likewise: 20.125 and 25.875', async ({ trx }) => {
    expect(await loaded(trx, { method: 'proportional', among }, '-18')).toEqual(['a 20.125', 'b 25.875']);
  });

  test('a credit of 18 split evenly gives 19 and 27', async ({ trx }) => {
    expect(await loaded(trx, { method: 'even', among }, '-18')).toEqual(['a 19', 'b 27']);
  });

  test('the missing units go to the largest remainders, not to the largest weights', async ({ trx }) => {
    // 10 units by weights 3, 3 and 1 of 7: 4.29, 4.29 and 1.43; one unit is missing, the last has the largest remainder.
    const split: RuleSplit = { method: 'fixed', weights: { a: '3', b: '3', c: '1' } };
    expect(await cut(trx, { split, pods: ABC, shared: '0.00000000001' })).toEqual([
      'a 0.000000000004',
      'b 0.000000000004',
      'c 0.000000000002',
    ]);
  });

  test('where every base is zero or below, proportional cost is unattributed', async ({ trx }) => {
    const split: RuleSplit = { method: 'proportional', among };
    expect(await cut(trx, { split, pods: PAIR, shared: '18', direct: { a: '-28', b: '0' } })).toEqual(['- 18']);
  });

  test('a pod that starts in mid-month shares from its first day, by the whole month’s direct cost', async ({
    trx,
  }) => {
    const pods = [pod('a'), pod('b', { activeFrom: '2026-09-16' })];
    const shared = ['2026-09-15', '2026-09-16'].map((date) => ({ date, billed: '8' }));
    const split: RuleSplit = { method: 'proportional', among };
    const direct = { a: '1', b: { date: '2026-09-20', billed: '0', effective: '3' } };
    expect(await cut(trx, { split, pods, shared, direct })).toEqual(['a 8', 'a 2', 'b 6']);
  });

  test('the charges of one cell are cut as one, and a cell that cancels out has no shares', async ({ trx }) => {
    const twice = (date: string, one: string, other: string) => [
      { date, billed: one },
      { date, billed: other },
    ];
    const shared = [...twice('2026-09-15', '0.000000000001', '0.000000000001'), ...twice('2026-09-16', '5', '-5')];
    expect(await cut(trx, { split: EVEN, pods: ABC, shared })).toEqual(['a 0.000000000001', 'b 0.000000000001', 'c 0']);
  });
});

describe('weights', () => {
  test('can be read back for a share: the pods’ direct cost of the month and its sum', async ({ trx }) => {
    await cut(trx, {
      split: { method: 'proportional' },
      pods: ABC,
      shared: '8',
      direct: { a: '28', b: '36', c: '-1' },
    });
    const asked = { ruleId: 'shared', date: '2026-09-30', currency: 'USD' };
    expect(await readSplitWeights(trx, asked)).toEqual({
      ruleId: 'shared',
      method: 'proportional',
      measure: 'EffectiveCost',
      per: 'month',
      pods: [
        { podId: 'a', weight: '28' },
        { podId: 'b', weight: '36' },
      ],
      sum: '64',
    });
    expect(await readSplitWeights(trx, { ...asked, currency: 'EUR' })).toMatchObject({ pods: [], sum: '0' });
    await expect(readSplitWeights(trx, { ...asked, ruleId: 'a' })).rejects.toThrow('no rule "a" that splits cost');
  });
});

describe('members', () => {
  test('all: every pod but central that has direct cost in the month', async ({ trx }) => {
    const pods = [pod('a'), pod('b', { kind: 'platform' }), pod('c', { kind: 'central' }), pod('d')];
    const given = { split: { method: 'even', among: 'all' } as const, pods, shared: '8' };
    expect(await cut(trx, { ...given, direct: { a: '1', b: '1', c: '1' } })).toEqual(['a 4', 'b 4']);
  });

  test('all: a pod whose direct cost cancels out has none', async ({ trx }) => {
    const direct = { a: '1', b: '0' };
    expect(await cut(trx, { split: { method: 'even' }, pods: ABC, shared: '8', direct })).toEqual(['a 8']);
  });

  test('a list may name central pods, and pods without direct cost', async ({ trx }) => {
    const pods = [pod('a', { kind: 'central' }), pod('b')];
    expect(await cut(trx, { split: { method: 'even', among: ['a', 'b'] }, pods, shared: '8' })).toEqual(['a 4', 'b 4']);
  });

  test('members of a list carry only while they are active', async ({ trx }) => {
    const pods = [pod('a', { activeUntil: '2026-09-15' }), pod('b'), pod('c', { activeFrom: '2026-09-16' })];
    const shared = ['2026-09-14', '2026-09-15', '2026-09-16'].map((date) => ({ date, billed: '8' }));
    expect(await cut(trx, { split: EVEN, pods, shared })).toEqual(['a 4', 'b 4', 'b 8', 'b 4', 'c 4']);
  });

  test('fixed weights of inactive pods go to the others', async ({ trx }) => {
    const pods = [pod('a', { activeUntil: '2026-09-01' }), pod('b'), pod('c')];
    const split: RuleSplit = { method: 'fixed', weights: { a: '90', b: '5', c: '5' } };
    expect(await cut(trx, { split, pods, shared: '8' })).toEqual(['b 4', 'c 4']);
  });

  test('a portfolio: its members on the charge date', async ({ trx }) => {
    const moving = [{ value: 'north' }, { value: 'south', from: '2026-09-16' }];
    const pods = [pod('a', { portfolios: moving }), pod('b', { portfolios: [{ value: 'north' }] })];
    const shared = ['2026-09-15', '2026-09-16'].map((date) => ({ date, billed: '8' }));
    const split: RuleSplit = { method: 'even', among: { portfolio: 'north' } };
    expect(await cut(trx, { split, pods, shared })).toEqual(['a 4', 'b 4', 'b 8']);
  });
});

describe('nobody and owners', () => {
  test('cost that nobody can carry is unattributed, under its rule', async ({ trx }) => {
    expect(await cut(trx, { split: { method: 'proportional' }, pods: ABC, shared: '8' })).toEqual(['- 8']);
    const { rows } = await sql`
      select kind, pod_id, trim_scale(billed_cost) as billed_cost,
        (select string_agg(distinct rule_id, ',') from shared_cost) as rules from pod_day
    `.execute(trx);
    expect(rows).toEqual([{ kind: 'direct', pod_id: null, billed_cost: '8', rules: 'shared' }]);
  });

  test('it joins the other unattributed cost of its day', async ({ trx }) => {
    const nowhere = { date: '2026-09-15', billed: '1' };
    await cut(trx, { split: EVEN, pods: [pod('z')], shared: '8', direct: { nowhere } });
    const { rows } = await sql`select kind, pod_id, trim_scale(billed_cost) as billed_cost from pod_day`.execute(trx);
    expect(rows).toEqual([{ kind: 'direct', pod_id: null, billed_cost: '9' }]);
  });

  test('the owner answers for the whole, beside the shares', async ({ trx }) => {
    await cut(trx, { split: { method: 'even', among: ['a', 'b'], owner: 'c' }, pods: ABC, shared: '8' });
    const { rows } = await sql`
      select kind, pod_id, trim_scale(billed_cost) as billed_cost from pod_day order by kind, pod_id
    `.execute(trx);
    expect(rows).toEqual([
      { kind: 'owned', pod_id: 'c', billed_cost: '8' },
      { kind: 'shared', pod_id: 'a', billed_cost: '4' },
      { kind: 'shared', pod_id: 'b', billed_cost: '4' },
    ]);
  });
});
