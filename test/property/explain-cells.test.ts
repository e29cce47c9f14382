/**
 * The parts of an explanation add up to the cell. Goal: for any organisation, period, owner and filters, open, closed or as now known, the
 * rules (and of a total the pods) of an explanation sum to what the cost explorer says, to the last decimal; where all origins are
 * shown, they sum to their rules; and the great origins of each load alone rank as all of them do. Method: small random organisations with
 * two currencies, splits, dated rules, a month that may be closed and restated after, and random cells of each.
 */
import * as fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { explain } from '../../services/attribution/explain.ts';
import type { CellRequest, PodExplanation } from '../../services/attribution/explain-pod.ts';
import type { Rule } from '../../services/attribution/rulebook.ts';
import { compare, type Decimal, decimal, sum } from '../../services/kernel/decimal.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { type ChargeGiven, insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { createTestDatabase, test } from '../support/database.ts';

const RUNS = 5;
const CELLS_PER_RUN = 10;
const OPTIONS = { at: AFTERWARDS, workDir: '/nonexistent', linesPerOrigin: 0 };

const RULES: readonly Rule[] = [
  { id: 'network', when: { serviceName: 'Network' }, split: { method: 'proportional', owner: 'a' } },
  { id: 'dated', when: { regionId: 'r1' }, from: '2026-09-10', until: '2026-10-05', pod: 'b' },
  { id: 'nobody', when: { regionId: 'r3' }, unattributed: 'nobody asked' },
  { id: 'team', when: {}, podFromTag: 'team' },
];
const LATER_RULES: readonly Rule[] = [
  { id: 'dated', when: { regionId: 'r1' }, from: '2026-09-20', pod: 'a' },
  ...RULES.filter(({ id }) => id !== 'dated'),
];
const PODS = [pod('a'), pod('b')];

const origins = fc.array(
  fc.record({
    service_name: fc.constantFrom('Compute', 'Storage', 'Network'),
    region_id: fc.constantFrom('r1', 'r2', 'r3'),
    tags: fc.constantFrom<Record<string, string>[]>({}, { team: 'a' }, { team: 'b' }, { team: 'b', env: 'prod' }),
  }),
  { minLength: 3, maxLength: 14 },
);
const money = fc.integer({ min: -900_000, max: 9_000_000 }).map((units) => `${units}e-4`);
const charges = fc.array(
  fc.record({
    place: fc.nat(),
    day: fc.integer({ min: 1, max: 28 }),
    billed: money,
    effective: money,
    currency: fc.constantFrom('USD', 'USD', 'EUR'),
  }),
  { minLength: 5, maxLength: 60 },
);
const organisation = fc.record({
  origins,
  september: charges,
  october: charges,
  isClosed: fc.boolean(),
  // Of 0 the bound would say that what is not among the great ones costs nothing, so that without any none need be looked for.
  cut: fc.integer({ min: 1, max: 500 }),
});
const cell = fc.record({
  owner: fc.constantFrom<CellRequest['podId'][]>(undefined, undefined, null, 'a', 'b'),
  period: fc.constantFrom('2026-09', '2026-10', '2026-09-01..2026-11-01', '2026-09-07..2026-10-12'),
  where: fc.subarray(
    [
      'serviceName=Network',
      'serviceName!=Storage',
      'kind=direct',
      'rule=team',
      'regionId~r*',
      'tag.env=prod',
      'tag.env!=prod',
      'billingCurrency=EUR',
      'day!=2026-09-11',
    ],
    { maxLength: 2 },
  ),
  asNow: fc.boolean(),
});

test('the parts of an explanation add up to the cell, whatever the cell', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      organisation,
      fc.array(cell, { minLength: CELLS_PER_RUN, maxLength: CELLS_PER_RUN }),
      async (given, cells) => {
        const { db, drop } = await createTestDatabase();
        try {
          await makeOrganisation(db, given);
          for (const asked of cells) await checkCell(db, asked);
        } finally {
          await drop();
        }
      },
    ),
    // An organisation takes seconds to make: shrinking one would take minutes.
    { numRuns: RUNS, endOnFailure: true },
  );
});

async function makeOrganisation(
  db: Kysely<DB>,
  given: {
    origins: { service_name: string; region_id: string; tags: Record<string, string> }[];
    cut: number;
    isClosed: boolean;
  } & Record<'september' | 'october', Lines>,
): Promise<void> {
  await sql`insert into pod (id, name, kind) values ('a', 'A', 'delivery'), ('b', 'B', 'delivery')`.execute(db);
  await sql`insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name)
    select day, 'EUR', 'USD', 1 + extract(day from day)::numeric / 100, 'ecb'
    from generate_series(date '2026-09-01', date '2026-10-31', interval '1 day') as day`.execute(db);
  const ids: string[] = [];
  for (const origin of given.origins) ids.push(await insertOrigin(db, { provider_name: 'AWS', ...origin }));
  await putInForce(db, rulebook(RULES, PODS));
  const september = { start: '2026-09-01', end: '2026-10-01' };
  const loads = [
    await publishBill(db, { ...september, charges: chargesOf(ids, '2026-09', given.september) }),
    await publishBill(db, {
      start: '2026-10-01',
      end: '2026-11-01',
      charges: chargesOf(ids, '2026-10', given.october),
    }),
  ];
  if (given.isClosed) {
    await close(db, '2026-09');
    loads.push(
      await publishBill(db, {
        ...september,
        deliveredAt: '2026-12-01T00:00:00Z',
        charges: chargesOf(ids, '2026-09', given.september.slice(1)),
      }),
    );
    await putInForce(db, rulebook(LATER_RULES, PODS));
  }
  for (const loadId of loads) await cutTops(db, loadId, given.cut);
}

/** As of a load of very many origins: those below a bound are not among the great ones. */
async function cutTops(db: Kysely<DB>, loadId: string, cut: number): Promise<void> {
  await sql`select fill_load_top_origin(${loadId}::bigint)`.execute(db);
  const weight = sql`greatest(abs(billed_cost), abs(effective_cost), abs(list_cost), abs(contracted_cost))`;
  await sql`insert into load_top_bound select distinct load_id, charge_month, billing_currency, ${cut}::numeric
    from load_origin where load_id = ${loadId}::bigint`.execute(db);
  await sql`delete from load_top_origin where load_id = ${loadId}::bigint and ${weight} < ${cut}`.execute(db);
  await sql`update load_top_origin set beyond = ${cut} where load_id = ${loadId}::bigint`.execute(db);
}

type Lines = readonly { place: number; day: number; billed: string; effective: string; currency: string }[];

function chargesOf(ids: readonly string[], month: string, lines: Lines): ChargeGiven[] {
  return lines.map(({ place, day, ...rest }) => ({
    ...rest,
    originId: ids[place % ids.length] ?? '',
    date: `${month}-${String(day).padStart(2, '0')}`,
  }));
}

async function checkCell(
  db: Kysely<DB>,
  {
    owner,
    period,
    where,
    asNow,
  }: { owner: string | null | undefined; period: string; where: string[]; asNow: boolean },
): Promise<void> {
  await prepareConversions(db, { period, at: AFTERWARDS });
  const request = { period, where, asNow, ...(owner === undefined ? {} : { podId: owner }) };
  const found = (await explain(db, request, OPTIONS)) as PodExplanation;
  const ofOwner = owner === undefined ? [] : [`pod=${owner ?? ''}`];
  const asked = { period, at: AFTERWARDS, by: ['kind', 'rule'], where: [...where, ...ofOwner], asNow };
  const report = await costs(db, asked);
  const { rows } = asNow && report.asNow !== undefined ? report.asNow : report;
  expect(byKey(found.rules.map((rule) => [`${rule.kind} ${rule.ruleId ?? ''}`, rule.converted]))).toEqual(
    byKey(rows.map((row) => [`${row['kind'] ?? ''} ${row['rule'] ?? ''}`, row.effectiveCost])),
  );
  if (owner === undefined) {
    const pods = await costs(db, { ...asked, by: ['kind', 'pod'] });
    const ofPods = asNow && pods.asNow !== undefined ? pods.asNow : pods;
    expect(byKey(found.pods.map((one) => [`${one.kind} ${one.podId ?? ''}`, one.converted]))).toEqual(
      byKey(ofPods.rows.map((row) => [`${row['kind'] ?? ''} ${row['pod'] ?? ''}`, row.effectiveCost])),
    );
  }
  const direct = found.origins.filter(({ kind }) => kind === 'direct');
  if (found.origins.length < 20) {
    const keyOf = (one: { rulebook: number; ruleId: string | null; billingCurrency: string }) =>
      `${one.rulebook} ${one.ruleId ?? ''} ${one.billingCurrency}`;
    expect(byKey(direct.map((one) => [keyOf(one), one.effectiveCost]))).toEqual(
      byKey(found.rules.filter(({ kind }) => kind === 'direct').map((one) => [keyOf(one), one.effectiveCost])),
    );
  }
  await db.transaction().execute(async (trx) => {
    await sql`create temporary table load_top_origin (like public.load_top_origin) on commit drop`.execute(trx);
    const ranked = (await explain(trx, request, OPTIONS)) as PodExplanation;
    expect(found.origins).toEqual(ranked.origins);
  });
}

/** Sums by key, without those of zero: a report has no row where an explanation may have an empty rule. */
function byKey(entries: readonly (readonly [string, string | null])[]): Record<string, string> {
  const sums = new Map<string, Decimal>();
  for (const [key, amount] of entries)
    sums.set(key, sum([sums.get(key) ?? decimal('0'), decimal(amount ?? 'missing')]));
  return Object.fromEntries([...sums].filter(([, total]) => compare(total, decimal('0')) !== 0));
}
