/**
 * Many outcomes under the value report: 5,000 a month over 200 pods, a fifth of them recognised over a year, a fourth shared by two pods, beside the
 * same pods and costs without an outcome, and with the quarter's first month closed. The quarter is asked for in its third month, as the API
 * reads it: alone, with the sides in turns, or beside the bills of a year, one side after the other.
 */
import { type Kysely, sql } from 'kysely';
import { openDatabase } from '../db/database.ts';
import { migrateToLatest } from '../db/migrate.ts';
import type { DB } from '../db/schema.gen.ts';
import { createValueReader } from '../services/access/value-reader.ts';
import { prepareConversions } from '../services/reports/prepare-conversions.ts';
import { measureAdjustments } from './adjustment-figures.ts';
import type { BenchPlace } from './bench-place.ts';
import { atMost, type Figure, figureOf, type Measured, percentile } from './figures.ts';
import {
  AT,
  closeFirstMonth,
  FINANCE,
  insertCosts,
  insertOutcomes,
  MONTHS,
  OUTCOMES_A_MONTH,
} from './outcome-inserts.ts';
import { exactMs, spentDuring } from './processor-time.ts';

const CALLS = 100;
const ROUNDS = 5;
/** As a process that has answered for a while: the language compiles what runs often. */
const WARM_CALLS = 50;
/** What outcomes are written to. */
const WRITTEN = ['outcome', 'outcome_schedule', 'outcome_share', 'outcome_version', 'outcome_month'];
/** What the report reads. */
const SUMS = ['pod_month', 'pod_cut', 'value_month', 'value_cut', 'standing_cost', 'standing_value'];
const REQUEST = { period: '2026-Q3', at: AT };
const WITHOUT = 'outcomes_none';
const WITH = 'outcomes_many';
const CLOSED = 'outcomes_closed';

interface Side {
  /** On the wall, of each round. */
  readonly rounds: number[][];
  /** Processor time of each call, of all rounds. */
  readonly postgresMs: number[];
  readonly nodeMs: number[];
}

/** Databases of their own. */
export async function measureOutcomes(place: BenchPlace): Promise<Measured> {
  await using(await place.createDatabase(WITHOUT), async (db) => {
    await migrateToLatest(db);
    await insertCosts(db);
  });
  await using(await place.createDatabase(WITH, WITHOUT), (db) => stateOutcomes(place, db));
  await using(await place.createDatabase(CLOSED, WITH), closeFirstMonth);
  const sides = newSides();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, side] of sides) await using(place.urlOf(name), (db) => readOften(place, db, side));
  }
  const figures = figuresOf(sides, '');
  await using(place.urlOf(CLOSED), async (db) => void figures.push(...(await measureAdjustments(db, ''))));
  return { figures, peaks: [] };
}

/** In a database that holds bills already, whose figures are others afterwards. */
export async function measureOutcomesBeside(place: BenchPlace, db: Kysely<DB>): Promise<Figure[]> {
  const sides = newSides();
  const prepared = new Map([
    [WITHOUT, insertCosts],
    [WITH, (one: Kysely<DB>) => stateOutcomes(place, one)],
    [CLOSED, closeFirstMonth],
  ]);
  for (const [name, side] of sides) {
    await prepared.get(name)?.(db);
    for (let round = 0; round < ROUNDS; round += 1) await readOften(place, db, side);
  }
  const where = ', beside the bills';
  return [...figuresOf(sides, where), ...(await measureAdjustments(db, where))];
}

function newSides(): Map<string, Side> {
  return new Map([WITHOUT, WITH, CLOSED].map((name) => [name, { rounds: [], postgresMs: [], nodeMs: [] }]));
}

async function stateOutcomes(place: BenchPlace, db: Kysely<DB>): Promise<void> {
  const { spent } = await spentDuring({ PostgreSQL: place.serverPid, Node: process.pid }, () => insertOutcomes(db));
  const count = MONTHS.length * OUTCOMES_A_MONTH;
  console.log(`outcomes: ${count} stated, PostgreSQL ${spent.PostgreSQL} ms, Node ${spent.Node} ms`);
}

function figuresOf(sides: ReadonlyMap<string, Side>, where: string): Figure[] {
  const without = sides.get(WITHOUT);
  const many = sides.get(WITH);
  const closed = sides.get(CLOSED);
  if (without === undefined || many === undefined || closed === undefined) return [];
  const sums = [without, many, closed].map(({ postgresMs, nodeMs }) => sumOf(postgresMs) + sumOf(nodeMs));
  const [ofNone = 1, ofMany = 1] = sums;
  return [
    ...latenciesOf(`value-per-pod of a cut quarter with 15,000 outcomes over 200 pods, p99${where}`, many),
    figureOf('  by processor time ÷ the same without an outcome', ofMany / ofNone, {
      from: `a call: ${describeParts(many)} ÷ ${describeParts(without)}`,
      target: null,
    }),
    ...latenciesOf(`the same with the first month closed, p99${where}`, closed),
    ...latenciesOf(`the same without an outcome, p99${where}`, without),
  ];
}

/** On the wall in the round in which the machine was least disturbed, and by processor time in all of them. */
function latenciesOf(name: string, { rounds, postgresMs, nodeMs }: Side): Figure[] {
  const p99s = rounds.map((times) => percentile(times, 0.99)).toSorted((one, other) => one - other);
  const quietest = rounds.find((times) => percentile(times, 0.99) === p99s[0]) ?? [];
  const spent = postgresMs.map((ms, call) => ms + (nodeMs[call] ?? 0));
  return [
    figureOf(name, p99s[0] ?? Number.NaN, {
      unit: ' ms',
      from: `p50 ${percentile(quietest, 0.5).toFixed(1)} ms, ${CALLS} calls of the quietest round; p99 of each: ${p99s.map((ms) => ms.toFixed(1)).join(', ')} ms, of all ${percentile(rounds.flat(), 0.99).toFixed(1)} ms`,
      target: atMost(15),
    }),
    figureOf('  by processor time', percentile(spent, 0.99), {
      unit: ' ms',
      from: `p50 ${percentile(spent, 0.5).toFixed(1)} ms, ${spent.length} calls; mean ${describeParts({ postgresMs, nodeMs })}`,
      target: atMost(15),
    }),
  ];
}

function describeParts({ postgresMs, nodeMs }: Pick<Side, 'postgresMs' | 'nodeMs'>): string {
  const [postgres, node] = [postgresMs, nodeMs].map((all) => (sumOf(all) / all.length).toFixed(2));
  return `PostgreSQL ${postgres} + Node ${node} ms`;
}

function sumOf(all: readonly number[]): number {
  return all.reduce((sum, one) => sum + one, 0);
}

async function readOften(place: BenchPlace, db: Kysely<DB>, side: Side): Promise<void> {
  // Adjustments of closed months are looked after once for each state of the figures, as the API does.
  await prepareConversions(db, REQUEST);
  const read = createValueReader(db);
  const { figures_version: figuresVersion } = await db
    .selectFrom('organisation')
    .select('figures_version')
    .executeTakeFirstOrThrow();
  const call = () => read({ principal: FINANCE, figuresVersion, request: REQUEST });
  // The first asks for the sums that the others read, and every side begins warm.
  for (let index = 0; index < WARM_CALLS; index += 1) await call();
  // What autovacuum and the checkpointer do minutes later, so that no side is asked with statistics of an empty table, or pays for what was
  // written before it.
  await sql`vacuum (analyze) ${sql.join([...SUMS, ...WRITTEN].map((table) => sql.table(table)))}`.execute(db);
  await place.checkpoint();
  for (let index = 0; index < WARM_CALLS; index += 1) await call();
  const backends = await listBackends(db);
  const times: number[] = [];
  side.rounds.push(times);
  for (let index = 0; index < CALLS; index += 1) {
    const postgresBefore = exactMs(backends);
    const nodeBefore = process.cpuUsage();
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
    const { user, system } = process.cpuUsage(nodeBefore);
    side.nodeMs.push((user + system) / 1000);
    side.postgresMs.push(exactMs(backends) - postgresBefore);
  }
}

/** The processes that answer this pool; what the server does in the background is nobody's call. */
async function listBackends(db: Kysely<DB>): Promise<number[]> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'`.execute(
    db,
  );
  return rows.map(({ pid }) => pid);
}

async function using(url: string, work: (db: Kysely<DB>) => Promise<void>): Promise<void> {
  const { db, close } = openDatabase(url, { applicationName: 'outturn bench' });
  try {
    await work(db);
  } finally {
    await close();
  }
}
