/** Ingestion of a bill in each format, in turns with a bare COPY of the same lines. */
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { bareCopy } from './bare-copy.ts';
import type { BenchPlace } from './bench-place.ts';
import { type BenchBill, writeBenchBill } from './bill-generator.ts';
import type { BenchFormat } from './bill-generator-columns.ts';
import { atMost, describeTurn, type Measured, ratiosOfTurns, type Target, type Turn } from './figures.ts';
import { ingestBill } from './ingest-bill.ts';

type Yardstick = 'bare COPY' | 'bare COPY of text' | 'gunzip | bare COPY';

interface Ratio {
  readonly name: string;
  readonly format: BenchFormat;
  readonly below: Yardstick;
  readonly target: Target | null;
}

const RATIOS: readonly Ratio[] = [
  { name: 'Parquet DECIMAL to published', format: 'parquet-decimal', below: 'bare COPY', target: atMost(0.9) },
  { name: 'Parquet DECIMAL to published', format: 'parquet-decimal', below: 'bare COPY of text', target: null },
  { name: 'Parquet DOUBLE to published', format: 'parquet-double', below: 'bare COPY', target: atMost(0.9) },
  { name: 'CSV to published, rewritten for the archive', format: 'csv', below: 'bare COPY', target: atMost(1.4) },
  { name: 'CSV.GZ to published', format: 'csv-gz', below: 'gunzip | bare COPY', target: atMost(1.5) },
];
/** The bill that a yardstick copies. */
const COPIED: Readonly<Record<Yardstick, BenchFormat>> = {
  'bare COPY': 'csv',
  'bare COPY of text': 'csv',
  'gunzip | bare COPY': 'csv-gz',
};

/** The ratios of these formats. Each round gives every side one turn; the bills are gone afterwards. */
export async function measureFormats(
  place: BenchPlace,
  { formats, lines, rounds }: { formats: readonly BenchFormat[]; lines: number; rounds: number },
): Promise<Measured> {
  const ratios = RATIOS.filter(({ format }) => formats.includes(format));
  const yardsticks = [...new Set(ratios.map(({ below }) => below))];
  const bills = new Map<BenchFormat, BenchBill>();
  for (const format of new Set([...formats, ...yardsticks.map((yardstick) => COPIED[yardstick])])) {
    const bill = await writeBenchBill({ folder: `${place.folder}/bills`, lines, format });
    console.log(`${format}: ${bill.lines.toLocaleString('en-GB')} lines, ${(bill.bytes / 1e6).toFixed(0)} MB`);
    bills.set(format, bill);
  }
  const billOf = (format: BenchFormat) => {
    const bill = bills.get(format);
    if (bill === undefined) throw new Error(`There is no bill of format ${format}.`);
    return bill;
  };
  const turns = new Map<string, Turn[]>();
  const peaks: (number | null)[] = [];
  const note = (side: string, turn: Turn) => {
    turns.set(side, [...(turns.get(side) ?? []), turn]);
    console.log(`${side}: ${describeTurn(turn)}, load ${loadavg()[0]?.toFixed(1)}`);
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const yardstick of yardsticks) {
      const table = yardstick === 'bare COPY of text' ? 'text' : 'typed';
      note(yardstick, await bareCopy(place, billOf(COPIED[yardstick]), table));
    }
    for (const format of formats) {
      const run = await ingestBill(place, billOf(format));
      note(format, run);
      peaks.push(run.peakBytes);
    }
  }
  for (const { path } of bills.values()) await rm(path);
  const figures = ratios.flatMap(({ name, format, below, target }) =>
    ratiosOfTurns(`${name} ÷ ${below}`, turns.get(format) ?? [], turns.get(below) ?? [], target),
  );
  return { figures, peaks };
}
