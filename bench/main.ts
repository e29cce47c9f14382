/**
 * npm run bench: prints the product's speed as ratios, each of two sides that ran in turns on the same server with the same settings
 * and durability, on bills made for it. A figure that is not exact to the last decimal ends it with an error.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openDatabase } from '../db/database.ts';
import { migrateToLatest } from '../db/migrate.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { applyOrganisation } from '../services/organisation/apply-organisation.ts';
import { type BareTable, bareCopy } from './bare-copy.ts';
import { benchOrganisation } from './bench-organisation.ts';
import { type BenchPlace, openBenchPlace } from './bench-place.ts';
import { type BenchBill, writeBenchBill } from './bill-generator.ts';
import type { BenchFormat } from './bill-generator-columns.ts';
import { type Figure, memoryFigure, printFigures, ratiosOfTurns, type Turn } from './figures.ts';
import { measureHttp } from './http-figures.ts';
import { INGESTED, ingestBill, ingestRestated, TEMPLATE } from './ingest-bill.ts';
import { measureReports } from './report-figures.ts';
import { measureTrend } from './trend-figures.ts';
import { BENCH_NOW, changeOneRule, measureRulebook } from './rulebook-figures.ts';

const FIGURES = ['parquet-decimal', 'parquet-double', 'csv-gz', 'rulebook', 'reports', 'http'] as const;
type FigureName = (typeof FIGURES)[number] | 'trend';
/** The figures that need the bare COPY of the bill as CSV; the others are quick without it. */
const COPIED: readonly FigureName[] = ['parquet-decimal', 'parquet-double'];
const TREND_LINES = [2_000_000, 5_000_000];
const LINES_DATABASE = 'bench_lines';
const GZIPPED_DATABASE = 'bench_gzipped';
const TEXT_DATABASE = 'bench_text';

interface BenchOptions {
  readonly lines: number;
  readonly rounds: number;
  readonly only: readonly FigureName[];
  /** Lines of each bill of the trend. */
  readonly trend: readonly number[];
}

/** The turns of each side, by its name. */
type Turns = Map<string, Turn[]>;

async function bench(place: BenchPlace, options: BenchOptions): Promise<Figure[]> {
  await prepareTemplate(place);
  const trend = options.only.includes('trend') ? await measureTrend(place, options.trend) : [];
  return options.only.some((name) => name !== 'trend') ? [...(await benchBills(place, options)), ...trend] : trend;
}

async function benchBills(place: BenchPlace, options: BenchOptions): Promise<Figure[]> {
  const bills = await writeBills(place, options);
  const { turns, peaks } = await takeTurns(place, bills, options.rounds);
  const of = (side: string) => turns.get(side) ?? [];
  const parquet = (format: Exclude<BenchFormat, 'csv'>, title: string, bare: string, target: string): Figure[] =>
    options.only.includes(format) ? ratiosOfTurns(title, of(format), of(bare), target) : [];
  const ingested: BenchFormat = bills.has('parquet-decimal') ? 'parquet-decimal' : 'parquet-double';
  const figures = [
    ...parquet('parquet-decimal', 'Parquet DECIMAL to published ÷ bare COPY', 'bare COPY', '≤ 0.9'),
    ...parquet('parquet-double', 'Parquet DOUBLE to published ÷ bare COPY', 'bare COPY', '≤ 0.9'),
    ...parquet('csv-gz', 'CSV.GZ to published ÷ (gunzip | bare COPY)', 'gunzip | bare COPY', '≤ 1.5'),
    ...parquet(
      'parquet-decimal',
      'Parquet DECIMAL to published ÷ bare COPY, all columns text',
      'bare COPY of text',
      '',
    ),
    memoryFigure('peak resident memory of the worker and its child', peaks, '≤ 1.5 GiB'),
  ];
  const bill = bills.get(ingested);
  if (bill === undefined) return figures;
  // The turns may end with another bill; the figures below are about this one.
  if ([...bills.keys()].findLast((format) => format !== 'csv') !== ingested) await ingestBill(place, bill);
  const linesUrl = bills.has('csv') ? place.urlOf(LINES_DATABASE) : null;
  const places = { ingestedUrl: place.urlOf(INGESTED), linesUrl };
  if (options.only.includes('reports')) figures.push(...(await measureReports(places, bill)));
  const database = openDatabase(places.ingestedUrl, { applicationName: 'outturn bench', poolMax: 20 });
  try {
    if (options.only.includes('http')) figures.push(...(await measureHttp(database)));
    if (options.only.includes('rulebook')) {
      const rules = { db: database.db, serverPid: place.serverPid };
      figures.push(...(await measureRulebook(rules, of(ingested), options.rounds)));
      await changeOneRule(rules);
      const format = ingested === 'parquet-decimal' ? 'parquet-decimal' : 'parquet-double';
      const restated = await writeBenchBill({ folder: `${place.folder}/bills`, lines: options.lines, format, seed: 2 });
      const again = await ingestRestated(place, restated);
      figures.push(...ratiosOfTurns('restatement after one rule changed ÷ ingest', [again], of(ingested), ''));
      if (options.only.includes('reports')) {
        for (const figure of await measureReports(places, restated)) {
          figures.push({ ...figure, name: `${figure.name}, after one rule changed` });
        }
      }
    }
  } finally {
    await database.close();
  }
  return figures;
}

async function prepareTemplate(place: BenchPlace): Promise<void> {
  const { db, close } = openDatabase(await place.createDatabase(TEMPLATE), { applicationName: 'outturn bench' });
  try {
    await migrateToLatest(db);
    await applyOrganisation(db, { file: benchOrganisation('first'), principal: localOperator, at: BENCH_NOW });
  } finally {
    await close();
  }
}

async function writeBills(place: BenchPlace, options: BenchOptions): Promise<Map<BenchFormat, BenchBill>> {
  const needsDecimal = (['parquet-decimal', 'rulebook', 'reports', 'http'] as const).some((name) =>
    options.only.includes(name),
  );
  const formats: BenchFormat[] = [
    ...(needsDecimal ? (['parquet-decimal'] as const) : []),
    ...(options.only.includes('parquet-double') ? (['parquet-double'] as const) : []),
    ...(options.only.includes('csv-gz') ? (['csv-gz'] as const) : []),
    ...(options.only.some((name) => COPIED.includes(name)) ? (['csv'] as const) : []),
  ];
  const bills = new Map<BenchFormat, BenchBill>();
  for (const format of formats) {
    const bill = await writeBenchBill({ folder: `${place.folder}/bills`, lines: options.lines, format });
    console.log(`${format}: ${bill.lines} lines, ${(bill.bytes / 1e6).toFixed(0)} MB`);
    bills.set(format, bill);
  }
  return bills;
}

/** Each round gives every side one turn. */
async function takeTurns(
  place: BenchPlace,
  bills: ReadonlyMap<BenchFormat, BenchBill>,
  rounds: number,
): Promise<{ turns: Turns; peaks: (number | null)[] }> {
  const turns: Turns = new Map();
  const peaks: (number | null)[] = [];
  const note = (side: string, turn: Turn) => {
    turns.set(side, [...(turns.get(side) ?? []), turn]);
    console.log(
      `${side}: ${(turn.elapsedMs / 1000).toFixed(2)} s, processor ${(turn.processorMs / 1000).toFixed(2)} s, load ${loadavg()[0]?.toFixed(1)}`,
    );
  };
  const copyInto = async (side: string, database: string, bill: BenchBill, table: BareTable) => {
    note(side, await bareCopy({ place, database }, bill, table));
    if (database !== LINES_DATABASE) await place.dropDatabase(database);
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const [format, bill] of bills) {
      if (format === 'csv') {
        await copyInto('bare COPY', LINES_DATABASE, bill, 'typed');
        await copyInto('bare COPY of text', TEXT_DATABASE, bill, 'text');
        continue;
      }
      if (format === 'csv-gz') await copyInto('gunzip | bare COPY', GZIPPED_DATABASE, bill, 'typed');
      const run = await ingestBill(place, bill);
      note(format, run);
      peaks.push(run.peakBytes);
    }
  }
  return { turns, peaks };
}

function readOptions(): BenchOptions {
  const whole = (text: string) => {
    if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a whole number above zero.');
    return Number(text);
  };
  const wholes = (text: string) => text.split(',').map(whole);
  const program = new Command('bench')
    .description('measures ingestion, rollup and reports against a bare COPY in the same run')
    .option('--lines <count>', 'lines of each bill, up to 20 million', whole, 2_000_000)
    .option('--rounds <count>', 'turns of each side', whole, 3)
    .addOption(
      new Option(
        '--only <names...>',
        'only these figures; trend, which is not among them otherwise, ingests bills of several sizes',
      )
        .choices([...FIGURES, 'trend'])
        .default([...FIGURES]),
    )
    .option('--trend <counts>', 'lines of each bill of the trend, with commas between', wholes, TREND_LINES)
    .parse();
  return program.opts<BenchOptions>();
}

const options = readOptions();
const place = await openBenchPlace();
let isInterrupted = false;
const interrupt = () => {
  isInterrupted = true;
  void place.close().finally(() => process.exit(130));
};
process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
try {
  const processor = cpus()[0]?.model ?? 'unknown processor';
  console.log(`${cpus().length} × ${processor}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Node ${process.version}`);
  console.log(`${place.server}\nEach ratio: the fastest of ${options.rounds} turns of either side, taken in turns.`);
  printFigures(await bench(place, options));
} catch (error) {
  if (!isInterrupted) {
    console.error(error);
    process.exitCode = 1;
  }
} finally {
  await place.close();
}
