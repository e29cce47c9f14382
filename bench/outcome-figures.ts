/**
 * Many outcomes under the value report: 5,000 a month over 200 pods, a fifth of them recognised over a year, a fourth shared by two pods, beside the
 * same pods and costs without an outcome. The quarter is asked for in its third month, as the API reads it; both sides in turns.
 */
import { type Kysely, sql } from 'kysely';
import { openDatabase } from '../db/database.ts';
import { migrateToLatest } from '../db/migrate.ts';
import type { DB } from '../db/schema.gen.ts';
import { createValueReader } from '../services/access/value-reader.ts';
import { decimal } from '../services/kernel/decimal.ts';
import { addDays } from '../services/kernel/period.ts';
import type { Principal } from '../services/kernel/ports.ts';
import { BASIS_POINTS_WHOLE, NOTHING_FURTHER, type StatedOutcome } from '../services/outcomes/outcome.ts';
import { planOutcomes } from '../services/outcomes/plan-outcomes.ts';
import { saveOutcomes } from '../services/outcomes/save-outcomes.ts';
import type { BenchPlace } from './bench-place.ts';
import { atMost, type Figure, figureOf, type Measured, percentile } from './figures.ts';
import { spentDuring } from './processor-time.ts';

const MONTHS = ['2026-07-01', '2026-08-01', '2026-09-01'];
const OUTCOMES_A_MONTH = 5_000;
const PODS = 200;
const CALLS = 60;
const ROUNDS = 3;
const AT = new Date('2026-09-20T10:00:00Z');
const REQUEST = { period: '2026-Q3', at: AT };
const FINANCE: Principal = { id: 'grace@bench.example', role: 'finance', pods: [] };
const WITHOUT = 'outcomes_none';
const WITH = 'outcomes_many';

interface Side {
  readonly times: number[];
  postgresMs: number;
  nodeMs: number;
}

/** @throws Error where the report has other value than was stated. */
export async function measureOutcomes(place: BenchPlace): Promise<Measured> {
  await using(await place.createDatabase(WITHOUT), async (db) => {
    await migrateToLatest(db);
    await insertCosts(db);
  });
  await using(await place.createDatabase(WITH, WITHOUT), async (db) => {
    const { spent } = await spentDuring({ PostgreSQL: place.serverPid, Node: process.pid }, () => insertOutcomes(db));
    console.log(
      `outcomes: ${MONTHS.length * OUTCOMES_A_MONTH} stated, PostgreSQL ${spent.PostgreSQL} ms, Node ${spent.Node} ms`,
    );
  });
  const sides = new Map([WITHOUT, WITH].map((name): [string, Side] => [name, { times: [], postgresMs: 0, nodeMs: 0 }]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, side] of sides) await using(place.urlOf(name), (db) => readOften(place, db, side));
  }
  return { figures: figuresOf(sides.get(WITHOUT), sides.get(WITH)), peaks: [] };
}

function figuresOf(without: Side | undefined, many: Side | undefined): Figure[] {
  if (without === undefined || many === undefined) return [];
  const calls = CALLS * ROUNDS;
  const parts = ({ postgresMs, nodeMs }: Side) =>
    `PostgreSQL ${(postgresMs / calls).toFixed(2)} + Node ${(nodeMs / calls).toFixed(2)} ms`;
  const total = ({ postgresMs, nodeMs }: Side) => postgresMs + nodeMs;
  return [
    figureOf('value-per-pod of a cut quarter with 15,000 outcomes over 200 pods, p99', percentile(many.times, 0.99), {
      unit: ' ms',
      from: `${calls} calls, p50 ${percentile(many.times, 0.5).toFixed(1)} ms; without outcomes p99 ${percentile(without.times, 0.99).toFixed(1)}, p50 ${percentile(without.times, 0.5).toFixed(1)} ms`,
      target: atMost(15),
    }),
    figureOf('  by processor time ÷ the same without an outcome', total(many) / total(without), {
      from: `a call: ${parts(many)} ÷ ${parts(without)}`,
      target: null,
    }),
  ];
}

async function readOften(place: BenchPlace, db: Kysely<DB>, side: Side): Promise<void> {
  const read = createValueReader(db);
  const { figures_version: figuresVersion } = await db
    .selectFrom('organisation')
    .select('figures_version')
    .executeTakeFirstOrThrow();
  const call = () => read({ principal: FINANCE, figuresVersion, request: REQUEST });
  // The first asks for the sums that the others read, and both sides begin warm.
  for (let index = 0; index < 10; index += 1) await call();
  const { spent } = await spentDuring({ PostgreSQL: place.serverPid, Node: process.pid }, async () => {
    for (let index = 0; index < CALLS; index += 1) {
      const startedAt = performance.now();
      await call();
      side.times.push(performance.now() - startedAt);
    }
  });
  side.postgresMs += spent.PostgreSQL;
  side.nodeMs += spent.Node;
}

async function using(url: string, work: (db: Kysely<DB>) => Promise<void>): Promise<void> {
  const { db, close } = openDatabase(url, { applicationName: 'outturn bench' });
  try {
    await work(db);
  } finally {
    await close();
  }
}

/** Pods with direct and shared cost on every day of the quarter. */
async function insertCosts(db: Kysely<DB>): Promise<void> {
  await sql`insert into pod (id, name, kind) select 'pod-' || number, 'Pod ' || number, 'delivery' from generate_series(1, ${PODS}) as number`.execute(
    db,
  );
  const costs = sql`pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost`;
  await sql`
    insert into pod_day (charge_date, ${costs})
    select day::date, 'pod-' || number, kind, 'USD', cost, cost, cost, cost
    from generate_series(1, ${PODS}) as number, generate_series(${MONTHS[0]}::timestamp, '2026-09-30', interval '1 day') as day,
      unnest(array['direct', 'shared']) as kind cross join lateral (select (number * 1.37 + 11.0091)::numeric as cost) as costed
    order by 1, 2
  `.execute(db);
  await sql`
    insert into pod_month (charge_month, ${costs})
    select date_trunc('month', charge_date::timestamp)::date, pod_id, kind, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost),
      sum(contracted_cost)
    from pod_day group by 1, 2, 3, 4`.execute(db);
  await sql`analyze`.execute(db);
}

async function insertOutcomes(db: Kysely<DB>): Promise<void> {
  const stated = MONTHS.flatMap((month) =>
    Array.from({ length: OUTCOMES_A_MONTH }, (_, index) => outcome(month, index)),
  );
  await db.transaction().execute(async (trx) => {
    const plan = await planOutcomes(trx, stated);
    await saveOutcomes(trx, { stated, plan, principal: FINANCE, at: AT });
  });
  await sql`analyze`.execute(db);
}

function outcome(month: string, index: number): StatedOutcome {
  const podId = `pod-${(index % PODS) + 1}`;
  const other = `pod-${((index + 77) % PODS) + 1}`;
  const from = addDays(month, index % 28);
  const amount = decimal(`${1_000 + index}.17`);
  const shares =
    index % 4 === 0
      ? [
          { podId, basisPoints: 6_000 },
          { podId: other, basisPoints: 3_000 },
        ]
      : [{ podId, basisPoints: BASIS_POINTS_WHOLE }];
  return {
    content: {
      title: `Outcome ${month} ${index}`,
      outcomeType: null,
      unit: null,
      quantity: null,
      basis: 'cost_reduction',
      grossOrMargin: null,
      amount,
      amountLow: null,
      amountHigh: null,
      currency: 'USD',
      deliveredOn: from,
      schedule: [{ from, until: addDays(from, index % 5 === 0 ? 365 : 1), amount }],
      shares,
      ownerEmail: 'ada@bench.example',
      baseline: 'the year before',
      evidenceUrl: null,
      references: [],
      ...NOTHING_FURTHER,
      isOwnBillBaseline: false,
    },
    state: index % 2 === 0 ? 'verified' : 'claimed',
    verifiedBy: index % 2 === 0 ? 'luca@bench.example' : null,
    sheetRow: null,
    evidence: [{ uri: `https://evidence.bench.example/${month}/${index}`, title: null, sha256: null }],
    agreements: shares.map((share) => ({ podId: share.podId, agreedBy: 'grace@bench.example' })),
  };
}
