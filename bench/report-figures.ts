/** Reports of the quarter on the database that the latest ingestion left, and the naive SQL over the same lines they spare. */
import { openDatabase } from '../db/database.ts';
import { createValueReader } from '../services/access/value-reader.ts';
import type { Principal } from '../services/kernel/ports.ts';
import { importOutcomes } from '../services/outcomes/sheets/import-outcomes.ts';
import { costs } from '../services/reports/costs.ts';
import { prepareConversions } from '../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../services/reports/value-per-pod.ts';
import { POD_COUNT, benchPod } from './bench-organisation.ts';
import { atLeast, atMost, type Figure, figureOf, percentile, processorFigures } from './figures.ts';
import { timeNaive } from './naive-lines.ts';
import { spentDuring } from './processor-time.ts';
import { BENCH_NOW } from './rulebook-figures.ts';

const QUARTER = '2026-Q3';
const CALLS = 200;
const EXPLORER_CALLS = 20;
const FINANCE: Principal = { id: 'grace@bench.example', role: 'finance', pods: [] };

/** From this many lines a year on, naive SQL is measured against its target. */
const YEAR_LINES = 60_000_000;

export interface ReportPlaces {
  readonly ingestedUrl: string;
  readonly serverPid: number;
  /** Where the quarter's lines are (naive-lines.ts); null: naive SQL is not asked. */
  readonly linesUrl: string | null;
}

/** What was ingested. */
export interface ReportedLines {
  readonly lineCount: number;
  /** Of the quarter. */
  readonly effectiveCost: string;
}

/** @throws Error where the report's total, or that of naive SQL, is not the bills'. */
export async function measureReports(places: ReportPlaces, lines: ReportedLines): Promise<Figure[]> {
  const { db, close } = openDatabase(places.ingestedUrl, { applicationName: 'outturn bench' });
  try {
    await importOutcomes(db, {
      sheet: outcomeSheet(),
      workbook: 'bench',
      principal: FINANCE,
      dryRun: false,
      at: BENCH_NOW,
    });
    const request = { period: QUARTER, at: BENCH_NOW };
    await prepareConversions(db, request);
    const report = await valuePerPod(db, request);
    if (report.total.cost !== lines.effectiveCost) {
      throw new Error(`value-per-pod has ${report.total.cost} in all; the bills have ${lines.effectiveCost}.`);
    }
    const pids = { PostgreSQL: places.serverPid, Node: process.pid };
    const { figures_version: figuresVersion } = await db
      .selectFrom('organisation')
      .select('figures_version')
      .executeTakeFirstOrThrow();
    // As the API reads it for whoever asks again and again; nothing is taken from answers that were given before.
    const read = createValueReader(db);
    const { result: value, spent } = await spentDuring(pids, () =>
      timeCalls(CALLS, () => read({ principal: FINANCE, figuresVersion, request })),
    );
    const explorer = await timeCalls(EXPLORER_CALLS, () => costs(db, { ...request, by: ['pod', 'serviceName'] }));
    const p50 = percentile(value, 0.5);
    return [
      figureOf('value-per-pod of a quarter, p99', percentile(value, 0.99), {
        unit: ' ms',
        from: `${CALLS} calls, p50 ${p50.toFixed(1)} ms`,
        target: atMost(15),
      }),
      ...processorFigures(spent, CALLS, ({ total }) => ({ value: total, unit: ' ms' })),
      ...(places.linesUrl === null ? [] : [await naiveFigure(places.linesUrl, lines, p50)]),
      figureOf('costs of a quarter by pod and service, p50', percentile(explorer, 0.5), {
        unit: ' ms',
        from: `${EXPLORER_CALLS} calls, p99 ${percentile(explorer, 0.99).toFixed(0)} ms`,
        target: atMost(300),
      }),
    ];
  } finally {
    await close();
  }
}

async function naiveFigure(linesUrl: string, lines: ReportedLines, p50: number): Promise<Figure> {
  const naiveMs = await timeNaive(linesUrl, lines.effectiveCost);
  return figureOf('naive SQL over the lines ÷ value-per-pod', naiveMs / p50, {
    from: `${naiveMs.toFixed(0)} ms ÷ p50, ${lines.lineCount.toLocaleString('en-GB')} lines in all`,
    target: lines.lineCount < YEAR_LINES ? null : atLeast(3000),
  });
}

async function timeCalls(calls: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  return times;
}

function outcomeSheet(): string {
  const header =
    'source_row_id,pod,title,delivered_on,basis,gross_or_margin,amount,currency,owner_email,state,verified_by';
  const rows = Array.from({ length: POD_COUNT }, (_pod, index) =>
    [
      `row-${index}`,
      benchPod(index),
      `Outcome ${index}`,
      '2026-09-10',
      'revenue',
      'margin',
      `${1000 + index}.00`,
      'USD',
      'ada@bench.example',
      'claimed',
      '',
    ].join(','),
  );
  return `${[header, ...rows].join('\n')}\n`;
}
