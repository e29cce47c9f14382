/** Times one ingestion, watches its memory, and refuses figures that are not the bills'. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { decimal, sum } from '../services/kernel/decimal.ts';
import type { BenchPlace } from './bench-place.ts';
import type { BenchBill } from './bill-generator.ts';
import type { Turn } from './figures.ts';
import type { IngestAnswer, IngestRequest } from './ingest-process.ts';
import { processorMs } from './processor-time.ts';
import { watchMemory } from './resident-memory.ts';

/** The database every ingestion starts from: migrated, with the organisation applied. */
export const TEMPLATE = 'bench_template';
/** The database of the latest ingestion. */
export const INGESTED = 'bench_ingested';

/** Where the worker keeps its files, the bill's archive among them; each ingestion begins with none. */
export function workerFolder(place: BenchPlace): string {
  return join(place.folder, 'worker');
}

export interface IngestRun extends Turn {
  /** Of the ingesting process and its children together. */
  readonly peakBytes: number | null;
}

/**
 * Ingests a bill from its file to published, into a fresh database.
 * @throws Error where it fails or where what is published is not, to the last decimal, what the generator wrote.
 */
export async function ingestBill(place: BenchPlace, bill: BenchBill): Promise<IngestRun> {
  await place.createDatabase(INGESTED, TEMPLATE);
  return ingestNext(place, bill, [bill]);
}

/**
 * Ingests one more bill, of another month or a restated one, into the database of the latest ingestion.
 * @param current the bills whose figures count then, this one among them.
 * @throws as `ingestBill`.
 */
export async function ingestNext(
  place: BenchPlace,
  bill: BenchBill,
  current: readonly BenchBill[],
): Promise<IngestRun> {
  const databaseUrl = place.urlOf(INGESTED);
  const dataDir = workerFolder(place);
  await rm(dataDir, { recursive: true, force: true });
  await place.checkpoint();
  const usedBefore = processorMs([place.serverPid]);
  const child = fork(join(import.meta.dirname, 'ingest-process.ts'), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const memory = watchMemory(child.pid ?? 0);
  try {
    child.send({ databaseUrl, dataDir, path: bill.path } satisfies IngestRequest);
    const ended = once(child, 'exit').then(() => [{ failure: `ingesting ${bill.path} was ended from outside` }]);
    const [answer] = (await Promise.race([once(child, 'message'), ended])) as [IngestAnswer];
    if ('failure' in answer) throw new Error(answer.failure);
    // The worker's start is in its processor time, though not in its time on the wall.
    const used = processorMs([place.serverPid, child.pid ?? 0]) - usedBefore;
    await refuseInexact(databaseUrl, current);
    return { elapsedMs: answer.elapsedMs, processorMs: used, peakBytes: memory.stop() };
  } finally {
    memory.stop();
    child.kill('SIGKILL');
  }
}

/** Charges, rollup and published figures, each against the generator's own sums. */
async function refuseInexact(databaseUrl: string, bills: readonly BenchBill[]): Promise<void> {
  const sums = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost']
    .map((metric) => `trim_scale(sum(${metric}))::text`)
    .join(` || ' ' || `);
  const current = `select id from load where state = 'published'`;
  const expected = (['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const)
    .map((metric) => sum(bills.map((bill) => decimal(bill[metric]))))
    .join(' ');
  const lineCount = bills.reduce((count, bill) => count + bill.lines, 0);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ place: string; found: string | null; lines: string | null }>(
      `select 'charge' as place, ${sums} as found, sum(line_count)::text as lines from charge where load_id in (${current})
       union all select 'rollup_cost', ${sums}, sum(line_count)::text from rollup_cost
         where rulebook_id = (select rulebook_id from organisation) and load_id in (${current})
       union all select 'pod_day', ${sums}, null from pod_day`,
    );
    for (const { place, found, lines } of rows) {
      if (found === expected && (lines === null || Number(lines) === lineCount)) continue;
      throw new Error(
        `After ${bills.at(-1)?.path}: ${place} has ${found} of ${lines} lines; the bills have ${expected} of ${lineCount}.`,
      );
    }
  } finally {
    await client.end();
  }
}
