/**
 * Rulebooks laid upon each other give what each gives by itself. Rulebooks that differ a little are prepared and put in force in any order,
 * going back included, while bills with new origins arrive under whichever is in force. After every step the attribution, the rollups and
 * the published figures of the one in force are held against those of a copy of it that has no base and evaluates every rule for every
 * origin; at the end the rollups under every rulebook are.
 */
import * as fc from 'fast-check';
import { CompiledQuery, type Kysely, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attributeAllOrigins } from '../../services/attribution/attribute-origins.ts';
import { canonicalJson } from '../../services/attribution/canonical-json.ts';
import { compileRuleChecks } from '../../services/attribution/compile-rules.ts';
import { rebuildMonths } from '../../services/attribution/rebuild-months.ts';
import { ensureRollUp } from '../../services/attribution/roll-up.ts';
import type { Rule, RulebookContent, RulebookPod } from '../../services/attribution/rulebook.ts';
import { currentRulebook, readRulebook } from '../../services/attribution/store-rulebook.ts';
import { systemPrincipal } from '../../services/kernel/ports.ts';
import {
  AT,
  insertOrigin,
  insertStagedLoad,
  type OriginGiven,
  pod,
  readAttribution,
  rulebook,
  store,
} from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

/** Each takes a second of processor time; every run of the suite draws others. */
const RUNS = 16;
const MONTHS = ['2026-09-01', '2026-10-01'];
const DATES = ['2026-09-01', '2026-09-02', '2026-09-03', '2026-09-04', '2026-10-01'];
/** Far above every number that the product gives. */
const COPIES_FROM = 1000;

/** Each rule in the forms it may have; a rulebook takes one of each, or leaves it out. */
const RULES: readonly (readonly Rule[])[] = [
  [
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', owner: 'a' } },
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'proportional', owner: 'b' } },
    { id: 'network', when: { serviceName: { glob: 'Net*' } }, split: { method: 'even', among: ['a', 'c'] } },
  ],
  [
    { id: 'dated', when: { regionId: ['r1', 'r2'] }, from: '2026-09-03', pod: 'c' },
    { id: 'dated', when: { regionId: ['r1', 'r2'] }, from: '2026-09-02', until: '2026-09-04', pod: 'c' },
    { id: 'dated', when: { regionId: 'r3' }, unattributed: 'nobody asked' },
  ],
  [
    { id: 'apps', when: { tag: { app: ['x', 'y'] } }, pod: 'a' },
    { id: 'apps', when: { tag: { app: ['y', 'z'] } }, pod: 'b' },
    { id: 'apps', when: { not: { tag: { app: 'x' } }, regionId: 'r2' }, pod: 'b' },
  ],
  [{ id: 'more-apps', when: { tag: { app: ['x', 'z'] } }, pod: 'c' }],
  [
    { id: 'team', when: {}, podFromTag: 'team' },
    { id: 'team', when: { regionId: ['r1', 'r3'] }, podFromTag: 'team' },
    { id: 'team', when: {}, from: '2026-09-02', podFromTag: 'team' },
  ],
  [{ id: 'storage', when: { serviceName: 'Storage' }, split: { method: 'fixed', weights: { a: '1', b: '2' } } }],
  [{ id: 'region-1', when: { regionId: 'r1' }, pod: 'a' }],
  [{ id: 'region-2', when: { regionId: 'r2' }, pod: 'b' }],
];

const POD_FORMS: readonly (readonly RulebookPod[])[] = [
  [pod('a'), pod('b'), pod('c', { aliases: ['sea'] })],
  [pod('a', { activeUntil: '2026-09-03' }), pod('b'), pod('c', { aliases: ['sea'] })],
  [pod('a'), pod('b', { aliases: ['sea'] }), pod('c', { aliases: ['sea'] }), pod('d')],
  [pod('a'), pod('b', { kind: 'central' }), pod('c')],
];

const TAG_FORMS: readonly RulebookContent['tags'][] = [
  { fold: true, keys: {} },
  { fold: true, keys: { app: ['application'] } },
  { fold: false, keys: {} },
];

const form = (count: number) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.integer({ min: -1, max: count - 1 }) });

const content: fc.Arbitrary<RulebookContent> = fc
  .record({
    forms: fc.tuple(...RULES.map((forms) => form(forms.length))),
    moved: fc.option(fc.tuple(fc.nat({ max: RULES.length - 1 }), fc.nat({ max: RULES.length - 1 })), { freq: 2 }),
    pods: form(POD_FORMS.length).map((place) => POD_FORMS[Math.max(place, 0)] ?? []),
    tags: form(TAG_FORMS.length).map((place) => TAG_FORMS[Math.max(place, 0)] ?? { fold: true, keys: {} }),
  })
  .map(({ forms, moved, pods, tags }) => {
    const rules: Rule[] = RULES.flatMap((one, index) => one[forms[index] ?? 0] ?? []);
    if (moved !== null) {
      const [rule] = rules.splice(moved[0], 1);
      if (rule !== undefined) rules.splice(moved[1], 0, rule);
    }
    return rulebook(rules, pods, { tags });
  });

const tags = fc
  .record({
    team: fc.constantFrom(undefined, 'a', ' B', 'c', 'sea', 'd'),
    app: fc.constantFrom(undefined, 'x', 'Y', 'z'),
    application: fc.constantFrom(undefined, 'x', 'z'),
  })
  .map((given) => {
    const named: Record<string, string> = {};
    for (const [key, value] of Object.entries(given)) if (value !== undefined) named[key] = value;
    return named;
  });

const origin: fc.Arbitrary<OriginGiven> = fc.record({
  service_name: fc.constantFrom(null, 'Network', 'Storage', 'Compute'),
  region_id: fc.constantFrom(null, 'r1', 'r2', 'r3'),
  tags,
});

const amount = fc.constantFrom('1', '-1', '0', '0.000000000000001', '12.5', '-0.3', '33.333333333333');
const charge = fc.record({
  /** Among the origins known then, the new ones last. */
  place: fc.nat({ max: 50 }),
  date: fc.constantFrom(...DATES),
  currency: fc.constantFrom('USD', 'USD', 'EUR'),
  billed: amount,
  effective: amount,
});

const step = fc.oneof(
  { weight: 3, arbitrary: content.map((one) => ({ kind: 'activate', content: one }) as const) },
  { weight: 1, arbitrary: content.map((one) => ({ kind: 'prepare', content: one }) as const) },
  { weight: 2, arbitrary: fc.nat().map((place) => ({ kind: 'go-back', place }) as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('bill' as const),
      sourceId: fc.constantFrom('first', 'second'),
      origins: fc.array(origin, { maxLength: 4, size: 'max' }),
      charges: fc.array(charge, { minLength: 1, maxLength: 12, size: 'max' }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

interface World {
  readonly originIds: string[];
  readonly rulebookIds: number[];
}

async function take(trx: Transaction<DB>, world: World, one: Step): Promise<void> {
  if (one.kind === 'bill') return publish(trx, world, one);
  const known =
    one.kind === 'go-back' ? world.rulebookIds[one.place % Math.max(world.rulebookIds.length, 1)] : undefined;
  const rulebookId = one.kind === 'go-back' ? (known ?? 0) : await store(trx, one.content);
  if (!world.rulebookIds.includes(rulebookId)) world.rulebookIds.push(rulebookId);
  if (one.kind === 'prepare') await attributeAllOrigins(trx, rulebookId);
  else await activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal });
}

async function publish(trx: Transaction<DB>, world: World, bill: Extract<Step, { kind: 'bill' }>): Promise<void> {
  for (const given of bill.origins) world.originIds.push(await insertOrigin(trx, given));
  if (world.originIds.length === 0) return;
  const loadId = await insertStagedLoad(trx, {
    sourceId: bill.sourceId,
    charges: bill.charges.map(({ place, ...rest }) => ({
      originId: world.originIds.at(-1 - (place % world.originIds.length)) ?? '',
      ...rest,
    })),
  });
  await ensureRollUp(trx, loadId, (await currentRulebook(trx)).id);
  await sql`update load set state = 'superseded' where source_id = ${bill.sourceId} and state = 'published'`.execute(
    trx,
  );
  await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(trx);
  await rebuildMonths(trx, MONTHS);
}

/** The same rules under another number, which no rulebook is laid upon and which stands for itself. */
async function copyOf(trx: Transaction<DB>, rulebookId: number): Promise<number> {
  const { content: same } = await readRulebook(trx, rulebookId);
  const { rows } = await sql<{ id: number }>`
    insert into rulebook (id, digest, content, created_by)
    select greatest(max(id) + 1, ${COPIES_FROM}), 'copy ' || gen_random_uuid(), ${canonicalJson(same)}::jsonb, 'test' from rulebook
    returning id
  `.execute(trx);
  const id = rows[0]?.id ?? 0;
  await sql`insert into rulebook_layer (rulebook_id, distance, layer_id) values (${id}, 0, ${id})`.execute(trx);
  return id;
}

const rowsOf = async (db: Kysely<DB>, query: string): Promise<unknown[]> =>
  (await sql<{ line: unknown }>`select line::text from (${sql.raw(query)}) as line order by 1`.execute(db)).rows;

const CELLS = `select load_id, charge_date, kind, pod_id, rule_id, provider_name, service_name, charge_category, billing_currency,
  billed_cost, effective_cost, list_cost, contracted_cost, line_count from rollup_cost`;

const MONTHS_OF_CELLS = CELLS.replace('charge_date', 'charge_month').replace('rollup_cost', 'rollup_month');

async function expectSameRollUps(trx: Transaction<DB>, rulebookId: number, copyId: number): Promise<void> {
  const { rows: loads } = await sql<{ load_id: string }>`
    select load_id from load_rollup where rulebook_id = ${rulebookId}`.execute(trx);
  for (const { load_id } of loads) await ensureRollUp(trx, load_id, copyId);
  const ofLoads = `load_id in (select load_id from load_rollup where rulebook_id = ${rulebookId})`;
  const cells = (id: number) => rowsOf(trx, `${CELLS} where rulebook_id = ${id} and ${ofLoads}`);
  expect(await cells(rulebookId)).toEqual(await cells(copyId));
  const months = (id: number) => rowsOf(trx, `${MONTHS_OF_CELLS} where rulebook_id = ${id} and ${ofLoads}`);
  expect(await months(rulebookId)).toEqual(await months(copyId));
  const tables = loads.map(({ load_id }) => `select origin_id from charge_${load_id}`).join(' union ');
  if (tables === '') return;
  const attribution = (id: number) =>
    rowsOf(
      trx,
      `select origin_id, valid_from, valid_until, rule_id, kind, pod_id from attributed_origin
       where rulebook_id = ${id} and origin_id in (${tables})`,
    );
  expect(await attribution(rulebookId)).toEqual(await attribution(copyId));
}

/** The rule language read a second time: every rule is asked by itself, and the first that holds on a date wins. */
async function expectFirstMatches(trx: Transaction<DB>, rulebookId: number): Promise<void> {
  const { content: rules } = await readRulebook(trx, rulebookId);
  const { rows: loads } = await sql<{ load_id: string }>`
    select load_id from load_rollup where rulebook_id = ${rulebookId}`.execute(trx);
  const tables = loads.map(({ load_id }) => `select origin_id::text from charge_${load_id}`).join(' union ');
  const origins = tables === '' ? [] : (await sql<{ origin_id: string }>`${sql.raw(tables)}`.execute(trx)).rows;
  for (const { origin_id: originId } of origins) {
    const { text, parameters } = compileRuleChecks(rules, (bind) => `origin.id = ${bind(originId, 'bigint')}`);
    const { rows: checks } = await trx.executeQuery<{ matches: boolean[]; tagged_pods: (number | null)[] }>(
      CompiledQuery.raw(text, [...parameters]),
    );
    const stretches = await readAttribution(trx, rulebookId, originId);
    for (const date of DATES) {
      const winner = rules.rules.find((rule, index) => {
        const tagged = rules.pods[(checks[0]?.tagged_pods[index] ?? 0) - 1];
        const holds = isWithin(date, rule.from, rule.until) && checks[0]?.matches[index] === true;
        if (!('podFromTag' in rule)) return holds;
        return holds && tagged !== undefined && isWithin(date, tagged.activeFrom, tagged.activeUntil);
      });
      const current = stretches.findLast((one) => one.valid_from === '-infinity' || one.valid_from <= date);
      expect(current?.rule_id ?? null, `${originId} on ${date}`).toBe(winner?.id ?? null);
    }
  }
}

function isWithin(date: string, from: string | undefined, until: string | undefined): boolean {
  return (from === undefined || from <= date) && (until === undefined || date < until);
}

/** What is published is what a rebuild of every month under the copy gives; everything is put back afterwards. */
async function expectSameFigures(trx: Transaction<DB>, rulebookId: number, copyId: number): Promise<void> {
  const figures = async () => [
    await rowsOf(trx, 'select * from pod_day'),
    await rowsOf(trx, 'select * from shared_cost'),
  ];
  const published = await figures();
  await sql`savepoint as_published`.execute(trx);
  await sql`update organisation set rulebook_id = ${copyId}`.execute(trx);
  await rebuildMonths(trx, MONTHS);
  expect(published).toEqual(await figures());
  await sql`rollback to savepoint as_published`.execute(trx);
  expect((await currentRulebook(trx)).id).toBe(rulebookId);
}

describe('rulebooks laid upon each other', () => {
  test('give the attribution, the rollups and the figures that each gives by itself, in whatever order they and the bills come', {
    timeout: 400_000,
  }, async ({ database }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 9, size: 'max' }), async (steps) => {
        const trx = await database.db.startTransaction().execute();
        try {
          const world: World = { originIds: [], rulebookIds: [] };
          for (const one of steps) {
            await take(trx, world, one);
            const { id } = await currentRulebook(trx);
            const copyId = await copyOf(trx, id);
            await expectSameRollUps(trx, id, copyId);
            await expectSameFigures(trx, id, copyId);
          }
          await expectFirstMatches(trx, (await currentRulebook(trx)).id);
          for (const id of world.rulebookIds) await expectSameRollUps(trx, id, await copyOf(trx, id));
        } finally {
          await trx.rollback().execute();
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  test('the change of one rule writes the attribution of its own origins alone', async ({ trx }) => {
    const pods = [pod('a'), pod('b')];
    const rules = ['r1', 'r2', 'r3', 'r4'].map(
      (region): Rule => ({ id: region, when: { regionId: region }, pod: 'a' }),
    );
    const originIds: string[] = [];
    for (const { id } of rules) originIds.push(await insertOrigin(trx, { region_id: id }));
    const first = await store(trx, rulebook(rules, pods));
    await attributeAllOrigins(trx, first);
    await activateRulebook(trx, first, { at: AT, principal: systemPrincipal });
    const second = await store(
      trx,
      rulebook(
        rules.map((rule) => (rule.id === 'r3' ? { ...rule, pod: 'b' } : rule)),
        pods,
      ),
    );
    await attributeAllOrigins(trx, second);
    const { rows } = await sql`select origin_id, pod_id from attribution where rulebook_id = ${second}`.execute(trx);
    expect(rows).toEqual([{ origin_id: originIds[2], pod_id: 'b' }]);
    const view =
      await sql`select pod_id from attributed_origin where rulebook_id = ${second} order by origin_id`.execute(trx);
    expect(view.rows).toEqual([{ pod_id: 'a' }, { pod_id: 'a' }, { pod_id: 'b' }, { pod_id: 'a' }]);
  });

  test('of many small changes one upon another, each has few layers, its own changes, and the figures it gives by itself', {
    timeout: 120_000,
  }, async ({ trx }) => {
    const pods = [pod('a'), pod('b'), pod('c')];
    const regions = Array.from({ length: 12 }, (_region, index) => `r${index}`);
    // Every change gives one region to another pod, and every other one asks for a service as well, so that an origin changes its rule.
    const contentOf = (change: number): RulebookContent =>
      rulebook(
        regions.map((region, index): Rule => {
          const turns = Math.floor((change + 11 - index) / regions.length);
          const when = turns % 2 === 1 ? { regionId: region, serviceName: 'Compute' } : { regionId: region };
          return { id: region, when, pod: pods[turns % pods.length]?.id ?? 'a' };
        }),
        pods,
      );
    const world: World = { originIds: [], rulebookIds: [] };
    await activateRulebook(trx, await store(trx, contentOf(0)), { at: AT, principal: systemPrincipal });
    await publish(trx, world, {
      kind: 'bill',
      sourceId: 'first',
      origins: regions.flatMap((region) => [
        { region_id: region, service_name: 'Compute' },
        { region_id: region, service_name: 'Storage' },
      ]),
      charges: regions.flatMap((_region, index) =>
        [2 * index, 2 * index + 1].map((place) => ({
          place,
          date: '2026-09-01',
          currency: 'USD' as const,
          billed: '12.5' as const,
          effective: '1' as const,
        })),
      ),
    });
    let whole = 0;
    for (let change = 1; change <= 50; change += 1) {
      const id = await store(trx, contentOf(change));
      await activateRulebook(trx, id, { at: AT, principal: systemPrincipal });
      const { rows } = await sql<{ layers: number; rows: number; layered: number }>`
        select (select count(*)::int from rulebook_layer where rulebook_id = ${id}) as layers,
          (select count(*)::int from attribution where rulebook_id = ${id}) as rows,
          (select count(*)::int from rollup_layer where rulebook_id = ${id}) as layered`.execute(trx);
      const [stored] = rows;
      expect(stored?.layers).toBeLessThanOrEqual(8);
      expect(stored?.layered).toBeLessThan(8);
      if (stored?.layers === 1) whole += 1;
      else expect(stored?.rows).toBeLessThanOrEqual(2);
      if (stored?.layers !== 1 && change % 5 !== 0) continue;
      const copyId = await copyOf(trx, id);
      await expectSameRollUps(trx, id, copyId);
      await expectSameFigures(trx, id, copyId);
    }
    expect(whole).toBe(6);
  });
});
