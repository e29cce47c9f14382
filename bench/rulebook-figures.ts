/** Rolling up, and changing the rules: on the database that the latest ingestion left. */
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { rollUpLoad } from '../services/attribution/roll-up.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { applyOrganisation } from '../services/organisation/apply-organisation.ts';
import { type BenchRules, benchOrganisation } from './bench-organisation.ts';
import { type Figure, ratioOfFastest, ratiosOfTurns, type Turn } from './figures.ts';
import { processorMs } from './processor-time.ts';

/** The instant of every change, after the bill's month. */
export const BENCH_NOW = new Date('2026-10-15T08:00:00Z');

export interface RulebookPlace {
  readonly db: Database['db'];
  readonly serverPid: number;
}

/** `ingests` are the turns that the database was made by, or by others of the same bill. */
export async function measureRulebook(
  place: RulebookPlace,
  ingests: readonly Turn[],
  rounds: number,
): Promise<Figure[]> {
  const rollUps: number[] = [];
  for (let round = 0; round < rounds; round += 1) rollUps.push(await rollUpAgain(place.db));
  const oneRule = await apply(place, 'one-rule');
  const back = await apply(place, 'first');
  const everyOrigin = await apply(place, 'every-origin');
  const ingestMs = ingests.map((turn) => turn.elapsedMs);
  return [
    ratioOfFastest('rollup of the load ÷ ingest', rollUps, ingestMs, ''),
    ...ratiosOfTurns('apply with one rule changed ÷ ingest', [oneRule], ingests, '≤ 0.05'),
    ...ratiosOfTurns('apply of the rules before ÷ ingest', [back], ingests, ''),
    ...ratiosOfTurns('apply with every origin changed ÷ ingest', [everyOrigin], ingests, '≤ 0.25'),
  ];
}

/** Changes one rule once more, so that what follows is measured under a rulebook that is laid upon another one. */
export async function changeOneRule(place: RulebookPlace): Promise<void> {
  await apply(place, 'first');
  await apply(place, 'one-rule');
}

/** Rolls the load up once more, its origins being attributed, and takes it back. */
async function rollUpAgain(db: Database['db']): Promise<number> {
  const trx = await db.startTransaction().execute();
  try {
    const { rows } = await sql<{ load_id: string; rulebook_id: number }>`
      delete from load_rollup where rulebook_id = (select rulebook_id from organisation) returning load_id, rulebook_id`.execute(
      trx,
    );
    const [load] = rows;
    if (load === undefined) throw new Error('There is no rollup to make again.');
    await sql`delete from pod_cost where load_id = ${load.load_id} and rulebook_id = ${load.rulebook_id}`.execute(trx);
    const startedAt = performance.now();
    await rollUpLoad(trx, load.load_id, load.rulebook_id);
    return performance.now() - startedAt;
  } finally {
    await trx.rollback().execute();
  }
}

async function apply({ db, serverPid }: RulebookPlace, rules: BenchRules): Promise<Turn> {
  const file = benchOrganisation(rules);
  const usedBefore = processorMs([serverPid, process.pid]);
  const startedAt = performance.now();
  const { unchanged } = await applyOrganisation(db, { file, principal: localOperator, at: BENCH_NOW });
  const elapsedMs = performance.now() - startedAt;
  if (unchanged) throw new Error(`The rules "${rules}" changed nothing.`);
  return { elapsedMs, processorMs: processorMs([serverPid, process.pid]) - usedBefore };
}
