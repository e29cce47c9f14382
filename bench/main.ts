/**
 * npm run bench: prints the product's speed as ratios, each of two sides that ran in turns on the same server with the same settings
 * and durability, on bills made for it. A figure that is not exact to the last decimal ends it with an error.
 */
import { cpus, totalmem } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openDatabase } from '../db/database.ts';
import { migrateToLatest } from '../db/migrate.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { applyOrganisation } from '../services/organisation/apply-organisation.ts';
import { benchOrganisation } from './bench-organisation.ts';
import { type BenchPlace, openBenchPlace } from './bench-place.ts';
import { atMost, type Figure, type Measured, memoryFigures, printFigures } from './figures.ts';
import { measureFormats } from './format-figures.ts';
import { TEMPLATE } from './ingest-bill.ts';
import { measureMonths } from './month-figures.ts';
import { measureOutcomes } from './outcome-figures.ts';
import { BENCH_NOW } from './rulebook-figures.ts';
import { measureTrend } from './trend-figures.ts';

const FORMATS = ['parquet-decimal', 'parquet-double', 'csv', 'csv-gz'] as const;
const OF_MONTHS = ['reports', 'http', 'rulebook', 'outcomes-beside'] as const;
const FIGURES = [...FORMATS, ...OF_MONTHS, 'outcomes', 'trend'] as const;
const TREND_LINES = [2_000_000, 20_000_000];
const MONTHS_MAX = 12;
const MEMORY_GIB_MAX = 1.5;

interface BenchOptions {
  readonly lines: number;
  readonly months: number;
  readonly rounds: number;
  readonly only: readonly (typeof FIGURES)[number][];
  /** Lines of each bill of the trend. */
  readonly trend: readonly number[];
  readonly keep: boolean;
}

async function bench(place: BenchPlace, options: BenchOptions): Promise<Figure[]> {
  await prepareTemplate(place);
  const measured: Measured[] = [];
  const formats = FORMATS.filter((name) => options.only.includes(name));
  if (formats.length > 0) measured.push(await measureFormats(place, { ...options, formats }));
  const only = OF_MONTHS.filter((name) => options.only.includes(name));
  if (only.length > 0) measured.push(await measureMonths(place, { ...options, only }));
  if (options.only.includes('outcomes')) measured.push(await measureOutcomes(place));
  if (options.only.includes('trend')) measured.push(await measureTrend(place, options.trend));
  const peaks = measured.flatMap((one) => one.peaks);
  return [
    ...measured.flatMap((one) => one.figures),
    ...memoryFigures('peak resident memory of the worker and its child', peaks, atMost(MEMORY_GIB_MAX)),
  ];
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

function readOptions(): BenchOptions {
  const whole = (text: string) => {
    if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a whole number above zero.');
    return Number(text);
  };
  const month = (text: string) => {
    if (whole(text) > MONTHS_MAX) throw new InvalidArgumentError(`Give at most ${MONTHS_MAX}.`);
    return whole(text);
  };
  const program = new Command('bench')
    .description('measures ingestion, rule changes, reports and the API, and holds them against their targets')
    .option('--lines <count>', 'lines of each bill, up to 20 million', whole, 2_000_000)
    .option('--months <count>', 'monthly bills under the reports, the API and the rule changes', month, 1)
    .option('--rounds <count>', 'turns of each side', whole, 3)
    .addOption(new Option('--only <names...>', 'only these figures').choices(FIGURES).default([...FIGURES]))
    .option(
      '--trend <counts>',
      'lines of each bill of the trend, with commas between',
      (text) => text.split(',').map(whole),
      TREND_LINES,
    )
    .option('--keep', 'leave the server and its databases on disk, to measure more by hand', false)
    .parse();
  return program.opts<BenchOptions>();
}

const options = readOptions();
const place = await openBenchPlace({ keep: options.keep });
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
