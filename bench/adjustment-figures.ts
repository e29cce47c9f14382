/** What the first reader of a period with a closed month waits for after a change of figures: after one claim in that month, and where anything may have moved. */
import type { Kysely } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import { raiseFiguresVersion } from '../services/attribution/figures-version.ts';
import { refreshOpenAdjustments } from '../services/periods/open-adjustments.ts';
import { atMost, type Figure, figureOf, percentile } from './figures.ts';
import { stateAnother } from './outcome-inserts.ts';

const TURNS = 5;
const RATIO_MAX = 0.1;

/** In turns, in a database whose first month is closed; it has a few outcomes more afterwards. */
export async function measureAdjustments(db: Kysely<DB>, where: string): Promise<Figure[]> {
  const afterClaim: number[] = [];
  const anew: number[] = [];
  await refreshOpenAdjustments(db);
  for (let turn = 0; turn < TURNS; turn += 1) {
    await stateAnother(db, turn);
    afterClaim.push(await timed(() => refreshOpenAdjustments(db)));
    await db.transaction().execute((trx) => raiseFiguresVersion(trx, 'anything'));
    anew.push(await timed(() => refreshOpenAdjustments(db)));
  }
  const [claim, everything] = [afterClaim, anew].map((times) => percentile(times, 0.5));
  if (claim === undefined || everything === undefined) return [];
  return [
    figureOf(`adjustments of a closed month after a claim ÷ compared anew${where}`, claim / everything, {
      from: `${claim.toFixed(0)} ms ÷ ${everything.toFixed(0)} ms, medians of ${TURNS} turns`,
      target: atMost(RATIO_MAX),
    }),
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
