/**
 * Monthly bills, one after another into one database, and what is asked of them: reports of the quarter, the API, a change of the rules, and
 * all of it again after one rule changed. A bill's file is gone once it is ingested, so that a year needs the disk of its charges only.
 */
import { rm } from 'node:fs/promises';
import { openDatabase } from '../db/database.ts';
import { decimal, sum } from '../services/kernel/decimal.ts';
import { type IsoDate, monthsTouched } from '../services/kernel/period.ts';
import type { BenchPlace } from './bench-place.ts';
import { type BenchBill, writeBenchBill } from './bill-generator.ts';
import { describeTurn, type Figure, type Measured, ratiosOfTurns, sumOfTurns } from './figures.ts';
import { measureHttp } from './http-figures.ts';
import { INGESTED, type IngestRun, ingestNext, TEMPLATE } from './ingest-bill.ts';
import { measureOutcomesBeside } from './outcome-figures.ts';
import { addNaiveLines, createNaiveLines, LINES_DATABASE } from './naive-lines.ts';
import { measureReports } from './report-figures.ts';
import { changeOneRule, measureRulebook } from './rulebook-figures.ts';

/** The months that bills may be of, the latest last. */
const MONTHS: readonly IsoDate[] = monthsTouched('2025-10-01', '2026-10-01');
const QUARTER_START: IsoDate = '2026-07-01';

export type MonthFigures = 'reports' | 'http' | 'rulebook' | 'outcomes-beside';

export interface MonthOptions {
  /** Of each bill. */
  readonly lines: number;
  /** How many bills; the latest is of September 2026. */
  readonly months: number;
  readonly rounds: number;
  readonly only: readonly MonthFigures[];
}

interface Months {
  /** In order of their months. */
  readonly bills: readonly BenchBill[];
  readonly runs: IngestRun[];
}

/** @throws Error where a figure is not the bills' to the last decimal. */
export async function measureMonths(place: BenchPlace, options: MonthOptions): Promise<Measured> {
  const { bills, runs } = await ingestMonths(place, options);
  const figures = await ask(place, bills, options.only, place.urlOf(LINES_DATABASE));
  if (options.only.includes('rulebook')) runs.push(await changeRules(place, options, { bills, runs, figures }));
  // Last, because its pods are in no bill.
  if (options.only.includes('outcomes-beside')) {
    figures.push(...(await withDatabase(place, ({ db }) => measureOutcomesBeside(place, db))));
  }
  return { figures, peaks: runs.map(({ peakBytes }) => peakBytes) };
}

/** Adds the figures of changed rules; gives the ingestion that came after them. */
async function changeRules(
  place: BenchPlace,
  options: MonthOptions,
  { bills, runs, figures }: Months & { figures: Figure[] },
): Promise<IngestRun> {
  await withDatabase(place, async ({ db }) => {
    const rules = { db, serverPid: place.serverPid };
    figures.push(...(await measureRulebook(rules, [sumOfTurns(runs)], options.rounds)));
    await changeOneRule(rules);
  });
  const restated = await writeMonth(place, options.lines, MONTHS.at(-1) ?? QUARTER_START, 2);
  const current = [...bills.slice(0, -1), restated];
  const run = await ingestNext(place, restated, current);
  await rm(restated.path);
  console.log(`${restated.billingPeriod} restated: ${describeTurn(run)}`);
  figures.push(...ratiosOfTurns('restatement after one rule changed ÷ ingest', [run], runs.slice(-1), null));
  const again = await ask(place, current, options.only, null);
  figures.push(...again.map((figure) => ({ ...figure, name: `${figure.name}, after one rule changed` })));
  return run;
}

async function ingestMonths(place: BenchPlace, { lines, months, only }: MonthOptions): Promise<Months> {
  await place.createDatabase(INGESTED, TEMPLATE);
  await createNaiveLines(place);
  const bills: BenchBill[] = [];
  const runs: IngestRun[] = [];
  for (const month of MONTHS.slice(-months)) {
    const bill = await writeMonth(place, lines, month, 1);
    bills.push(bill);
    const run = await ingestNext(place, bill, bills);
    runs.push(run);
    if (only.includes('reports')) await addNaiveLines(place, bill);
    await rm(bill.path);
    console.log(`${bill.billingPeriod}, ${lines.toLocaleString('en-GB')} lines: ${describeTurn(run)}`);
  }
  return { bills, runs };
}

async function ask(
  place: BenchPlace,
  bills: readonly BenchBill[],
  only: readonly MonthFigures[],
  linesUrl: string | null,
): Promise<Figure[]> {
  const ofQuarter = bills.filter(({ billingPeriod }) => `${billingPeriod}-01` >= QUARTER_START);
  const lines = {
    lineCount: bills.reduce((count, bill) => count + bill.lines, 0),
    effectiveCost: sum(ofQuarter.map((bill) => decimal(bill.effectiveCost))),
  };
  const places = { ingestedUrl: place.urlOf(INGESTED), serverPid: place.serverPid, linesUrl };
  return [
    ...(only.includes('reports') ? await measureReports(places, lines) : []),
    ...(only.includes('http')
      ? await withDatabase(place, ({ db }) => measureHttp({ db, serverPid: place.serverPid }))
      : []),
  ];
}

function writeMonth(place: BenchPlace, lines: number, month: IsoDate, edition: number): Promise<BenchBill> {
  const folder = `${place.folder}/bills`;
  return writeBenchBill({ folder, lines, format: 'parquet-decimal', month: month.slice(0, 7), edition });
}

async function withDatabase<Result>(
  place: BenchPlace,
  work: (database: ReturnType<typeof openDatabase>) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase(place.urlOf(INGESTED), { applicationName: 'outturn bench', poolMax: 20 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
