/**
 * What ingestion costs per million lines as bills grow: sizes one after another, each into a fresh database, each once. Nothing is compared
 * with a bare COPY, whose CSV of 20 million lines takes 16 GB; a size's files and database are gone before the next one's are made.
 */
import { rm } from 'node:fs/promises';
import type { BenchPlace } from './bench-place.ts';
import { writeBenchBill } from './bill-generator.ts';
import { atMost, describeTurn, type Measured, ratiosOfTurns, type Turn } from './figures.ts';
import { INGESTED, ingestBill, type IngestRun, workerFolder } from './ingest-bill.ts';

const MILLION = 1_000_000;

interface SizeRun extends IngestRun {
  readonly lines: number;
}

/** Ingests a Parquet DECIMAL bill of each size. @throws Error where a size's sums are not the bill's. */
export async function measureTrend(place: BenchPlace, sizes: readonly number[]): Promise<Measured> {
  const runs: SizeRun[] = [];
  for (const lines of sizes.toSorted((left, right) => left - right)) {
    const bill = await writeBenchBill({ folder: `${place.folder}/trend`, lines, format: 'parquet-decimal' });
    const run = await ingestBill(place, bill);
    console.log(
      `trend, ${named(lines)}, ${(bill.bytes / 1e6).toFixed(0)} MB: ${describeTurn(run)}, memory ${((run.peakBytes ?? 0) / 1024 ** 3).toFixed(2)} GiB`,
    );
    runs.push({ ...run, lines });
    await rm(bill.path);
    await rm(workerFolder(place), { recursive: true, force: true });
    await place.dropDatabase(INGESTED);
    await place.checkpoint();
  }
  const [smallest, ...larger] = runs;
  const figures = larger.flatMap((run) =>
    smallest === undefined
      ? []
      : ratiosOfTurns(
          `a million lines at ${named(run.lines)} ÷ at ${named(smallest.lines)}`,
          [perMillion(run)],
          [perMillion(smallest)],
          atMost(1.2),
        ),
  );
  return { figures, peaks: runs.map((run) => run.peakBytes) };
}

function perMillion({ elapsedMs, processorMs, lines }: SizeRun): Turn {
  return { elapsedMs: (elapsedMs / lines) * MILLION, processorMs: (processorMs / lines) * MILLION };
}

function named(lines: number): string {
  return `${(lines / MILLION).toLocaleString('en-GB')} million`;
}
