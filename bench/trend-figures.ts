/**
 * What ingestion costs per million lines as bills grow: sizes one after another, each into a fresh database, each once. Nothing is compared
 * with a bare COPY, whose CSV of 20 million lines takes 16 GB; a size's files and database are gone before the next one's are made.
 */
import { rm } from 'node:fs/promises';
import type { BenchPlace } from './bench-place.ts';
import { writeBenchBill } from './bill-generator.ts';
import { type Figure, memoryFigure } from './figures.ts';
import { INGESTED, ingestBill, type IngestRun, workerFolder } from './ingest-bill.ts';

const MILLION = 1_000_000;
const MS_PER_SECOND = 1000;

interface SizeRun extends IngestRun {
  readonly lines: number;
}

/** Ingests a Parquet DECIMAL bill of each size. @throws Error where a size's sums are not the bill's. */
export async function measureTrend(place: BenchPlace, sizes: readonly number[]): Promise<Figure[]> {
  const runs: SizeRun[] = [];
  for (const lines of sizes.toSorted((left, right) => left - right)) {
    const bill = await writeBenchBill({ folder: `${place.folder}/trend`, lines, format: 'parquet-decimal' });
    const run = await ingestBill(place, bill);
    console.log(
      `trend, ${lines} lines, ${(bill.bytes / 1e6).toFixed(0)} MB: ${seconds(run.elapsedMs)}, processor ${seconds(run.processorMs)}`,
    );
    runs.push({ ...run, lines });
    await rm(bill.path);
    await rm(workerFolder(place), { recursive: true, force: true });
    await place.dropDatabase(INGESTED);
    await place.checkpoint();
  }
  const [smallest] = runs;
  if (smallest === undefined) return [];
  return runs.flatMap((run) => [
    perMillion(`${named(run)}: processor time per million lines`, run, smallest, (one) => one.processorMs),
    perMillion(`${named(run)}: time on the wall per million lines`, run, smallest, (one) => one.elapsedMs),
    memoryFigure(`${named(run)}: peak resident memory`, [run.peakBytes], '≤ 1.5 GiB'),
  ]);
}

function perMillion(name: string, run: SizeRun, smallest: SizeRun, timeOf: (run: SizeRun) => number): Figure {
  const rate = (one: SizeRun) => timeOf(one) / (one.lines / MILLION);
  return {
    name,
    value: seconds(rate(run)),
    from: `${seconds(timeOf(run))} in all; ${(rate(run) / rate(smallest)).toFixed(2)} of that at ${named(smallest)}`,
    target: '',
  };
}

function named({ lines }: SizeRun): string {
  return `${lines.toLocaleString('en-GB')} lines`;
}

function seconds(ms: number): string {
  return `${(ms / MS_PER_SECOND).toFixed(2)} s`;
}
