/** Rolling up, and changing the rules: on the database that the latest ingestion left. */
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { rollUpLoad } from '../services/attribution/roll-up.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { applyOrganisation } from '../services/organisation/apply-organisation.ts';
import { type BenchRules, benchOrganisation } from './bench-organisation.ts';
import { type Figure, ratioOfFastest } from './figures.ts';

/** The instant of every change, after the bill's month. */
export const BENCH_NOW = new Date('2026-10-15T08:00:00Z');

export async function measureRulebook(
  { db }: Database,
  ingestMs: readonly number[],
  rounds: number,
): Promise<Figure[]> {
  const rollUps: number[] = [];
  for (let round = 0; round < rounds; round += 1) rollUps.push(await rollUpAgain(db));
  const oneRule = await apply(db, 'one-rule');
  const everyOrigin = await apply(db, 'every-origin');
  return [
    ratioOfFastest('rollup of the load ÷ ingest', rollUps, ingestMs, ''),
    ratioOfFastest('apply with one rule changed ÷ ingest', [oneRule], ingestMs, '≤ 0.05'),
    ratioOfFastest('apply with every origin changed ÷ ingest', [everyOrigin], ingestMs, '≤ 0.25'),
  ];
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

async function apply(db: Database['db'], rules: BenchRules): Promise<number> {
  const file = benchOrganisation(rules);
  const startedAt = performance.now();
  const { unchanged } = await applyOrganisation(db, { file, principal: localOperator, at: BENCH_NOW });
  if (unchanged) throw new Error(`The rules "${rules}" changed nothing.`);
  return performance.now() - startedAt;
}
