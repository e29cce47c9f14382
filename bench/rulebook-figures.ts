/** Rolling up, and changing the rules: on the database that the latest ingestion left. */
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { rollUpLoad } from '../services/attribution/roll-up.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { applyOrganisation } from '../services/organisation/apply-organisation.ts';
import { type BenchRules, benchOrganisation } from './bench-organisation.ts';
import { atMost, type Figure, ratioOfFastest, ratiosOfTurns, type Turn } from './figures.ts';
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
  const oneCondition = await apply(place, 'one-condition');
  const everyOrigin = await apply(place, 'every-origin');
  const everyCondition = await apply(place, 'every-condition');
  const ingestMs = ingests.map((turn) => turn.elapsedMs);
  return [
    ratioOfFastest('rollup ÷ ingest', rollUps, ingestMs, null),
    ...ratiosOfTurns('apply with one rule changed ÷ ingest', [oneRule], ingests, atMost(0.05)),
    ...ratiosOfTurns("apply with one rule's condition changed ÷ ingest", [oneCondition], ingests, atMost(0.05)),
    ...ratiosOfTurns('apply of the rules before ÷ ingest', [back], ingests, null),
    ...ratiosOfTurns('apply with every origin changed ÷ ingest', [everyOrigin], ingests, atMost(0.25)),
    ...ratiosOfTurns("apply with every rule's condition changed ÷ ingest", [everyCondition], ingests, atMost(0.25)),
  ];
}

/** Changes one rule once more, so that what follows is measured under a rulebook that is laid upon another one. */
export async function changeOneRule(place: RulebookPlace): Promise<void> {
  await apply(place, 'first');
  await apply(place, 'one-rule');
}

/** Rolls the loads up once more, their origins being attributed, and takes it back. */
async function rollUpAgain(db: Database['db']): Promise<number> {
  const trx = await db.startTransaction().execute();
  try {
    const { rows } = await sql<{ load_id: string; rulebook_id: number }>`
      delete from load_rollup where rulebook_id = (select rulebook_id from organisation) returning load_id, rulebook_id`.execute(
      trx,
    );
    if (rows.length === 0) throw new Error('There is no rollup to make again.');
    let elapsedMs = 0;
    for (const { load_id: loadId, rulebook_id: rulebookId } of rows) {
      for (const table of ['pod_cost', 'rollup_month']) {
        await sql`delete from ${sql.table(table)} where load_id = ${loadId} and rulebook_id = ${rulebookId}`.execute(
          trx,
        );
      }
      const startedAt = performance.now();
      await rollUpLoad(trx, loadId, rulebookId);
      elapsedMs += performance.now() - startedAt;
    }
    return elapsedMs;
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
