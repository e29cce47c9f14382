/**
 * Conservation, for bills, rulebooks and splits that nobody would think of: negative amounts, up to 20 decimals, three
 * currencies, two sources, charges of two months, quantities by day and month with gaps and zeros. Every run rolls loads up and rebuilds the months in PostgreSQL, then compares
 * each metric at each grain, and every single share with a second implementation in whole numbers.
 */
import * as fc from 'fast-check';
import { type Kysely, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { rebuildMonths } from '../../services/attribution/rebuild-months.ts';
import { ensureRollUp } from '../../services/attribution/roll-up.ts';
import type { CostMetric, Rule, RulebookContent, RulebookPod, RuleSplit } from '../../services/attribution/rulebook.ts';
import { COST_METRICS } from '../../services/attribution/rulebook.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';
import { splitByLargestRemainder, toUnits } from '../support/largest-remainder.ts';

const RUNS = 60;
const MONTHS = ['2026-09-01', '2026-10-01'];
const CURRENCIES = ['EUR', 'JPY', 'USD'];
const PODS = ['a', 'b', 'c', 'd', 'e'];
const METRIC_IDS = ['requests', 'storage'];
const PLACES_OF_ORIGIN = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
const COLUMN: Record<CostMetric, 'billed_cost' | 'effective_cost' | 'list_cost' | 'contracted_cost'> = {
  BilledCost: 'billed_cost',
  EffectiveCost: 'effective_cost',
  ListCost: 'list_cost',
  ContractedCost: 'contracted_cost',
};
const METRICS = COST_METRICS.map((metric) => COLUMN[metric]);
const SUMS = METRICS.map((metric) => `trim_scale(sum(${metric}))::text as ${metric}`).join(', ');

type Metrics = Record<(typeof METRICS)[number], string>;
interface SharedRow extends Metrics {
  cell: string;
  pod_id: string | null;
  rule_id: string;
  charge_date: string;
  billing_currency: string;
}
interface DirectRow extends Metrics {
  pod_id: string;
  charge_month: string;
  billing_currency: string;
}

const amount = fc
  .tuple(fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }), fc.constantFrom(0, 1, 2, 6, 12, 14, 20))
  .map(([units, places]) => {
    const digits = String(units < 0n ? -units : units).padStart(places + 1, '0');
    const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
    return units < 0n ? `-${text}` : text;
  });

const date = fc
  .tuple(fc.constantFrom('2026-09', '2026-10'), fc.integer({ min: 1, max: 4 }))
  .map(([month, day]) => `${month}-0${day}`);

const charges = fc.array(
  fc.record({
    place: fc.nat({ max: PLACES_OF_ORIGIN.length - 1 }),
    date,
    currency: fc.constantFrom(...CURRENCIES),
    billed: amount,
    effective: amount,
    list: amount,
    contracted: amount,
  }),
  { maxLength: 30, size: 'max' },
);

const pods: fc.Arbitrary<RulebookPod[]> = fc.tuple(
  ...PODS.map((id) =>
    fc
      .record({
        kind: fc.constantFrom('delivery', 'platform', 'central'),
        moves: fc.boolean(),
        activeFrom: fc.option(date, { nil: undefined, freq: 2 }),
      })
      .map(({ kind, moves, activeFrom }) =>
        pod(id, {
          kind,
          portfolios: moves ? [{ value: 'north' }, { value: 'south', from: '2026-09-03' }] : [{ value: 'south' }],
          ...(activeFrom === undefined ? {} : { activeFrom }),
        }),
      ),
  ),
);

const somePods = fc.subarray(PODS, { minLength: 1 });
const among = fc.oneof(
  fc.constant('all' as const),
  somePods,
  fc.constantFrom({ portfolio: 'north' }, { portfolio: 'south' }),
);
const split: fc.Arbitrary<RuleSplit> = fc.oneof(
  among.map((who): RuleSplit => ({ method: 'even', among: who, owner: 'a' })),
  fc
    .tuple(among, fc.constantFrom(...COST_METRICS))
    .map(([who, basis]): RuleSplit => ({ method: 'proportional', among: who, basis })),
  fc.tuple(somePods, fc.array(fc.constantFrom('1', '2.5', '0.333333333', '70'), { minLength: 5, maxLength: 5 })).map(
    ([who, weights]): RuleSplit => ({
      method: 'fixed',
      weights: Object.fromEntries(who.map((id, index) => [id, weights[index] ?? '1'])),
      owner: 'b',
    }),
  ),
  fc
    .tuple(among, fc.constantFrom(...METRIC_IDS, 'unmeasured'))
    .map(([who, metric]): RuleSplit => ({ method: 'usage', among: who, metric, owner: 'c' })),
);

/** One quantity per metric, pod and stretch; `2026-09` stands for the month. */
const quantities = fc.uniqueArray(
  fc.record({
    metric: fc.constantFrom(...METRIC_IDS),
    podId: fc.constantFrom(...PODS),
    stretch: fc.oneof(date, fc.constantFrom('2026-09', '2026-10')),
    quantity: fc.constantFrom('0', '1', '3', '0.1', '7.77', '123456789.000000001'),
  }),
  { maxLength: 20, size: 'max', selector: ({ metric, podId, stretch }) => `${metric} ${podId} ${stretch}` },
);
type Quantities = typeof quantities extends fc.Arbitrary<infer Given> ? Given : never;

const result = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...PODS).map((id) => ({ pod: id })) },
  { weight: 5, arbitrary: split.map((one) => ({ split: one })) },
  { weight: 1, arbitrary: fc.constant({ unattributed: 'nobody' }) },
);

/** A few dated rules before one for nearly every place, so that most runs have direct and shared cost side by side. */
const rules: fc.Arbitrary<Rule[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...PLACES_OF_ORIGIN), date, result), { maxLength: 3 }),
    fc.tuple(...PLACES_OF_ORIGIN.map((place) => result.map((one) => ({ when: { regionId: place }, ...one })))),
    fc.boolean(),
  )
  .map(([dated, lasting, isComplete]) =>
    [
      ...dated.map(([place, from, one]) => ({ when: { regionId: place }, from, ...one })),
      ...(isComplete ? lasting : lasting.slice(1)),
    ].map((rule, index): Rule => ({ id: `r${index}`, ...rule })),
  );

async function rows<Row>(db: Kysely<DB>, text: string): Promise<Row[]> {
  return (await sql<Row>`${sql.raw(text)}`.execute(db)).rows;
}

async function publishDirectly(trx: Transaction<DB>, content: RulebookContent, loads: string[]): Promise<void> {
  const rulebookId = await store(trx, content);
  await sql`update organisation set rulebook_id = ${rulebookId}`.execute(trx);
  for (const loadId of loads) await ensureRollUp(trx, loadId, rulebookId);
  await sql`update load set state = 'published' where id = any(${loads}::bigint[])`.execute(trx);
  await rebuildMonths(trx, MONTHS);
}

async function storeQuantities(trx: Transaction<DB>, given: Quantities): Promise<void> {
  await sql`insert into pod (id, name, kind) select id, id, 'delivery' from unnest(${PODS}::text[]) as pod (id)`.execute(
    trx,
  );
  await sql`
    insert into usage_metric (id, unit, created_at, created_by) select id, 'unit', now(), 'test' from unnest(${METRIC_IDS}::text[]) as metric (id)
  `.execute(trx);
  for (const { metric, podId, stretch, quantity } of given) {
    const isMonth = stretch.length === 7;
    const start = isMonth ? `${stretch}-01` : stretch;
    await sql`
      insert into usage_quantity (metric_id, pod_id, valid_from, valid_until, quantity, known_from, source_name, recorded_by)
      values (${metric}, ${podId}, ${start}::date, (${start}::date + ${isMonth ? '1 month' : '1 day'}::interval)::date, ${quantity}::numeric,
        now(), 'test', 'test')
    `.execute(trx);
  }
}

/** The pod's quantity of the day where any pod has one then; else of the month; else of the month's days together. */
function quantityOf(given: Quantities, metric: string, podId: string, chargeDate: string): bigint {
  const month = chargeDate.slice(0, 7);
  const ofMetric = given.filter((one) => one.metric === metric && one.stretch.startsWith(month));
  const chosen = [chargeDate, month].find((stretch) => ofMetric.some((one) => one.stretch === stretch));
  return ofMetric
    .filter((one) => one.podId === podId && (chosen === undefined || one.stretch === chosen))
    .reduce((total, one) => total + toUnits(one.quantity), 0n);
}

/** Who carries a split on a date, and with which weight: the rule language read a second time. */
function weightsOf(
  content: RulebookContent,
  row: SharedRow,
  { direct, used }: { direct: readonly DirectRow[]; used: Quantities },
): Map<string, bigint> {
  const rule = content.rules.find((one) => one.id === row.rule_id);
  if (rule === undefined || !('split' in rule)) throw new Error(`${row.rule_id} is no split`);
  const { split: shared } = rule;
  const directOf = (podId: string): DirectRow | undefined =>
    direct.find(
      (one) =>
        one.pod_id === podId &&
        one.billing_currency === row.billing_currency &&
        one.charge_month.slice(0, 7) === row.charge_date.slice(0, 7),
    );
  const weights = new Map<string, bigint>();
  for (const { id, kind, portfolios, activeFrom } of content.pods) {
    if (activeFrom !== undefined && row.charge_date < activeFrom) continue;
    const portfolio = portfolios.findLast((one) => one.from === undefined || one.from <= row.charge_date)?.value;
    const who = shared.among ?? (shared.method === 'fixed' ? Object.keys(shared.weights) : 'all');
    const own = directOf(id);
    if (who === 'all') {
      if (kind === 'central' || own === undefined || METRICS.every((metric) => toUnits(own[metric]) === 0n)) continue;
    } else if ('portfolio' in who ? who.portfolio !== portfolio : !who.includes(id)) continue;
    if (shared.method === 'even') weights.set(id, 1n);
    else if (shared.method === 'fixed') weights.set(id, toUnits(shared.weights[id] ?? '0'));
    else if (shared.method === 'usage') weights.set(id, quantityOf(used, shared.metric, id, row.charge_date));
    else weights.set(id, own === undefined ? 0n : toUnits(own[COLUMN[shared.basis ?? content.defaultBasis]]));
  }
  return weights;
}

const CELL = `concat_ws('|', load_id, rule_id, charge_date, coalesce(provider_name, '-'), coalesce(service_name, '-'),
  coalesce(charge_category, '-'), billing_currency)`;

/** A cell that is zero in every metric has nothing to share. */
const IS_CELL = `having ${METRICS.map((metric) => `sum(${metric}) <> 0`).join(' or ')}`;

async function expectConservation(trx: Transaction<DB>): Promise<void> {
  const byLoad = (table: string) =>
    rows<Metrics>(
      trx,
      `select load_id, charge_date, billing_currency, ${SUMS} from ${table} group by 1, 2, 3 order by 1, 2, 3`,
    );
  const billed = (await rows<{ id: string }>(trx, 'select id from load order by id'))
    .map(({ id }) => `select * from charge_${id}`)
    .join(' union all ');
  expect(await byLoad('rollup_cost')).toEqual(await byLoad(`(${billed}) as charge`));

  const byCell = (table: string) =>
    rows<Metrics>(trx, `select ${CELL} as cell, ${SUMS} from ${table} group by 1 ${IS_CELL} order by 1`);
  expect(await byCell('shared_cost')).toEqual(await byCell("rollup_cost where kind = 'to_split'"));

  const byDay = (table: string) =>
    rows<Metrics>(trx, `select charge_date, billing_currency, ${SUMS} from ${table} group by 1, 2 order by 1, 2`);
  expect(await byDay("pod_day where kind <> 'owned'")).toEqual(await byDay(`(${billed}) as charge`));
  const owned = await byDay("pod_day where kind = 'owned'");
  expect(owned).toEqual(await byDay('shared_cost where owner_pod_id is not null'));
}

async function expectReferenceShares(trx: Transaction<DB>, content: RulebookContent, used: Quantities): Promise<void> {
  const columns = `rule_id, charge_date, billing_currency, ${METRICS.map((metric) => `${metric}::text`).join(', ')}`;
  const wholes = await rows<SharedRow>(
    trx,
    `select cell, rule_id, charge_date, billing_currency, ${SUMS}
     from (select ${CELL} as cell, * from rollup_cost where kind = 'to_split') as one group by 1, 2, 3, 4 ${IS_CELL}`,
  );
  const shares = await rows<SharedRow>(trx, `select ${CELL} as cell, pod_id, ${columns} from shared_cost`);
  const direct = await rows<DirectRow>(
    trx,
    `select pod_id, date_trunc('month', charge_date)::date::text as charge_month, billing_currency, ${SUMS}
     from rollup_cost where kind = 'direct' group by 1, 2, 3`,
  );
  for (const whole of wholes) {
    const weights = weightsOf(content, whole, { direct, used });
    const found = shares.filter((share) => share.cell === whole.cell);
    for (const metric of METRICS) {
      const expected = splitByLargestRemainder(whole[metric], weights);
      const nobody = new Map<string | null, bigint>([[null, toUnits(whole[metric])]]);
      expect(new Map(found.map((share) => [share.pod_id, toUnits(share[metric])]))).toEqual(
        expected.size === 0 ? nobody : expected,
      );
    }
  }
}

describe('conservation', () => {
  test('every bill under every rulebook adds up exactly, and every share is the one of largest remainders', {
    timeout: 180_000,
  }, async ({ database }) => {
    await fc.assert(
      fc.asyncProperty(rules, pods, charges, charges, quantities, async (ruleList, podList, first, second, used) => {
        const trx = await database.db.startTransaction().execute();
        try {
          const content = rulebook(ruleList, podList);
          await storeQuantities(trx, used);
          const originIds: string[] = [];
          for (const [index, place] of PLACES_OF_ORIGIN.entries()) {
            const service = index % 2 === 0 ? 'S' : null;
            originIds.push(await insertOrigin(trx, { region_id: place, service_name: service, provider_name: 'P' }));
          }
          const toCharges = (list: typeof first) =>
            list.map(({ place, ...charge }) => ({ originId: originIds[place] ?? '', ...charge }));
          const loads = [
            await insertStagedLoad(trx, { charges: toCharges(first) }),
            await insertStagedLoad(trx, { sourceId: 'other', charges: toCharges(second) }),
          ];
          await publishDirectly(trx, content, loads);
          await expectConservation(trx);
          await expectReferenceShares(trx, content, used);
        } finally {
          await trx.rollback().execute();
        }
      }),
      { numRuns: RUNS },
    );
  });
});
