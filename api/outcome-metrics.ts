/**
 * Outcomes among Prometheus' figures: who waits for finance and since when, what is broken, how full pools are, and how much uploaded files
 * hold of what they may.
 */
import type { Kysely } from 'kysely';
import type { Gauge } from 'prom-client';
import { readOutcomeFigures } from '../db/queries/outcome-figures.ts';
import type { DB } from '../db/schema.gen.ts';
import { utcDate } from '../services/kernel/period.ts';
import { readPoolFill } from '../services/outcomes/pools/pool-fill.ts';

type MakeGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

/** Makes the gauges, and gives what reads them. */
export function createOutcomeMetrics(gauge: MakeGauge): (db: Kysely<DB>, at: Date) => Promise<void> {
  const outcomes = gauge('outturn_outcomes', 'Outcomes by state.', ['state']);
  const waiting = gauge(
    'outturn_outcome_waiting_seconds',
    'Since the oldest outcome that is claimed or in review was claimed; 0 where none is.',
  );
  const broken = gauge('outturn_evidence_broken', 'Pieces of evidence that are broken and not mended.');
  const bytes = gauge('outturn_evidence_file_bytes', 'What uploaded evidence holds in the database.');
  const bytesMax = gauge('outturn_evidence_file_bytes_max', 'What uploaded evidence may hold altogether.');
  const poolUse = gauge(
    'outturn_outcome_pool_used_ratio',
    'How much of its ceiling a pool has used in the window that holds today; 1 is full.',
    ['pool'],
  );
  return async (db, at) => {
    const figures = await readOutcomeFigures(db);
    outcomes.reset();
    for (const [state, count] of Object.entries(figures.states)) outcomes.set({ state }, count);
    const { waitingSince } = figures;
    waiting.set(waitingSince === null ? 0 : (at.getTime() - waitingSince.getTime()) / 1_000);
    broken.set(figures.brokenEvidence);
    bytes.set(figures.fileBytes);
    bytesMax.set(figures.fileBytesMax);
    const pools = await readPoolFill(db, utcDate(at));
    poolUse.reset();
    for (const { poolId, usedRatio } of pools) poolUse.set({ pool: poolId }, Number(usedRatio));
  };
}
